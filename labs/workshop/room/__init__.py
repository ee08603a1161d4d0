"""A class on a cluster: roster, namespaces and rights, the instructor's page."""
