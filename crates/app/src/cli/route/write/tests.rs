//! What flags and files become.

use clap::Parser;
use serde_json::json;

use super::*;

#[derive(Parser)]
enum Line {
    Create(CreateArgs),
    Edit(EditArgs),
}

/// The body that a command line would send, with `stdin` for `--file -`.
fn body(stdin: &'static str, line: &[&str]) -> Result<Value, String> {
    let mut out = Out::scripted(stdin.as_bytes(), std::io::sink(), std::io::sink(), false);
    let line = Line::try_parse_from(["route"].iter().chain(line)).map_err(|error| error.to_string())?;
    let body = match line {
        Line::Create(args) => new_route(args, &mut out).map(|body| serde_json::to_value(body).unwrap()),
        Line::Edit(args) => change(args, &mut out).map(Value::Object),
    };
    body.map_err(|fault| fault.to_string())
}

#[test]
fn creating() {
    for (stdin, line, expected) in [
        (
            "",
            &[
                "create",
                "pay",
                "--upstream",
                "https://a",
                "--header",
                "Authorization=Bearer {{k}}",
                "--header",
                "X-B: {{b}}",
                "-e",
                "staging",
                "-e",
                "production",
            ][..],
            json!({"name": "pay", "base": {"upstream": "https://a", "inject": {"headers": {"Authorization": "Bearer {{k}}", "X-B": "{{b}}"}}},
                   "environments": {"staging": {}, "production": {}}}),
        ),
        (
            "",
            &[
                "create",
                "sms",
                "--upstream",
                "https://a",
                "--basic",
                "{{secret:sid}}:{{token}}",
                "--query",
                "key={{q}}",
                "--body",
                "api_key={{j}}",
            ],
            json!({"name": "sms", "base": {"upstream": "https://a", "inject": {
                "headers": {"Authorization": {"basic": {"username": "{{secret:sid}}", "password": "{{token}}"}}},
                "query": {"key": "{{q}}"}, "body": {"api_key": "{{j}}"}}}}),
        ),
        (
            "",
            &[
                "create",
                "x",
                "--method",
                "GET",
                "--path",
                "/v1/*",
                "--connect-timeout",
                "1s",
                "--rate-limit",
                "5/1s",
                "--guard",
                "block",
                "--shield",
                "false",
                "--probe",
                "GET /me",
                "--dead",
                "401",
                "--dead",
                "{\"status\": 200, \"body_contains\": \"no\"}",
                "--alive",
                "2xx",
                "--max-request-body",
                "10",
                "--remove-header",
                "Cookie",
                "--client-certificate",
                "cert",
                "--client-name",
                "billing.internal",
                "--tag",
                "t",
                "--host",
                "h",
            ],
            json!({"name": "x", "hosts": ["h"], "tags": ["t"], "base": {"methods": ["GET"], "paths": ["/v1/*"], "timeouts": {"connect": "1s"},
                "rate_limit": {"requests": 5, "per": "1s"}, "guard": "block", "shield": false, "probe": {"method": "GET", "path": "/me"},
                "dead": [401, {"status": 200, "body_contains": "no"}], "alive": ["2xx"], "max_request_body": 10, "remove_headers": ["Cookie"],
                "tls": {"client_certificate": "cert", "client_names": ["billing.internal"]}}}),
        ),
        (
            r#"{"name": "pay", "base": {"upstream": "https://a", "guard": "off"}, "revision": 4}"#,
            &["create", "--file", "-", "--guard", "mask", "-e", "staging"],
            json!({"name": "pay", "base": {"upstream": "https://a", "guard": "mask"}, "environments": {"staging": {}}}),
        ),
    ] {
        assert_eq!(body(stdin, line), Ok(expected), "{line:?}");
    }
}

#[test]
fn editing() {
    for (stdin, line, expected) in [
        (
            "",
            &["edit", "pay", "--header", "A={{a}}", "--no-header", "B", "--clear", "rate-limit", "--description", "d"]
                [..],
            json!({"description": "d", "base": {"inject": {"headers": {"A": "{{a}}", "B": null}}, "rate_limit": null}}),
        ),
        (
            "",
            &["edit", "pay", "--client-name", "app", "--clear", "client-certificate", "--clear", "probe"],
            json!({"base": {"probe": null, "tls": {"client_names": ["app"], "client_certificate": null}}}),
        ),
        (
            "",
            &["edit", "pay", "--in", "staging", "--header", "A={{a}}", "--no-header", "B"],
            json!({"environments": {"staging": {"inject": {"headers": {"A": "{{a}}", "B": false}}}}}),
        ),
        (
            "",
            &["edit", "pay", "-e", "qa", "--remove-environment", "staging"],
            json!({"environments": {"qa": {}, "staging": null}}),
        ),
        ("{\"tags\": null, \"name\": \"pay\"}", &["edit", "pay", "--file", "-"], json!({"tags": null})),
        ("{\"name\": \"pay\"}", &["edit", "pay", "--file", "-", "--replace"], json!({})),
    ] {
        assert_eq!(body(stdin, line), Ok(expected), "{line:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (stdin, line) in [
        ("", &["create"][..]),
        ("", &["create", "x", "--header", "A"]),
        ("", &["create", "x", "--basic", "{{a:b}}"]),
        ("", &["create", "x", "--probe", "GET"]),
        ("", &["create", "x", "--dead", "{"]),
        ("", &["create", "x", "--ca-file", "/nonexistent"]),
        ("", &["edit", "x"]),
        ("", &["edit", "x", "--clear", "upstream"]),
        ("", &["edit", "x", "--replace"]),
        ("{\"name\": \"y\"}", &["edit", "x", "--file", "-"]),
        ("{\"name\": \"y\"}", &["create", "x", "--file", "-"]),
        ("{\"upstream\": \"https://a\"}", &["create", "x", "--file", "-"]),
    ] {
        assert!(body(stdin, line).is_err(), "{line:?}");
    }
}
