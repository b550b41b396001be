//! The page that says what was answered, and what went on.

use std::fmt::Write as _;

use super::corpus::{CORPUS, Case};
use super::{Seen, Then};

const HEAD: &str = "\
# Malformed requests, beside nginx and HAProxy

What Keyroll does with requests that are malformed, ambiguous or only unusual, and what two other proxies do with the \
same bytes: nginx VERSION1 and HAProxy VERSION2 from Debian, each as a plain reverse proxy with the settings that it \
comes with. A test (`crates/app/tests/attacks`) sends all of them, writes this page, and fails where it differs. It also \
holds Keyroll to this: whatever it passes on, the upstream sees one request, the one that was checked, with one framing; \
and what both others refuse is not passed on unless the line says why.

In the requests, `⏎` is CR and LF, `H⏎` stands for `Host: gateway.test⏎` and a client's key, and `{a*9}` for that text so \
many times. Each is followed by a second, ordinary request on the same connection. An answer is a status, or `–` for a \
connection that is closed without one; `→` is what the upstream saw, `then` the answer to the second request, where there \
was one. nginx and HAProxy pass the path on as it is; Keyroll takes the route's name `/r` away.
";

/// The whole page.
pub(super) fn page(versions: [&str; 2], seen: &[[Seen; 3]]) -> String {
    let mut text = HEAD.replace("VERSION1", versions[0]).replace("VERSION2", versions[1]);
    let mut seen = seen.iter();
    for (title, cases) in CORPUS {
        write!(text, "\n## {title}\n\n| case | request | nginx | HAProxy | Keyroll |\n|---|---|---|---|---|\n")
            .unwrap();
        for (case, [nginx, haproxy, keyroll]) in cases.iter().zip(seen.by_ref()) {
            let own = cell(keyroll) + &case.why.map(|why| format!(" ({why})")).unwrap_or_default();
            writeln!(text, "| {} | {} | {} | {} | {own} |", case.name, request(case), cell(nginx), cell(haproxy))
                .unwrap();
        }
    }
    text
}

fn request(case: &Case) -> String {
    let text = case.text.replace("Host: gateway.test\r\nKeyroll-Key: {key}\r\n", "{h}");
    let text = text.replace("Host: gateway.test\nKeyroll-Key: {key}\n", "Host: gateway.test\n");
    let text = text.replace("{x}", "x").replace("{after}", "hidden").replace("Keyroll-Key: {key}\r\n", "");
    code(&text.replace("{h}", "H\r\n"))
}

fn cell(seen: &Seen) -> String {
    let mut text = seen.first.to_string();
    for sight in &seen.sights {
        write!(text, " → {}", code(sight)).unwrap();
    }
    if let Then::Answer(status) = seen.second {
        write!(text, " then {status}").unwrap();
    }
    if matches!(seen.first, Then::Answer(_)) && matches!(seen.second, Then::Waits) {
        text.push_str(" then waits");
    }
    text
}

/// A code span within a table.
fn code(text: &str) -> String {
    let text = text.replace("\r\n", "⏎").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    let shown: String = text
        .chars()
        .flat_map(|c| match c {
            '|' => "\\|".chars().collect::<Vec<_>>(),
            '`' => "'".chars().collect(),
            c if (c.is_control() || !c.is_ascii()) && c != '⏎' => {
                format!("\\x{:02x}", u32::from(c)).chars().collect()
            }
            c => vec![c],
        })
        .collect();
    format!("`{shown}`")
}
