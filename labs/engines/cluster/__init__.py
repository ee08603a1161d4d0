"""What runs, on any kind of machine: control plane, nodes, Docker, add-ons, images."""
