//! `keyroll route test`: one request, and exactly what was sent, values masked.

use std::path::PathBuf;

use api::client::Call;
use api::path;
use api::route::{TestAnswer, TestRoute};
use clap::Args;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::out::plain;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::words;

/// `keyroll route test`
#[derive(Debug, Args)]
#[command(after_help = "-o name prints the status of the upstream's answer alone.\n\n\
                        Example:\n  keyroll route test payments --environment staging --path /v1/balance")]
pub(crate) struct TestArgs {
    /// Its name
    name: String,
    /// In which environment
    #[arg(short, long, value_name = "ENV")]
    environment: String,
    /// The method [default: GET]
    #[arg(short, long, value_name = "METHOD")]
    method: Option<String>,
    /// Path and query below the route [default: /]
    #[arg(short, long, value_name = "PATH")]
    path: Option<String>,
    /// A header as a client would send it; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = words::pair)]
    header: Vec<(String, String)>,
    /// The body
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    body: Option<String>,
    /// A file with the body
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
}

/// Sends the request and shows both sides of it.
pub(super) async fn run(args: TestArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let body = match args.body_file {
        Some(path) => Some(std::fs::read_to_string(&path).map_err(|source| Fault::File { path, source })?),
        None => args.body,
    };
    let headers = (!args.header.is_empty()).then(|| args.header.into_iter().collect());
    let body = TestRoute { environment: args.environment, method: args.method, path: args.path, headers, body };
    let reply = session.send(Call::post(path::part(path::ROUTES, &args.name, "test")).json(&body)?).await?;
    let answer: TestAnswer = reply.json()?;
    match session.format {
        Format::Table => session.out.data(told(&answer).as_bytes())?,
        Format::Name => {
            answer.answer.iter().try_for_each(|upstream| session.out.line(&upstream.status.to_string()))?;
        }
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json::<Value>()?)?,
    }
    match (answer.answer, answer.error) {
        (None, error) => Err(Fault::Upstream(error.unwrap_or_else(|| "unknown".to_owned()))),
        (Some(_), _) => Ok(()),
    }
}

/// Both sides as an HTTP message each, `>` for what was sent and `<` for what came back.
fn told(answer: &TestAnswer) -> String {
    let mut lines = Vec::new();
    match &answer.sent {
        Some(sent) => {
            lines.push(format!("> {} {}", sent.method, sent.url));
            lines.extend(sent.headers.iter().map(|(name, value)| format!("> {name}: {value}")));
            if let Some(body) = &sent.body {
                lines.push(">".to_owned());
                lines.extend(body.lines().map(|line| format!("> {line}")));
            }
        }
        None => lines.push("> (sent before; what was sent is not kept)".to_owned()),
    }
    if let Some(upstream) = &answer.answer {
        lines.push(format!("< {}", upstream.status));
        lines.extend(upstream.headers.iter().map(|(name, value)| format!("< {name}: {value}")));
        lines.push("<".to_owned());
        lines.extend(upstream.body.lines().map(|line| format!("< {line}")));
        if upstream.truncated {
            lines.push("< … (goes on)".to_owned());
        }
    }
    let secrets = answer.sent.as_ref().map(|sent| format!("secrets inserted: {}; ", sent.secrets.join(", ")));
    lines.push(format!("{}{} ms", secrets.unwrap_or_default(), answer.times.total_ms));
    lines.iter().map(|line| plain(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_told() {
        let answer: TestAnswer = serde_json::from_value(serde_json::json!({
            "sent": {"method": "GET", "url": "https://a/x", "headers": [["authorization", "Bearer ***"]], "body": null, "secrets": ["k"]},
            "answer": {"status": 200, "headers": [["a", "b\u{7}"]], "body": "one\ntwo", "truncated": true},
            "error": null, "times": {"total_ms": 12}
        }))
        .unwrap();
        assert_eq!(
            told(&answer),
            "> GET https://a/x\n> authorization: Bearer ***\n< 200\n< a: b\u{fffd}\n<\n< one\n< two\n< … (goes on)\nsecrets inserted: k; 12 ms\n"
        );
    }
}
