"""HTTP/1.1 clients behind one protocol of two methods."""
