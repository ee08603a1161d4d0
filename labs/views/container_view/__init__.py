"""A container's state, limits and use, namespaces and processes."""
