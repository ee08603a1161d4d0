"""What was learnt, as a report for the instructor and one for each learner."""
