"""An image's layers, and the lines of the Dockerfile that made them."""
