"""Components of our own that draw in the browser: plain JavaScript on canvas, beside each its
Python function."""
