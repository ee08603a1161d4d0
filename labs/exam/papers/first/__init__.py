"""The first drill."""
