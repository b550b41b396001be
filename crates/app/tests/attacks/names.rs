//! Every way in which such a gateway is known to have leaked, or could, and what holds it off.
//!
//! A row of the tables is played over HTTP/1.1 and HTTP/2, with an honest twin. What needs more than one request has a
//! test of its own, which brings its twin along.

use std::collections::BTreeSet;
use std::path::Path;

use crate::row::Row;
use crate::{address, echo, framing, keys};

/// Where an attack is held off.
enum By {
    /// At least one row of the tables has this name.
    Row,
    /// A test in this file, from the root of the repository, has this name.
    Test(&'static str, &'static str),
}

const CHANGES: &str = "crates/app/tests/attacks/changes.rs";
const UPSTREAMS: &str = "crates/app/tests/attacks/upstreams.rs";
const ECHO: &str = "crates/app/tests/attacks/echo.rs";
const FRAMING: &str = "crates/app/tests/attacks/framing.rs";
const ADDRESSES: &str = "crates/outbound/tests/all/addresses.rs";
const POOLING: &str = "crates/outbound/tests/all/pooling.rs";
const TLS: &str = "crates/outbound/tests/all/tls.rs";
const INSIDE: By = By::Test(UPSTREAMS, "addresses_inside_cannot_be_named_in_disguise");
const LEADS_INSIDE: By = By::Test(UPSTREAMS, "a_public_name_that_leads_inside_and_a_certificate_of_nobody_get_nothing");
const SAYS: By = By::Test(CHANGES, "nothing_that_the_node_says_holds_a_value");
const LINES: By = By::Test(CHANGES, "values_that_would_break_a_header_are_never_taken");

/// The attacks that are known, one a line.
const ATTACKS: &[(&str, By)] = &[
    // Where to.
    ("redirect", By::Row),
    ("Host that differs", By::Row),
    ("absolute-form that differs", By::Row),
    ("CONNECT", By::Row),
    ("loop", By::Row),
    // What the client brings.
    ("the client's own Authorization", By::Row),
    ("an alias of an injected header", By::Row),
    ("Connection that names what is injected", By::Row),
    ("an injected header as a trailer", By::Row),
    ("a placeholder written by the client", By::Row),
    ("headers of the gateway's own", By::Row),
    ("headers that the route removes", By::Row),
    // What shows what was sent.
    ("TRACE", By::Row),
    ("echo in a body", By::Row),
    ("echo in a header", By::Row),
    ("echo in Location", By::Row),
    ("echo in a trailer", By::Row),
    ("echo in an error page", By::Row),
    ("echo compressed", By::Test(ECHO, "a_compressed_echo_and_a_truncated_answer")),
    ("echo split over chunks", By::Row),
    ("echo in base64", By::Row),
    ("echo percent-encoded", By::Row),
    ("echo JSON-escaped", By::Row),
    ("error texts", SAYS),
    ("debug logs", SAYS),
    ("labels of metrics", SAYS),
    // Values that are more than a value.
    ("CR, LF or NUL in a value", LINES),
    ("$1 or {{…}} inside a value", By::Row),
    // Paths against policies.
    ("dot segments", By::Row),
    ("%2e", By::Row),
    ("%2f", By::Row),
    (";", By::Row),
    ("double encoding", By::Row),
    ("backslash", By::Row),
    ("NUL in a path", By::Row),
    ("broken encoding", By::Row),
    ("fragment", By::Row),
    ("path that the route does not pass on", By::Row),
    ("method that the route does not pass on", By::Row),
    ("method in another spelling", By::Row),
    // Framing.
    ("CL with TE", By::Row),
    ("TE with CL", By::Row),
    ("two lengths", By::Row),
    ("a coding that is not chunked", By::Row),
    ("a length with a sign", By::Row),
    ("aliases of framing", By::Row),
    ("obsolete folding", By::Row),
    ("bare LF", By::Row),
    ("bare CR", By::Row),
    ("NUL", By::Row),
    ("a space before the colon", By::Row),
    ("a malformed body", By::Row),
    ("a body that is not as long as it says", By::Test(FRAMING, "http_2_bodies_are_as_long_as_they_say")),
    ("no Host", By::Row),
    ("two Hosts", By::Row),
    ("Host with a user", By::Row),
    ("OPTIONS *", By::Row),
    // Other protocols.
    ("h2c upgrade", By::Row),
    ("an unsolicited 101", By::Row),
    ("an upgrade that the upstream does not grant", By::Row),
    ("requests smuggled after an upgrade", By::Test(FRAMING, "nothing_is_smuggled_after_an_upgrade")),
    (
        "other protocols than HTTP",
        By::Test(UPSTREAMS, "a_connection_that_speaks_to_no_upstream_of_ours_leaves_nothing_behind"),
    ),
    // Answers that break the rules.
    ("a contradictory answer", By::Row),
    ("a truncated answer", By::Test(ECHO, "a_compressed_echo_and_a_truncated_answer")),
    ("an upstream that hangs up on a POST", By::Row),
    // Addresses of upstreams.
    ("metadata addresses", INSIDE),
    ("IPv4-mapped IPv6", INSIDE),
    ("a trailing dot", INSIDE),
    ("other spellings of an address", INSIDE),
    ("plain text to a public address", INSIDE),
    ("private addresses", LEADS_INSIDE),
    (
        "DNS that changes between check and dial",
        By::Test(POOLING, "a_kept_connection_is_not_used_once_its_address_is_no_longer_allowed"),
    ),
    ("DNS with several addresses", By::Test(ADDRESSES, "addresses_that_are_refused_do_not_hide_those_that_are_not")),
    ("TLS verification off", LEADS_INSIDE),
    ("HTTP_PROXY in the gateway's environment", By::Test(UPSTREAMS, "the_environment_s_proxy_is_not_asked")),
    // Keys.
    ("the gateway's own key", By::Row),
    ("two keys", By::Row),
    ("a key header twice", By::Row),
    ("a key under an alias", By::Row),
    ("no key", By::Row),
    ("an unknown key", By::Row),
    ("a revoked key", By::Test(CHANGES, "a_revoked_key_ends_on_connections_that_are_open")),
    ("a route of somebody else", By::Row),
    ("an environment of somebody else", By::Row),
    ("an environment under an alias", By::Row),
    // Changes.
    ("a deleted name created again", By::Test(CHANGES, "a_name_that_was_deleted_is_not_created_again")),
    ("a half-applied reload", By::Test(CHANGES, "a_change_is_served_whole_or_not_at_all")),
    (
        "a pooled connection with other TLS settings",
        By::Test(TLS, "connections_are_shared_between_equal_settings_only"),
    ),
];

#[test]
fn every_attack_that_is_known_is_tried() {
    let tables = [address::ROWS, keys::ROWS, echo::ROWS, framing::ROWS];
    let rows: BTreeSet<&str> = tables.iter().flat_map(|rows| rows.iter().map(|row: &Row| row.name)).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut listed = BTreeSet::new();
    for (name, by) in ATTACKS {
        assert!(listed.insert(*name), "{name} is listed twice");
        match by {
            By::Row => assert!(rows.contains(name), "{name} has no row"),
            By::Test(file, test) => {
                let text = std::fs::read_to_string(root.join(file)).unwrap();
                assert!(text.contains(&format!("fn {test}(")), "{name}: {file} has no test {test}");
            }
        }
    }
    let unlisted: Vec<_> = rows.difference(&listed).collect();
    assert!(unlisted.is_empty(), "rows that the list does not name: {unlisted:?}");
}
