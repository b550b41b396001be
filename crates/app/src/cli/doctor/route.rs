//! `keyroll doctor route`: why a route fails after a rotation, does not find a secret, or gets a 401.

use api::client::Call;
use api::path;
use api::route::{ProbeRoute, RouteDiagnosis, RouteDoctorQuery, RouteFinding};
use clap::Args;
use serde_json::{Value, json};

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::table::{self, Cell, Column, View};

const AFTER: &str = "\
Nothing is sent to the third party unless --probe asks for it, and nothing is changed. The exit code is 2 where there is an
error; warnings and notes do not change it.

Examples:
  keyroll doctor route payments
  keyroll doctor route payments --environment production --probe";

/// `keyroll doctor route`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct RouteArgs {
    /// Its name
    name: String,
    /// Only this environment [default: every one that it is served in]
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// Try the credentials as well, by the probe of the route or of its secrets; needs the role operator
    #[arg(long)]
    probe: bool,
}

const VIEW: View = View {
    name: "/code",
    columns: &[
        Column("SEVERITY", Cell::At("/severity")),
        Column("CODE", Cell::At("/code")),
        Column("ENVIRONMENT", Cell::At("/environment")),
        Column("SECRET", Cell::At("/secret")),
        Column("FOUND", Cell::At("/detail")),
    ],
    details: &[],
};

/// The questions as the server names them, and as a person asks them.
const QUESTIONS: [(&str, &str); 3] = [
    ("fails-after-rotation", "ROUTE FAILS AFTER A ROTATION"),
    ("secret-not-found", "SECRET NOT FOUND"),
    ("upstream-401", "THIRD PARTY SAYS 401"),
];

/// Looks, tells, and fails where there is an error.
pub(super) async fn run(args: RouteArgs, session: Session<'_>) -> Result<(), Fault> {
    let address = path::part(path::ROUTES, &args.name, "doctor");
    let call = match args.probe {
        true => Call::post(address).json(&ProbeRoute { environment: args.environment })?,
        false => Call::get(address).query(&json!(RouteDoctorQuery { environment: args.environment })),
    };
    let reply = session.send(call).await?;
    let diagnosis: RouteDiagnosis = reply.json()?;
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json()?)?,
        Format::Name => {
            let items = diagnosis.findings.iter().map(|finding| json!(finding)).collect();
            print::list(session.out, session.format, &VIEW, items, &Value::Null)?;
        }
        Format::Table => {
            session.out.data(tables(&diagnosis.findings).as_bytes())?;
            session.out.flush()?;
            for advice in advice(&diagnosis.findings) {
                session.out.say(&advice);
            }
        }
    }
    match diagnosis.findings.iter().filter(|finding| finding.severity == "error").count() {
        0 => Ok(()),
        errors => Err(Fault::Problems(errors)),
    }
}

/// A table for each question that there are findings for.
fn tables(findings: &[RouteFinding]) -> String {
    let mut parts = Vec::new();
    for (question, title) in QUESTIONS {
        let items: Vec<Value> =
            findings.iter().filter(|finding| finding.question == question).map(|finding| json!(finding)).collect();
        if !items.is_empty() {
            parts.push(format!("{title}\n{}", table::table(&VIEW, &items)));
        }
    }
    parts.join("\n")
}

/// What to do, each thing once, in the order of the findings.
fn advice(findings: &[RouteFinding]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| !finding.advice.is_empty()) {
        let line = format!("{}: {}", finding.code, finding.advice);
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(question: &str, code: &str, environment: Option<&str>, advice: &str) -> RouteFinding {
        RouteFinding {
            code: code.to_owned(),
            severity: "note".to_owned(),
            question: question.to_owned(),
            environment: environment.map(str::to_owned),
            secret: None,
            detail: format!("found {code}"),
            advice: advice.to_owned(),
        }
    }

    #[test]
    fn findings_stand_below_their_question_and_advice_is_told_once() {
        let findings = [
            finding("fails-after-rotation", "a", None, "do a"),
            finding("upstream-401", "b", Some("staging"), "do b"),
            finding("upstream-401", "b", Some("production"), "do b"),
            finding("upstream-401", "c", Some("production"), ""),
        ];
        let expected = "\
ROUTE FAILS AFTER A ROTATION
SEVERITY  CODE  ENVIRONMENT  SECRET  FOUND
note      a     -            -       found a

THIRD PARTY SAYS 401
SEVERITY  CODE  ENVIRONMENT  SECRET  FOUND
note      b     staging      -       found b
note      b     production   -       found b
note      c     production   -       found c
";
        assert_eq!(tables(&findings), expected);
        assert_eq!(advice(&findings), ["a: do a", "b: do b"]);
    }
}
