//! OpenAI's SDK for Python.

use crate::program;
use crate::providers::openai;
use crate::scene::{self, Base, Sdk};

const SDK: Sdk =
    Sdk { program: || program::python("openai_client.py"), provider: openai::start, base: Base::Path("/v1") };

#[test]
fn lists_models_and_completes() {
    let expected =
        ["models gpt-4o gpt-4o-mini", "completion Grüß Gott! 19", "proxy-status keyroll; received-status=200"];
    let records = scene::calls(&SDK, &expected);
    let targets: Vec<&str> = records.iter().map(|record| record.target.as_str()).collect();
    assert_eq!(targets, ["/v1/models", "/v1/chat/completions"]);
}

#[test]
fn events_of_a_completion_arrive_one_by_one() {
    let expected = ["event Grüß None", "event  Gott None", "event ! None", "event None stop"];
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
