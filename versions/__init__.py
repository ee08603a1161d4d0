"""For makers: which version of each program the course is made of, and in which files that stands."""
