//! One attack and its honest twin, over HTTP/1.1 and over HTTP/2.

use std::fmt::Write as _;

use testkit::{Connection, Recorded};

use crate::h2::{H2, Outcome};
use crate::scene::{Scene, VALUE};

/// A request whose texts may hold `{key}`, `{value}`, `{odd}` and `{elsewhere}`.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) host: &'static str,
    /// Beside `Host` and the client's key.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    /// Whether `Keyroll-Key` goes with it.
    pub(crate) key: bool,
}

/// The request that nobody can object to.
pub(crate) const GET: Call =
    Call { method: "GET", target: "/r/x", host: "gateway.test", headers: &[], body: "", key: true };
/// The same with a body.
pub(crate) const POST: Call = Call { method: "POST", body: "hello", ..GET };

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) enum Sent {
    Call(Call),
    /// Bytes that no library would send; HTTP/1.1 alone has them.
    Raw(&'static str),
}

/// How it has to end.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// With a problem of the gateway's own of this status and code; nothing goes to the upstream.
    Refused(u16, &'static str),
    /// The same, but a request may have been sent: what failed is the upstream's answer.
    Failed(u16, &'static str),
    /// It is passed on, once, and this holds of what the upstream was sent.
    Harmless(fn(&Recorded)),
    /// The answer has this status, and the value is in none of its forms in it.
    Hidden(u16),
    /// HTTP/2 alone: the stream or the connection is ended, and nothing goes to the upstream.
    Reset,
}

/// The same over HTTP/2.
#[derive(Clone, Copy)]
pub(crate) enum Over2 {
    /// The same request has to end in the same way.
    Same,
    /// It cannot be said there; this is why.
    Not(&'static str),
    /// What comes closest.
    Call(Call, Wanted),
}

/// One attack.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// As in the list of names.
    pub(crate) name: &'static str,
    pub(crate) attack: Sent,
    pub(crate) wanted: Wanted,
    /// The same request made honest: it passes, and carries the credential.
    pub(crate) honest: Sent,
    pub(crate) over2: Over2,
}

impl Row {
    /// A row whose attack and twin are the same over HTTP/2.
    pub(crate) const fn of(name: &'static str, attack: Call, wanted: Wanted) -> Self {
        Self { name, attack: Sent::Call(attack), wanted, honest: Sent::Call(GET), over2: Over2::Same }
    }

    /// Bytes that HTTP/1.1 alone has, for this reason.
    pub(crate) const fn raw(name: &'static str, attack: &'static str, wanted: Wanted, why: &'static str) -> Self {
        Self { name, attack: Sent::Raw(attack), wanted, honest: Sent::Call(GET), over2: Over2::Not(why) }
    }

    /// With this twin.
    pub(crate) const fn twin(mut self, honest: Sent) -> Self {
        self.honest = honest;
        self
    }

    /// With this over HTTP/2.
    pub(crate) const fn over2(mut self, call: Call, wanted: Wanted) -> Self {
        self.over2 = Over2::Call(call, wanted);
        self
    }
}

/// Plays each row in its turn, attack first.
pub(crate) fn play(scene: &Scene, rows: &[Row]) {
    for row in rows {
        let one = |what: &str| format!("{} ({what})", row.name);
        scene.upstream.clear();
        check(scene, &one("HTTP/1.1"), row.wanted, &over_http1(scene, row.attack));
        honest(scene, &one("HTTP/1.1, honest"), &over_http1(scene, row.honest));
        let (call, wanted) = match (row.over2, row.attack) {
            (Over2::Not(why), _) => {
                assert!(!why.is_empty(), "{}: why not over HTTP/2?", row.name);
                continue;
            }
            (Over2::Call(call, wanted), _) => (call, wanted),
            (Over2::Same, Sent::Call(call)) => (call, row.wanted),
            (Over2::Same, Sent::Raw(_)) => panic!("{}: raw bytes are not the same over HTTP/2", row.name),
        };
        scene.upstream.clear();
        check(scene, &one("HTTP/2"), wanted, &over_http2(scene, call));
        if let Sent::Call(call) = row.honest {
            honest(scene, &one("HTTP/2, honest"), &over_http2(scene, call));
        }
    }
    scene.assert_sound();
}

/// What came back.
struct Back {
    /// None where the connection or the stream ended instead.
    status: Option<u16>,
    /// All of it that can be read.
    text: String,
}

fn over_http1(scene: &Scene, sent: Sent) -> Back {
    let bytes = match sent {
        Sent::Raw(text) => scene.fill(text).into_bytes(),
        Sent::Call(call) => {
            let headers = headers(scene, call);
            let mut all = vec![("Host".to_owned(), scene.fill(call.host))];
            all.extend(headers);
            let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (&**name, &**value)).collect();
            testkit::wire::request(call.method, &scene.fill(call.target), &all, scene.fill(call.body).as_bytes())
        }
    };
    match Connection::open(scene.node.gateway()).unwrap().call(&bytes) {
        Ok(reply) => {
            let mut text = String::from_utf8_lossy(&reply.head).into_owned() + &reply.text();
            for (name, value) in &reply.trailers {
                write!(text, "\n{name}: {}", String::from_utf8_lossy(value)).unwrap();
            }
            Back { status: Some(reply.status), text }
        }
        Err(error) => Back { status: None, text: error.to_string() },
    }
}

fn over_http2(scene: &Scene, call: Call) -> Back {
    let (host, target) = (scene.fill(call.host), scene.fill(call.target));
    let mut fields = vec![(":method".to_owned(), call.method.to_owned())];
    // CONNECT has neither (RFC 9113 section 8.5).
    if call.method != "CONNECT" {
        fields.extend([(":scheme".to_owned(), "http".to_owned()), (":path".to_owned(), target)]);
    }
    fields.push((":authority".to_owned(), host));
    fields.extend(headers(scene, call).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut connection = H2::open(scene.node.gateway());
    let stream = connection.request(&fields, scene.fill(call.body).as_bytes());
    let outcome = stream.map(|stream| connection.outcome(stream)).unwrap_or(Outcome::Gone(None));
    match outcome {
        Outcome::Answer { status, body } => {
            Back { status: Some(status), text: String::from_utf8_lossy(&body).into_owned() }
        }
        other => Back { status: None, text: format!("{other:?}") },
    }
}

fn headers(scene: &Scene, call: Call) -> Vec<(String, String)> {
    let key = call.key.then_some(("Keyroll-Key", "{key}"));
    key.iter().chain(call.headers).map(|(name, value)| ((*name).to_owned(), scene.fill(value))).collect()
}

#[track_caller]
fn check(scene: &Scene, what: &str, wanted: Wanted, back: &Back) {
    let code = code(&back.text);
    let sent = scene.upstream.records();
    match wanted {
        Wanted::Refused(status, named) => {
            assert_eq!((back.status, code.as_deref()), (Some(status), Some(named)), "{what}: {}", back.text);
            assert!(sent.is_empty(), "{what}: the upstream was sent {sent:?}");
        }
        Wanted::Failed(status, named) => {
            assert_eq!((back.status, code.as_deref()), (Some(status), Some(named)), "{what}: {}", back.text);
            assert!(sent.len() <= 1, "{what}: the upstream was sent {sent:?}");
        }
        Wanted::Harmless(holds) => {
            assert_eq!(back.status, Some(200), "{what}: {}", back.text);
            let [only] = &sent[..] else { panic!("{what}: the upstream was sent {sent:?}") };
            holds(only);
        }
        Wanted::Hidden(status) => {
            assert_eq!(back.status, Some(status), "{what}: {}", back.text);
            assert_eq!(sent.len(), 1, "{what}");
            for form in crate::echo::forms() {
                assert!(!back.text.contains(&form), "{what}: {form} is in {}", back.text);
            }
        }
        Wanted::Reset => {
            assert_eq!(back.status, None, "{what}: {}", back.text);
            assert!(sent.is_empty(), "{what}: the upstream was sent {sent:?}");
        }
    }
    assert!(!back.text.contains(VALUE), "{what}: the value is in {}", back.text);
    assert!(!back.text.contains(&scene.key), "{what}: the key is in {}", back.text);
}

#[track_caller]
fn honest(scene: &Scene, what: &str, back: &Back) {
    assert!(matches!(back.status, Some(200 | 101)), "{what}: {:?} {}", back.status, back.text);
    let record = scene.upstream.last();
    let wanted = format!("Bearer {VALUE}");
    let carried = record.all("authorization") == [wanted] || !record.all("x-odd").is_empty() || holds_odd(&record);
    assert!(carried || record.all("x-api-key") == [VALUE], "{what}: the credential is not in {record:?}");
    assert!(!back.text.contains(VALUE), "{what}: the value is in {}", back.text);
}

/// Whether the odd value was injected into the body.
fn holds_odd(record: &Recorded) -> bool {
    serde_json::from_slice::<serde_json::Value>(&record.body).is_ok_and(|body| body["token"] == crate::scene::ODD)
}

/// The code of a problem of the gateway's own.
fn code(text: &str) -> Option<String> {
    let body = text.rsplit("\r\n\r\n").next()?;
    let problem: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(problem["code"].as_str()?.to_owned())
}
