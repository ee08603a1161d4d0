"""Base images, assembled on this machine from Debian packages and the engines' own programs."""
