"""A WebSocket server by `websockets`: it says its port, and how each connection ended."""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def say(*words):
    print(*words, flush=True)


async def messages(socket):
    try:
        async for message in socket:
            yield message
    except ConnectionClosed:
        pass


def choose(socket, offered):
    return "b" if "b" in offered else None


async def serve_one(socket):
    path = socket.request.path
    if path == "/echo":
        async for message in messages(socket):
            await socket.send(message)
    elif path == "/pieces":
        async for message in messages(socket):
            await socket.send([message[:1], message[1:-1], message[-1:]])
    elif path == "/ping":
        await (await socket.ping(b"from the server"))
        await socket.send("pong")
        await socket.wait_closed()
    elif path == "/credential":
        await socket.send(socket.request.headers["Authorization"])
        await socket.send(socket.request.headers["Authorization"].encode())
        await socket.wait_closed()
    elif path == "/close":
        await socket.close(4001, "that is all")
    else:
        await socket.send("hold")
        await socket.wait_closed()
    say("closed", path, socket.close_code)


async def main():
    options = dict(select_subprotocol=choose, compression=None, max_size=None, ping_interval=None, close_timeout=5)
    async with serve(serve_one, "127.0.0.1", 0, **options) as server:
        say("port", server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
