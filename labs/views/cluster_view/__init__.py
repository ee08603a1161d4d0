"""Who owns which pods, how they are, and which of them a Service leads to."""
