"""What all views share: frame, watches, painting, the JavaScript kit."""
