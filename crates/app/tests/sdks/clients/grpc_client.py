"""Every kind of gRPC call, through the gateway; one line for each."""

import os
import queue
import time

import grpc

KEY = (("keyroll-key", os.environ["API_KEY"]),)
OPTIONS = [
    ("grpc.default_authority", os.environ["AUTHORITY"]),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
]
channel = grpc.insecure_channel(os.environ["TARGET"], options=OPTIONS)


def method(kind, name):
    return getattr(channel, kind)(f"/test.Peer/{name}")


def failed(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise SystemExit("it should have failed")


def unary():
    answer, call = method("unary_unary", "Unary").with_call(b"hello", metadata=KEY, timeout=30)
    trailers = dict(call.trailing_metadata())
    print("unary", answer, call.code(), trailers["x-size"], trailers["x-raw-bin"])


def empty():
    print("empty", method("unary_unary", "Unary")(b"", metadata=KEY, timeout=30))


def large():
    body = os.urandom(1 << 20) * 4
    print("large", method("unary_unary", "Unary")(body, metadata=KEY, timeout=60) == body)


def server_stream():
    print("server stream", sum(int(n) for n in method("unary_stream", "Count")(b"1000", metadata=KEY, timeout=60)))


def client_stream():
    print("client stream", method("stream_unary", "Total")((b"%d" % n for n in range(1000)), metadata=KEY, timeout=60))


def both_streams():
    """Each message is sent after the answer to the one before: nothing may be kept back on the way."""
    line = queue.Queue()
    answers = method("stream_stream", "Echo")(iter(line.get, None), metadata=KEY, timeout=60)
    for number in range(100):
        line.put(b"%d" % number)
        assert next(answers) == b"%d" % number
    line.put(None)
    print("both streams", list(answers), answers.code())


def at_once():
    call = method("unary_unary", "Unary")
    calls = [call.future(b"%d" % n, metadata=KEY, timeout=60) for n in range(300)]
    print("at once", sum(int(one.result()) for one in calls))


def statuses():
    error = failed(lambda: method("unary_unary", "Fail")(b"", metadata=KEY, timeout=30))
    print("fail", error.code(), repr(error.details()), dict(error.trailing_metadata()).get("x-why"))

    def endless():
        while True:
            time.sleep(0.01)
            yield b"more"

    error = failed(lambda: method("stream_unary", "FailEarly")(endless(), metadata=KEY, timeout=30))
    print("fail early", error.code(), error.details())
    got = []

    def fail_late():
        for answer in method("unary_stream", "FailLate")(b"", metadata=KEY, timeout=30):
            got.append(answer)

    error = failed(fail_late)
    print("fail late", got, error.code(), error.details())
    error = failed(lambda: method("unary_unary", "Nothing")(b"", metadata=KEY, timeout=30))
    print("no such method", error.code())
    error = failed(lambda: method("unary_unary", "Unary")(b"", timeout=30))
    print("no key", error.code())


def deadline():
    start = time.monotonic()
    error = failed(lambda: list(method("unary_stream", "Hang")(b"deadline", metadata=KEY, timeout=1)))
    print("deadline", error.code(), time.monotonic() - start < 10)


def cancel():
    call = method("unary_stream", "Hang")(b"cancel", metadata=KEY, timeout=60)
    first = next(call)
    call.cancel()
    print("cancel", first, failed(lambda: next(call)).code())


def metadata():
    mine = (("x-mine", "a"), ("x-mine", "b"), ("x-bytes-bin", b"\xff\x00"), ("authorization", "Bearer of-the-client"))
    told = method("unary_unary", "Tell")(b"", metadata=KEY + mine, timeout=30).decode()
    print("metadata", "x-mine" in told, "x-bytes-bin" in told, "keyroll" in told.replace("1.1 keyroll", ""), "krk_" in told)


def guarded():
    answer, call = method("unary_unary", "Leak").with_call(b"", metadata=KEY, timeout=30)
    print("guarded", answer.decode(), dict(call.trailing_metadata())["x-leak"])


def silent():
    """Servers hang up on a proxy that asks them too often whether they are there."""
    print("silent", list(method("unary_stream", "Silent")(b"5", metadata=KEY, timeout=600)))


STREAMS = [server_stream, client_stream, both_streams, at_once]
for step in [unary, empty, large, *STREAMS, statuses, deadline, cancel, metadata, guarded, silent]:
    step()
channel.close()
