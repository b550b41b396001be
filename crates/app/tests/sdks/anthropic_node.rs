//! Anthropic's SDK for Node.

use crate::program;
use crate::providers::anthropic;
use crate::scene::{self, Base, Sdk};

const SDK: Sdk =
    Sdk { program: || program::node("anthropic_client.js"), provider: anthropic::start, base: Base::Path("") };

#[test]
fn sends_a_message() {
    let expected = ["message Grüß Gott! end_turn 9", "proxy-status keyroll; received-status=200"];
    let records = scene::calls(&SDK, &expected);
    assert_eq!(records[0].target, "/v1/messages");
    assert_eq!(records[0].all("anthropic-version").len(), 1, "the SDK's own headers pass");
}

#[test]
fn events_of_a_message_arrive_one_by_one() {
    let expected = [
        "event message_start -",
        "event content_block_start -",
        "event content_block_delta Grüß",
        "event content_block_delta  Gott!",
        "event content_block_stop -",
        "event message_delta end_turn",
        "event message_stop -",
    ];
    scene::stream(&SDK, &expected);
}

#[test]
fn a_no_is_an_authentication_error() {
    scene::denied(&SDK, "AuthenticationError");
}

#[test]
fn a_replacement_under_calls_fails_none() {
    scene::replaced(&SDK);
}
