"""Where the engines' programs come from: catalog, cache, downloads, builds, Debian packages."""
