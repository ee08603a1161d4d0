"""Workshops: many learners at the same time, on one cluster."""
