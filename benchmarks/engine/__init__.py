"""The engine against llama-cpp-python's high-level class and llama.cpp's native server."""
