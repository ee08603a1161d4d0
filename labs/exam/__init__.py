"""Timed tasks as the exam sets them."""
