//! The HTTP client of the JDK, against the stand-in for OpenAI.

use crate::program;
use crate::providers::openai;
use crate::scene::{self, Base, Sdk};

const SDK: Sdk = Sdk { program: || program::java("Caller.java"), provider: openai::start, base: Base::Path("/v1") };

#[test]
fn sends_bodies_of_every_framing() {
    let scene = scene::Scene::of(&SDK);
    let said = scene.run("calls");
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("  ")).collect();
    let calls = ["models", "length", "chunked", "continue", "default"];
    let mut expected: Vec<String> = calls.map(|call| format!("{call} 200 keyroll; received-status=200")).into();
    expected.push("at once 20".to_owned());
    assert_eq!(lines, expected, "{said}");
    let records = scene.provider.upstream.records();
    let bodies: Vec<&[u8]> = records[1..4].iter().map(|record| &*record.body).collect();
    assert!(!bodies[0].is_empty() && bodies.iter().all(|body| *body == bodies[0]));
    assert!(records.iter().all(|record| record.header("upgrade").is_none()));
    assert_eq!(scene.provider.carried().len(), 25);
    scene.assert_no_leak(&scene.provider.door.values[..1]);
}

#[test]
fn events_of_a_completion_arrive_one_by_one() {
    scene::stream(&SDK, &["event true"; 4]);
}

#[test]
fn a_no_says_whose_it_is() {
    scene::denied(&SDK, "HttpClient");
}

#[test]
fn a_replacement_under_calls_fails_none() {
    scene::replaced(&SDK);
}
