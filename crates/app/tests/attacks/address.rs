//! Where a request goes: hosts, targets, redirects, paths.

use testkit::Recorded;

use crate::row::{Call, GET, Over2, POST, Row, Sent, Wanted, play};
use crate::scene::Scene;

const INVALID: Wanted = Wanted::Refused(400, "request-invalid");
const PATH: Wanted = Wanted::Refused(400, "path-invalid");

/// The upstream's own host, whatever the client called.
fn own_host(record: &Recorded) {
    let [host] = &record.all("host")[..] else { panic!("one Host: {record:?}") };
    assert!(host.starts_with("127.0.0.1:"), "{host}");
    assert_eq!(record.target, "/x");
}

fn literal_target(record: &Recorded) {
    assert_eq!(record.target, "/x;v=1/..y/a%2Ab?q=%2F..%2f", "as it was encoded");
}

const PUBLIC: Call = Call { target: "/public/v1/public/x", ..GET };

/// The path policy of the route `public` is `/v1/public/**`.
const fn path(name: &'static str, target: &'static str, wanted: Wanted) -> Row {
    Row::of(name, Call { target, ..GET }, wanted).twin(Sent::Call(PUBLIC))
}

pub(crate) const ROWS: &[Row] = &[
    Row::of("Host that differs", Call { host: "{elsewhere}", ..GET }, Wanted::Harmless(own_host)),
    Row::raw(
        "absolute-form that differs",
        "GET http://{elsewhere}/r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\n\r\n",
        INVALID,
        "",
    )
    .twin(Sent::Raw("GET http://gateway.test/r/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\n\r\n"))
    .over2(Call { headers: &[("Host", "{elsewhere}")], ..GET }, INVALID),
    Row::raw(
        "absolute-form that differs",
        "GET http://x@{elsewhere}/r/x HTTP/1.1\r\nHost: {elsewhere}\r\nKeyroll-Key: {key}\r\n\r\n",
        INVALID,
        "",
    )
    .over2(Call { host: "x@{elsewhere}", ..GET }, INVALID),
    Row::of("CONNECT", Call { method: "CONNECT", target: "{elsewhere}", host: "{elsewhere}", ..GET }, METHOD),
    Row::of("TRACE", Call { method: "TRACE", ..GET }, METHOD),
    Row::of("OPTIONS *", Call { method: "OPTIONS", target: "*", ..GET }, INVALID)
        .twin(Sent::Call(Call { method: "OPTIONS", ..GET })),
    Row::of("method in another spelling", Call { method: "tRACE", ..GET }, INVALID),
    Row::of("redirect", Call { target: "/r/stand-in/redirect", ..GET }, Wanted::Hidden(307)),
    Row::raw(
        "no Host",
        "GET /r/x HTTP/1.1\r\nKeyroll-Key: {key}\r\n\r\n",
        INVALID,
        "the request names its host in another way",
    ),
    Row::raw(
        "two Hosts",
        "GET /r/x HTTP/1.1\r\nHost: gateway.test\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\n\r\n",
        INVALID,
        "",
    )
    .over2(Call { headers: &[("Host", "gateway.test"), ("Host", "gateway.test")], ..GET }, INVALID),
    Row::of("Host with a user", Call { host: "x@gateway.test", ..GET }, INVALID),
    path("dot segments", "/public/v1/public/../secret", PATH),
    path("dot segments", "/public/v1/public/./../secret", PATH),
    path("%2e", "/public/v1/public/%2e%2e/secret", PATH),
    path("%2e", "/public/v1/public/.%2E/secret", PATH),
    path("%2f", "/public/v1/public%2f..%2fsecret", PATH),
    path("%2f", "/public/v1/public/x%2Fsecret", PATH),
    path(";", "/public/v1/public/..;/secret", PATH),
    path(";", "/public/v1/public/..;x=1/secret", PATH),
    Row::of(";", Call { target: "/r/x;v=1/..y/a%2Ab?q=%2F..%2f", ..GET }, Wanted::Harmless(literal_target)),
    path("double encoding", "/public/v1/public/%252e%252e/secret", PATH),
    path("double encoding", "/public/v1/public/%25%32%66secret", PATH),
    path("backslash", "/public/v1/public/%5c..%5csecret", PATH),
    // The library takes no such character in a `:path`.
    Row {
        over2: Over2::Call(Call { target: "/public/v1/public\\..\\secret", ..GET }, PATH),
        ..path("backslash", "/public/v1/public\\..\\secret", PATH)
    },
    path("NUL in a path", "/public/v1/public/%00", PATH),
    path("broken encoding", "/public/v1/public/%2", PATH),
    path("path that the route does not pass on", "/public/v1/secret", Wanted::Refused(403, "path-not-allowed")),
    path("path that the route does not pass on", "/public/V1/public/x", Wanted::Refused(403, "path-not-allowed")),
    Row::of(
        "method that the route does not pass on",
        Call { method: "DELETE", target: "/public/v1/public/x", ..GET },
        METHOD,
    )
    .twin(Sent::Call(Call { method: "POST", target: "/public/v1/public/x", ..POST })),
    Row::raw(
        "fragment",
        "GET /public/v1/secret#/../public/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\n\r\n",
        INVALID,
        "",
    )
    // There the library drops it: what was checked is what would be sent.
    .over2(Call { target: "/public/v1/secret#/../public/x", ..GET }, Wanted::Refused(403, "path-not-allowed")),
    Row::of("loop", Call { headers: &[("Via", "1.1 keyroll")], ..GET }, Wanted::Refused(508, "loop-detected"))
        .twin(Sent::Call(Call { headers: &[("Via", "1.1 other")], ..GET })),
];

const METHOD: Wanted = Wanted::Refused(405, "method-not-allowed");

#[test]
fn a_request_goes_to_the_upstream_of_its_route_or_nowhere() {
    play(&Scene::start(), ROWS);
}
