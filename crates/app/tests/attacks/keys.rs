//! Who is calling, and what of the client's own may stand beside what is injected.

use testkit::Recorded;

use crate::row::{Call, GET, POST, Row, Sent, Wanted, play};
use crate::scene::{ODD, Scene, VALUE, percent};

const AMBIGUOUS: Wanted = Wanted::Refused(400, "client-key-ambiguous");
const INVALID: Wanted = Wanted::Refused(401, "client-key-invalid");
const NOT_ALLOWED: Wanted = Wanted::Refused(403, "client-not-allowed");
const FORBIDDEN_THERE: &str = "a header of the connection makes a request malformed in HTTP/2";

fn head(record: &Recorded) -> String {
    String::from_utf8_lossy(&record.head).to_ascii_lowercase()
}

fn ours_alone(record: &Recorded) {
    assert_eq!(record.all("authorization"), [format!("Bearer {VALUE}")]);
    assert!(!head(record).contains("theirs"), "{record:?}");
    assert!(!head(record).contains("krk_"), "{record:?}");
}

fn our_api_key_alone(record: &Recorded) {
    assert_eq!(record.all("x-api-key"), [VALUE]);
    assert!(!head(record).contains("theirs"), "{record:?}");
}

fn nothing_of_ours(record: &Recorded) {
    ours_alone(record);
    assert!(!head(record).contains("keyroll-") && !head(record).contains("keyroll_"), "{record:?}");
}

fn trailers_without_ours(record: &Recorded) {
    ours_alone(record);
    assert_eq!(record.body, b"hello");
    let names: Vec<_> = record.trailers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(names, ["x-sum"]);
}

fn placeholders_as_they_are(record: &Recorded) {
    assert_eq!(record.target, "/{{api_key}}?a={{api_key}}");
    assert_eq!(record.header("x-mine").as_deref(), Some("{{api_key}} ${api_key}"));
    assert_eq!(record.body, b"{{api_key}}");
    let all = String::from_utf8_lossy(&record.head).into_owned();
    assert_eq!(all.matches(VALUE).count(), 1, "{all}");
}

fn odd_as_it_is(record: &Recorded) {
    assert_eq!(record.header("x-odd").as_deref(), Some(ODD));
    assert!(!head(record).contains(VALUE), "nothing within a value is parsed again");
    let (_, query) = record.target.split_once("odd=").unwrap();
    assert_eq!(percent(&unescape(query)), percent(ODD), "{query}");
}

fn odd_in_a_body(record: &Recorded) {
    let body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    assert_eq!(body["token"], ODD);
    assert_eq!(body["mine"], "{{api_key}}");
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

const KEYLESS: Call = Call { key: false, ..GET };
const REMOVING: Sent = Sent::Call(Call { target: "/removing/x", ..GET });

pub(crate) const ROWS: &[Row] = &[
    Row::of(
        "the client's own Authorization",
        Call { headers: &[("Authorization", "Bearer theirs"), ("AUTHORIZATION", "Basic theirs")], ..GET },
        Wanted::Harmless(ours_alone),
    ),
    Row::of(
        "an alias of an injected header",
        Call {
            target: "/alias/x",
            headers: &[
                ("X_Api_Key", "theirs"),
                ("X.Api-Key", "theirs"),
                ("X-Api-Key", "theirs"),
                ("x_api.KEY", "theirs"),
            ],
            ..GET
        },
        Wanted::Harmless(our_api_key_alone),
    )
    .twin(Sent::Call(Call { target: "/alias/x", ..GET })),
    Row::of(
        "Connection that names what is injected",
        Call { headers: &[("Connection", "authorization, keyroll-key, host, via, x-request-id")], ..GET },
        Wanted::Harmless(ours_alone),
    )
    .over2(Call { headers: &[("Connection", "authorization")], ..GET }, Wanted::Reset),
    Row::raw(
        "an injected header as a trailer",
        "POST /removing/x HTTP/1.1\r\nHost: gateway.test\r\nKeyroll-Key: {key}\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Sum, Authorization, X-Debug, Keyroll-Key, Host, Content-Length\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\
         Authorization: Bearer theirs\r\nX-Debug: theirs\r\nKeyroll-Key: theirs\r\nHost: theirs\r\n\
         Content-Length: 9\r\n\r\n",
        Wanted::Harmless(trailers_without_ours),
        FORBIDDEN_THERE,
    ),
    Row::of(
        "headers that the route removes",
        Call { target: "/removing/x", headers: &[("X-Debug", "theirs"), ("x_debug", "theirs")], ..GET },
        Wanted::Harmless(ours_alone),
    )
    .twin(REMOVING),
    Row::of(
        "headers of the gateway's own",
        Call { headers: &[("Keyroll-Trace", "theirs"), ("keyroll_other", "theirs"), ("KEYROLL-X", "theirs")], ..GET },
        Wanted::Harmless(nothing_of_ours),
    ),
    Row::of("the gateway's own key", GET, Wanted::Harmless(nothing_of_ours)),
    Row::of(
        "the gateway's own key",
        Call { headers: &[("Authorization", "Bearer {key}")], ..KEYLESS },
        Wanted::Harmless(nothing_of_ours),
    ),
    Row::of(
        "the gateway's own key",
        Call { headers: &[("X-Api-Key", "{key}")], ..KEYLESS },
        Wanted::Harmless(nothing_of_ours),
    ),
    Row::of(
        "the gateway's own key",
        Call { headers: &[("Api-Key", "{key}")], ..KEYLESS },
        Wanted::Harmless(nothing_of_ours),
    ),
    Row::of(
        "the gateway's own key",
        Call { target: "/r/x?k={key}", ..KEYLESS },
        Wanted::Refused(400, "request-invalid"),
    ),
    Row::of("the gateway's own key", Call { headers: &[("Cookie", "a={key}")], ..GET }, AMBIGUOUS),
    Row::of("the gateway's own key", Call { headers: &[("X-Request-Id", "{key}")], ..GET }, AMBIGUOUS),
    Row::of("two keys", Call { headers: &[("X-Api-Key", "{key}")], ..GET }, AMBIGUOUS),
    Row::of("two keys", Call { headers: &[("Authorization", "Bearer {key}")], ..GET }, AMBIGUOUS),
    Row::of("a key header twice", Call { headers: &[("Keyroll-Key", "{key}")], ..GET }, AMBIGUOUS),
    Row::of("a key under an alias", Call { headers: &[("Keyroll_Key", "{key}")], ..KEYLESS }, REQUEST),
    Row::of("no key", KEYLESS, Wanted::Refused(401, "client-key-missing")),
    Row::of("an unknown key", Call { headers: &[("Keyroll-Key", "krk_unknown")], ..KEYLESS }, INVALID),
    Row::of("a route of somebody else", Call { target: "/theirs/x", ..GET }, NOT_ALLOWED),
    Row::of(
        "an environment of somebody else",
        Call { headers: &[("Keyroll-Environment", "staging")], ..GET },
        NOT_ALLOWED,
    )
    .twin(Sent::Call(Call { headers: &[("Keyroll-Environment", "production")], ..GET })),
    Row::of("an environment under an alias", Call { headers: &[("keyroll.environment", "staging")], ..GET }, REQUEST),
    Row::of(
        "a placeholder written by the client",
        Call {
            target: "/r/{{api_key}}?a={{api_key}}",
            headers: &[("X-Mine", "{{api_key}} ${api_key}")],
            body: "{{api_key}}",
            ..POST
        },
        Wanted::Harmless(placeholders_as_they_are),
    ),
    Row::of("$1 or {{…}} inside a value", Call { target: "/odd/x", ..GET }, Wanted::Harmless(odd_as_it_is))
        .twin(Sent::Call(Call { target: "/odd/x", ..GET })),
    Row::of("$1 or {{…}} inside a value", BODY, Wanted::Harmless(odd_in_a_body)).twin(Sent::Call(BODY)),
];

const REQUEST: Wanted = Wanted::Refused(400, "request-invalid");
const BODY: Call = Call {
    target: "/body/x",
    headers: &[("Content-Type", "application/json")],
    body: r#"{"token": "theirs", "mine": "{{api_key}}"}"#,
    ..POST
};

#[test]
fn the_client_s_own_never_stands_beside_what_is_injected() {
    play(&Scene::start(), ROWS);
}
