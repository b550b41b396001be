"""Every kind of message, by `websockets`; one line for each."""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

BASE = os.environ["BASE_URL"].replace("http://", "ws://")


def opened(path, **options):
    headers = {"Authorization": "Bearer " + os.environ["API_KEY"]}
    return connect(BASE + path, additional_headers=headers, compression=None, proxy=None, max_size=None, ping_interval=None, **options)


async def calls():
    async with opened("/echo", subprotocols=["a", "b"]) as socket:
        print("subprotocol", socket.subprotocol)
        for name, message in [("text", "Grüß Gott"), ("binary", b"\x00\xff\x01"), ("empty", "")]:
            await socket.send(message)
            print(name, await socket.recv() == message)
        for name, message in [("large text", "ä" * (1 << 19)), ("large binary", os.urandom(1 << 20))]:
            await socket.send(message)
            print(name, await socket.recv() == message)
        await socket.send(["in ", "three ", "pieces"])
        print("fragments", await socket.recv())
        await (await socket.ping(b"from the client"))
        print("ping pong")

        async def all_in():
            return [await socket.recv() for _ in range(2000)]

        reading = asyncio.create_task(all_in())
        for number in range(2000):
            await socket.send(f"message {number}")
        print("many", await reading == [f"message {number}" for number in range(2000)])
        await socket.close(4002, "enough")
    print("closed", socket.close_code)
    async with opened("/pieces") as socket:
        await socket.send("a message in pieces")
        print("pieces", await socket.recv())
    async with opened("/ping") as socket:
        print("asked", await socket.recv())
    async with opened("/credential") as socket:
        print("credential", await socket.recv(), (await socket.recv()).decode())
    async with opened("/close") as socket:
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            print("ended", closed.rcvd.code, closed.rcvd.reason)


async def hold():
    async with opened("/hold") as socket:
        print(await socket.recv(), flush=True)
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            print("ended", closed.rcvd.code if closed.rcvd else "without a word", flush=True)


asyncio.run({"calls": calls, "hold": hold}[sys.argv[1]]())
