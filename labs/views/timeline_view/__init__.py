"""What each component did for an object, in order."""
