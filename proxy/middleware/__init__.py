"""Pure ASGI middleware, one class a file; `proxy.app` lists the stack in order.

What has nothing to do once the inside is done hands on the inner coroutine: an ``async def`` of its
own would be one more frame to pass with every chunk of every stream.
"""
