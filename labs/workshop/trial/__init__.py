"""A class without people: simulated learners, load, rehearsal."""
