"""The engine `host`: machines made of namespaces, as root."""
