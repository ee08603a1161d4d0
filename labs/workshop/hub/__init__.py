"""One plain Linux server for a class: JupyterHub, one cluster for all, and a Docker Engine for each."""
