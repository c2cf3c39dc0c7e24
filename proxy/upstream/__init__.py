"""HTTP/1.1 clients behind one protocol of two methods; `choose` says which one sends what."""
