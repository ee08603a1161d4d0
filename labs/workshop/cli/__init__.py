"""The commands `labs workshop ...`."""
