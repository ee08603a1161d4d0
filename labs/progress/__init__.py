"""What a learner has solved, and what is next."""
