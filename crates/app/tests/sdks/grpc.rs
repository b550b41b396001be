//! gRPC with Google's library for Python as client and as server, over HTTP/2 without TLS on both sides.

use crate::peer::{CREDENTIAL, Peer, Stage};
use crate::program;

const EXPECTED: &[&str] = &[
    r"unary b'hello' StatusCode.OK 5 b'\x00\x01\xff'",
    "empty b''",
    "large True",
    "server stream 499500",
    "client stream b'499500'",
    "both streams [] StatusCode.OK",
    "at once 44850",
    r"fail StatusCode.FAILED_PRECONDITION 'no: ä % \n' because",
    "fail early StatusCode.RESOURCE_EXHAUSTED enough",
    "fail late [b'one', b'two'] StatusCode.DATA_LOSS the third is lost",
    "no such method StatusCode.UNIMPLEMENTED",
    "no key StatusCode.UNAUTHENTICATED",
    "deadline StatusCode.DEADLINE_EXCEEDED True",
    "cancel b'hanging' StatusCode.CANCELLED",
    "metadata True True False False",
    "guarded Bearer ******************** Bearer ********************",
    "silent [b'spoke']",
];

#[test]
fn every_kind_of_call() {
    let stage = Stage::start();
    let mut server = program::python("grpc_server.py");
    server.arg(format!("Bearer {CREDENTIAL}"));
    let server = Peer::start(server);
    stage.route("grpc", &format!("h2c://127.0.0.1:{}", server.port));
    let mut client = program::python("grpc_client.py");
    stage.environment(&mut client, "grpc");
    let output = program::output(&mut client);
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert_eq!(stdout.lines().collect::<Vec<_>>(), EXPECTED, "{stderr}");
    // The server learns of what the client gave up.
    server.says("ended deadline True", 1);
    server.says("ended cancel True", 1);
    stage.assert_no_leak(&[&stdout, &stderr]);
}
