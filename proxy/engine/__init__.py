"""Continuous batching over llama.cpp: one thread, many sequences, one batch a step."""
