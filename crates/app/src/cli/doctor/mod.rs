//! `keyroll doctor`: what is wrong and what to do, on this machine and as the server sees it.

mod route;

use std::os::unix::fs::PermissionsExt;

use api::client::Call;
use api::doctor::{Diagnosis, Finding};
use api::path;
use api::query::query_string;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::fault::Fault;
use super::out::Out;
use super::print;
use super::process::ConfigArgs;
use super::session::{Format, Globals, Session, Variables};
use super::table::{Cell, Column, View};
use crate::config;
use crate::process::{Certificates, Environment};

const AFTER: &str = "\
On this machine the configuration and its files are looked at; everything else is asked of the admin API, which needs
a token: database, clocks, keys, secrets, audit, nodes, and whether upstreams can be reached.

`keyroll doctor route NAME` looks at one route: why it fails after a rotation, why a secret is not found, why the third
party says 401.

Examples:
  keyroll doctor
  keyroll doctor --route payments -o json
  keyroll doctor route payments";

/// `keyroll doctor`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct DoctorArgs {
    /// The options.
    #[command(flatten)]
    pub(super) globals: Globals,
    /// Configuration of the node on this machine.
    #[command(flatten)]
    config: ConfigArgs,
    /// Only the upstreams of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Something smaller than the whole house.
    #[command(subcommand)]
    about: Option<About>,
}

/// What can be looked at alone.
#[derive(Debug, Subcommand)]
enum About {
    /// Say why a route fails after a rotation, does not find a secret, or gets a 401 from the third party
    Route(route::RouteArgs),
}

const VIEW: View = View {
    name: "/check",
    columns: &[
        Column("STATE", Cell::At("/state")),
        Column("CHECK", Cell::At("/check")),
        Column("SUBJECT", Cell::At("/subject")),
        Column("DETAIL", Cell::At("/detail")),
    ],
    details: &[],
};

/// Looks, tells, and fails where there is a problem.
pub(super) async fn run(args: DoctorArgs, variables: &Variables, out: &mut Out) -> Result<(), Fault> {
    if let Some(About::Route(about)) = args.about {
        if args.route.is_some() {
            return Err(Fault::Usage(
                "doctor route takes the name of the route by itself: leave --route out".to_owned(),
            ));
        }
        return route::run(about, Session::open(args.globals, variables, out)?).await;
    }
    let format = args.globals.output;
    let mut findings = local(&args.config);
    match remote(&args, variables, out).await {
        Ok(diagnosis) => findings.extend(diagnosis.findings),
        // Of a route that does not exist, nothing could be told.
        Err(fault) if fault.problem().is_some_and(|problem| problem.status == 404) => return Err(fault),
        Err(fault) => {
            let advice = "is it running (keyroll serve)? KEYROLL_ADDR says where, KEYROLL_TOKEN as whom";
            findings.push(Finding::problem("admin-api", "", fault.to_string(), advice));
        }
    }
    findings.sort_by_key(Finding::rank);
    tell(&findings, format, out)?;
    match findings.iter().filter(|finding| finding.rank() == 0).count() {
        0 => Ok(()),
        problems => Err(Fault::Problems(problems)),
    }
}

async fn remote(args: &DoctorArgs, variables: &Variables, out: &mut Out) -> Result<Diagnosis, Fault> {
    let session = Session::open(args.globals.clone(), variables, out)?;
    let call = Call::get(format!("{}{}", path::DOCTOR, query_string(&json!({"route": args.route}))));
    Ok(session.send(call).await?.json()?)
}

/// Configuration and files. Nothing is opened that a running node has locked.
fn local(args: &ConfigArgs) -> Vec<Finding> {
    let loaded = match config::load(&args.clone().into(), &Environment::take().variables) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            let advice = "correct it; keyroll config check tells the same";
            let finding = |mistake: &config::Mistake| {
                Finding::problem("config", mistake.origin.to_string(), mistake.message.clone(), advice)
            };
            return mistakes.iter().map(finding).collect();
        }
    };
    let mut findings = vec![Finding::ok("config", "", "the configuration has no mistakes")];
    for (section, tls) in [("gateway", &loaded.config.gateway.tls), ("admin", &loaded.config.admin.tls)] {
        if let Err(error) = Certificates::load(tls) {
            let advice = "give a certificate and the key that belongs to it, in PEM";
            findings.push(Finding::problem("config", format!("{section}.tls"), crate::logging::chain(&error), advice));
        }
    }
    let kek = loaded.config.keys.kek_file.clone().unwrap_or_else(|| loaded.data_dir.join("kek"));
    for (path, advice) in [
        (loaded.data_dir.clone(), "chmod 700: others can look into the data directory"),
        (kek, "chmod 600: others can read the key that everything is sealed under"),
    ] {
        // What is not there yet is made by the first start, or lies on another machine.
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        let subject = path.display().to_string();
        match meta.permissions().mode() & 0o077 {
            0 => findings.push(Finding::ok("files", subject, "only its owner can read it")),
            _ => findings.push(Finding::warning("files", subject, "others on this machine can read it", advice)),
        }
    }
    findings
}

fn tell(findings: &[Finding], format: Format, out: &mut Out) -> Result<(), Fault> {
    let items: Vec<Value> = findings.iter().map(|finding| json!(finding)).collect();
    match format {
        Format::Json | Format::Yaml => print::document(out, format, &json!({"findings": items})),
        Format::Table | Format::Name => {
            print::list(out, format, &VIEW, items, &Value::Null)?;
            out.flush()?;
            for finding in findings.iter().filter(|finding| !finding.advice.is_empty()) {
                let about = if finding.subject.is_empty() { &finding.check } else { &finding.subject };
                out.say(&format!("{about}: {}", finding.advice));
            }
            Ok(())
        }
    }
}
