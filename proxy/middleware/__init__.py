"""Pure ASGI middleware, one class a file; `proxy.app` lists the stack in order."""
