"""What is around every request: one rule a file, and the edge that puts them in their order."""
