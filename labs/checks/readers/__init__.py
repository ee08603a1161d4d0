"""What several lessons' checks read of the live state."""
