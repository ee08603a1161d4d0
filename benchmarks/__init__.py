"""Measurements for makers: start-up and scale."""
