"""In a room: an instructor's commands for thirty learners on one cluster (`labs workshop`)."""
