"""Look at results in a browser or a notebook."""
