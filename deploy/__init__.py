"""How the API is served."""
