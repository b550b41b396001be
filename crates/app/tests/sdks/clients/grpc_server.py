"""A gRPC server over messages of plain bytes: it says its port, and then what became of calls."""

import sys
import threading
import time
from concurrent import futures

import grpc

CREDENTIAL = sys.argv[1]


def say(*words):
    print(*words, flush=True)


def check(context):
    given = [value for key, value in context.invocation_metadata() if key == "authorization"]
    if given != [CREDENTIAL]:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "another credential")


def unary(request, context):
    check(context)
    context.set_trailing_metadata((("x-size", str(len(request))), ("x-raw-bin", b"\x00\x01\xff")))
    return request


def count(request, context):
    check(context)
    for number in range(int(request)):
        yield b"%d" % number


def total(requests, context):
    check(context)
    return b"%d" % sum(int(request) for request in requests)


def echo(requests, context):
    check(context)
    yield from requests


def fail(request, context):
    check(context)
    context.set_trailing_metadata((("x-why", "because"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no: ä % \n")


def fail_early(requests, context):
    check(context)
    next(requests)
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def fail_late(request, context):
    check(context)
    yield b"one"
    yield b"two"
    context.abort(grpc.StatusCode.DATA_LOSS, "the third is lost")


def hang(request, context):
    check(context)
    ended = threading.Event()
    context.add_callback(ended.set)
    yield b"hanging"
    say("ended", request.decode(), ended.wait(30))


def silent(request, context):
    check(context)
    time.sleep(float(request))
    yield b"spoke"


def tell(request, context):
    """What arrived as metadata, but for the credential."""
    check(context)
    names = {key: value for key, value in context.invocation_metadata() if key != "authorization"}
    return repr(sorted(names.items())).encode()


def leak(request, context):
    context.set_trailing_metadata((("x-leak", CREDENTIAL),))
    return CREDENTIAL.encode()


METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Echo": grpc.stream_stream_rpc_method_handler(echo),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "FailEarly": grpc.stream_unary_rpc_method_handler(fail_early),
    "FailLate": grpc.unary_stream_rpc_method_handler(fail_late),
    "Hang": grpc.unary_stream_rpc_method_handler(hang),
    "Silent": grpc.unary_stream_rpc_method_handler(silent),
    "Tell": grpc.unary_unary_rpc_method_handler(tell),
    "Leak": grpc.unary_unary_rpc_method_handler(leak),
}

large = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=large)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Peer", METHODS),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
say("port", port)
sys.stdin.read()
server.stop(None)
