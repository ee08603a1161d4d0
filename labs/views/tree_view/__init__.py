"""An object's fields as a tree, or several objects side by side."""
