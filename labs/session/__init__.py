"""A learner's session: clients, namespace, checks, hints, reset."""
