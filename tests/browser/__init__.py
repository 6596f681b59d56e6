"""Front ends in Chromium, at an origin that differs from the API's."""
