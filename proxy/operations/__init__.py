"""What the running proxy does by itself, beside the request path."""
