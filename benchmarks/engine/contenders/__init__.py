"""What is compared, each a program of its own: it loads one model and then runs jobs from stdin."""
