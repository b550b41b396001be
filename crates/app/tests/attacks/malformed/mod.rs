//! nginx, HAProxy and Keyroll, each in front of a strict upstream, on the same malformed requests.

mod corpus;
mod others;
mod page;
mod witness;

use std::fmt;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;
use testkit::{Connection, NodeOptions};

use crate::scene::{KEYROLL, Scene, VALUE, client, route};
use corpus::CORPUS;
use witness::{Sight, Witness};

/// Where the page is; written instead of compared where this variable is set.
const PAGE: &str = "docs/reference/malformed-requests.md";
const WRITE: &str = "KEYROLL_WRITE_REFERENCE";

/// How long an answer is waited for. Whoever waits for more of a request waits for longer than that.
const PATIENCE: Duration = Duration::from_secs(8);

/// What came next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Answer(u16),
    Closes,
    Resets,
    Waits,
    NoHttp,
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(status) => write!(f, "{status}"),
            Self::Closes | Self::Resets => f.write_str("–"),
            Self::Waits => f.write_str("waits"),
            Self::NoHttp => f.write_str("no HTTP"),
        }
    }
}

/// How one proxy took one case.
struct Seen {
    first: Then,
    second: Then,
    /// What the upstream was sent for it, in one line each.
    sights: Vec<String>,
}

#[test]
fn nothing_ambiguous_is_passed_on() {
    let witnesses = [Witness::start(), Witness::start(), Witness::start()];
    let (nginx, haproxy) = (others::nginx(witnesses[0].address), others::haproxy(witnesses[1].address));
    let scene = Scene::with(NodeOptions::new(KEYROLL).env("KEYROLL_LOG__LEVEL", "warn"), |node| {
        route(node, "corpus", &format!("http://{}", witnesses[2].address), &json!({}));
    });
    let key = client(&scene.node, "all", &json!(["*"]));
    scene.eventually("the new client is served", || {
        scene.node.gateway_get("/r/x", &[("Keyroll-Key", &key)]).status == 200
    });
    let gateway = scene.node.gateway().trim_start_matches("http://");
    let addresses = [&*nginx.address, &*haproxy.address, gateway];

    let cases: Vec<_> = CORPUS.iter().flat_map(|(_, cases)| *cases).collect();
    assert!(cases.len() >= 60, "{}", cases.len());
    // All at once: what waits, waits together.
    let answers: Vec<Vec<(Then, Then)>> = thread::scope(|scope| {
        let all: Vec<_> = (0..cases.len())
            .map(|number| {
                let (text, key) = (cases[number].text, &key);
                let one = |which: usize| {
                    let (text, after) = match which {
                        2 => (text.replace("/r/", "/corpus/"), "/corpus/"),
                        _ => (text.to_owned(), "/r/"),
                    };
                    let mut bytes = corpus::bytes(&text, number, key);
                    let after = format!("GET {after}after-{number:03} HTTP/1.1\r\n{{h}}Connection: close\r\n\r\n");
                    bytes.extend(corpus::bytes(&after, number, key));
                    (addresses[which], bytes)
                };
                [0, 1, 2].map(|which| {
                    let (address, bytes) = one(which);
                    scope.spawn(move || ask(address, &bytes))
                })
            })
            .collect();
        all.into_iter().map(|three| three.into_iter().map(|one| one.join().unwrap()).collect()).collect()
    });
    let sights = witnesses.map(|witness| witness.sights());
    for sight in &sights[2] {
        let credentials: Vec<_> =
            sight.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).collect();
        assert!(sight.cut || credentials.len() == 1 && credentials[0].1 == format!("Bearer {VALUE}"), "{sight:?}");
        assert!(!format!("{sight:?}").contains(&key), "the client's key went on: {sight:?}");
    }

    let mut faults = Vec::new();
    let mut table = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let row = [0, 1, 2].map(|which| {
            let (first, second) = answers[number][which];
            let own: Vec<&Sight> = sights[which].iter().filter(|sight| holds(sight, &corpus::name(number))).collect();
            (first, second, own)
        });
        if let Some(fault) = judge(case.why, &row, &sights[2], number) {
            faults.push(format!("{}: {fault}", case.name));
        }
        table.push([0, 1, 2].map(|which| {
            let (first, second, own) = &row[which];
            // One that broke off says how far it happened to come.
            let whole = own.iter().filter(|sight| !sight.cut);
            Seen { first: *first, second: *second, sights: whole.map(|sight| show(sight, number)).collect() }
        }));
    }
    let page = page::page([&nginx.version, &haproxy.version], &table);
    compare(&page);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What Keyroll did wrong, if anything.
fn judge(why: Option<&str>, row: &[(Then, Then, Vec<&Sight>); 3], all: &[Sight], number: usize) -> Option<String> {
    let whole = |which: usize| row[which].2.iter().filter(|sight| !sight.cut).count();
    let (first, _, own) = &row[2];
    if let Some(wrong) = own.iter().find(|sight| sight.wrong.is_some() || !sight.excess.is_empty()) {
        return Some(format!("the upstream can read it in two ways: {wrong:?}"));
    }
    if own.len() > 1 {
        return Some(format!("passed on more than once: {own:?}"));
    }
    if (*first == Then::Answer(200)) != (whole(2) == 1) {
        return Some(format!("answered {first} with {} whole requests sent: {own:?}", whole(2)));
    }
    let after = all.iter().filter(|sight| sight.request_line.contains(&format!("after-{number:03}"))).count();
    if after > 1 {
        return Some(format!("the next request was sent {after} times"));
    }
    // A request that was hidden behind a length is one of its own where the length does not count; it was checked.
    match (whole(0) + whole(1), whole(2), why) {
        (0, 1, None) => Some("passed on, and both others refuse it".to_owned()),
        (1.., 1, Some(_)) => Some("one of the others passes it on, too: it needs no reason any more".to_owned()),
        _ => None,
    }
}

fn holds(sight: &Sight, name: &str) -> bool {
    sight.request_line.contains(name)
}

/// Sends the bytes and waits for two answers.
fn ask(address: &str, bytes: &[u8]) -> (Then, Then) {
    let mut answers = (Then::Resets, Then::Closes);
    // A reset can overtake the answer before it: then once more.
    for _ in 0..4 {
        let mut connection = Connection::open(address).unwrap();
        connection.stream().get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = connection.send(bytes);
        let first = next(&mut connection);
        let second = if matches!(first, Then::Answer(_)) { next(&mut connection) } else { Then::Closes };
        answers = (first, second);
        if first != Then::Resets {
            break;
        }
    }
    answers
}

fn next(connection: &mut Connection) -> Then {
    match connection.reply(false) {
        Ok(reply) => Then::Answer(reply.status),
        Err(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => Then::Closes,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Then::Waits,
            io::ErrorKind::InvalidData => Then::NoHttp,
            _ => Then::Resets,
        },
    }
}

/// Headers that every proxy may add or change as it likes, and that say nothing about the case.
const ORDINARY: [&str; 11] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "via",
    "x-request-id",
    "accept-encoding",
    "keyroll-key",
    "authorization",
    "trailer",
    "te",
];

fn show(sight: &Sight, number: usize) -> String {
    let line = sight.request_line.replace(&corpus::name(number), "x");
    let mut text = line.trim_end_matches(" HTTP/1.1").replace("/corpus/", "/r/");
    if text.len() > 60 {
        text = format!("{}… ({} bytes)", text.chars().take(20).collect::<String>(), text.len());
    }
    if !sight.framing.is_empty() {
        text += &format!(", {} bytes {}", sight.body.len(), sight.framing);
    }
    let extra: Vec<_> =
        sight.headers.iter().filter(|(name, _)| !ORDINARY.contains(&&*name.to_ascii_lowercase())).collect();
    match extra.len() {
        0 => {}
        1..=3 => {
            for (name, value) in extra {
                let value = if value.len() > 40 { format!("({} bytes)", value.len()) } else { value.clone() };
                text += &format!(", {}: {value}", name.to_ascii_lowercase());
            }
        }
        many => text += &format!(", {many} more headers"),
    }
    for trailer in &sight.trailers {
        text += &format!(", trailer {}", trailer.to_ascii_lowercase());
    }
    match &sight.wrong {
        Some(wrong) => text + ", " + wrong.split(':').next().unwrap_or_default(),
        None => text,
    }
}

fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(committed.lines()).find(|(new, old)| new != old);
    assert!(
        page == committed,
        "{PAGE} differs: {differs:?}\nlook at the difference, then run `{WRITE}=1 cargo test -p keyroll --test attacks malformed`"
    );
}
