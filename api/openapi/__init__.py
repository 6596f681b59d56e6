"""The API's description and its documentation page."""
