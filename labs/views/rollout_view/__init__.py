"""A Deployment's pods over time, and what users are answered meanwhile."""
