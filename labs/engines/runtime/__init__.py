"""What the engines stand on: state folders, processes, root's rights, tasks."""
