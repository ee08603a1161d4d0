"""What is taught: lessons, topics, the exam's domains."""
