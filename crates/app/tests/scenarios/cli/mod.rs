//! Every verb of the command line against a real node: success in every form of output, and failure with its exit code.

mod rotation;
mod table;

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::{CliOutput, TestNode, Upstream};

use crate::house::{KEYROLL, eventually};
use table::{FAILING, WORKING};

const FORMS: [&str; 4] = ["table", "json", "yaml", "name"];
/// Commands that no line of the tables can hold: they do not end by themselves.
const ENDLESS: [&str; 2] = ["serve", "demo"];
/// Commands that work only where there are several nodes, databases or people, which have scenarios of their own.
const ELSEWHERE: [&str; 3] = ["database move", "node attest-stopped", "rotation approve"];

/// The words of a line; what stands between apostrophes is one word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for found in line.chars() {
        match found {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(found),
        }
    }
    words
}

fn run(node: &TestNode, line: &str, stdin: &str) -> CliOutput {
    let words = words(line);
    node.cli(&words.iter().map(String::as_str).collect::<Vec<_>>(), stdin)
}

/// The commands of the reference that have no commands below them.
fn verbs() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");
    let text = std::fs::read_to_string(path).unwrap();
    let all: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## `keyroll ")?.strip_suffix('`').map(str::to_owned))
        .filter(|verb| !ENDLESS.contains(&verb.as_str()))
        .collect();
    let leaf = |verb: &&String| !all.iter().any(|other| other.starts_with(&format!("{verb} ")));
    all.iter().filter(leaf).cloned().collect()
}

#[test]
fn every_verb_has_a_line_that_works_and_one_that_fails() {
    for (what, lines) in [
        ("works", WORKING.iter().map(|row| row.0).collect::<Vec<_>>()),
        ("fails", FAILING.iter().map(|row| row.0).collect()),
    ] {
        let missing: Vec<String> = verbs()
            .into_iter()
            .filter(|verb| what == "fails" || !ELSEWHERE.contains(&verb.as_str()))
            .filter(|verb| !lines.iter().any(|line| *line == verb || line.starts_with(&format!("{verb} "))))
            .collect();
        assert!(missing.is_empty(), "no line that {what} for {missing:?}");
    }
}

#[test]
fn each_verb_works_in_each_form() {
    let node = TestNode::start(KEYROLL);
    let upstream = Upstream::ok();
    let nodes = || node.api("GET", "/v1/nodes", None).expect(200).json();
    eventually("the node gives its first sign of life", || nodes()["items"][0]["id"].is_string());
    let own = nodes()["items"][0]["id"].as_str().unwrap().to_owned();
    for form in FORMS {
        for (line, stdin, name) in WORKING {
            let fill = |text: &str| {
                let text = text.replace("{f}", form).replace("{upstream}", &upstream.url());
                let text = text.replace("{token}", node.token()).replace("{node}", &own);
                if text.contains("{key}") { text.replace("{key}", &key_of(&node, form)) } else { text }
            };
            let mut line = fill(line);
            // These take what they need from their arguments alone.
            let plain = ["login", "logout", "completion", "config schema"].iter().any(|verb| line.starts_with(verb));
            if !plain {
                line.push_str(&format!(" -o {form}"));
            }
            let done = run(&node, &line, &fill(stdin));
            assert_eq!(done.code, 0, "{line}\n{}{}", done.stdout, done.stderr);
            assert!(!done.stderr.contains('\u{1b}'), "colour without a terminal: {line}");
            if !plain {
                check_form(&line, form, done.stdout.trim_end(), &fill(name));
            }
        }
    }
}

fn document(line: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
}

/// The id of a client's only key.
fn key_of(node: &TestNode, form: &str) -> String {
    let client = node.api("GET", &format!("/v1/clients/client-{form}"), None).expect(200).json();
    client["keys"][0]["id"].as_str().unwrap().to_owned()
}

fn check_form(line: &str, form: &str, data: &str, name: &str) {
    match form {
        "json" if !data.is_empty() => drop(document(line, data)),
        "yaml" if !data.is_empty() => assert!(data.contains(':') && !data.starts_with('{'), "{line}: {data}"),
        "name" => match name {
            "*" => assert!(!data.is_empty() && !data.contains(' '), "{line}: {data}"),
            "" => assert_eq!(data, "", "{line}"),
            name => assert!(data.lines().any(|line| line == name), "{line}: {name} is not in {data}"),
        },
        _ => {}
    }
}

#[test]
fn each_verb_fails_with_its_code_and_says_why() {
    let node = TestNode::start(KEYROLL);
    let stranger = node.cli(&["token", "create", "stranger", "--role", "viewer", "-o", "name"], "").expect(0);
    let stranger = stranger.stdout.trim_end();
    run(&node, "secret create used --value-stdin", "a-value-of-some-length").expect(0);
    run(&node, "route create pay --upstream https://a.example -e staging --header 'A={{used}}'", "").expect(0);
    for (line, code, reason) in FAILING {
        let local = *code == 1;
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let token = if *code == 4 { stranger } else { node.token() };
        let done = node.cli_as(Some(token), &words, "planted-by-stdin").expect(i32::from(*code));
        assert!(done.stderr.contains(reason), "{line}: {reason} is not in {}", done.stderr);
        assert!(!done.stderr.contains("planted-by-stdin"), "{line}: {}", done.stderr);
        // What the server did not refuse has no problem document.
        if local || ["version", "login", "health", "doctor --addr"].iter().any(|verb| line.starts_with(verb)) {
            continue;
        }
        // As a program asks: the problem document, with the same code.
        let done = node.cli_as(Some(token), &[&words[..], &["-o", "json"]].concat(), "planted-by-stdin");
        assert_eq!(done.code, i32::from(*code), "{line}");
        if line.starts_with("secret delete") {
            let told: Value = document(line, &done.stdout);
            assert_eq!(told["results"][0]["problem"]["code"], *reason, "{line}");
        } else {
            let problem: Value = document(line, &done.stderr);
            assert_eq!(problem["code"], *reason, "{line}");
        }
    }
}
