"""What is solved of each lesson and each domain, and what is next."""
