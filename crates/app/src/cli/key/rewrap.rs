//! `keyroll key rewrap`: what older KEKs wrap comes under the current one, step by step.

use api::client::Call;
use api::key::{KeyItem, RewrapKeys, Rewrapped};
use api::list::Page;
use api::path;
use clap::Args;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};

const AFTER: &str = "\
Before: every node must hold the current KEK of the node that is asked (`keyroll key list`), or it can no longer open
what was wrapped. No value is written anew, and traffic goes on. Each step is one change with its audit event; when
it is broken off, what was done stays done, and the command can be given again.

Examples:
  keyroll key rewrap --dry-run
  keyroll key rewrap --wait";

/// `keyroll key rewrap`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RewrapArgs {
    /// Only tell what would be done
    #[arg(long, conflicts_with_all = ["wait", "step"])]
    dry_run: bool,
    /// Go on until nothing is left, instead of one step
    #[arg(long)]
    wait: bool,
    /// How many secrets a step wraps
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    step: u32,
}

/// Takes one step, or all.
pub(super) async fn run(args: RewrapArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let planned = send(&RewrapKeys { limit: None, dry_run: Some(true) }, session).await?;
    if args.dry_run {
        tell(&planned, true, session)?;
        return advise(&planned, true, session).await;
    }
    if planned.rewrapped > 0 || planned.fingerprint_key {
        session.confirm(&format!(
            "Wrap {} with {}? Every node must hold that key already.",
            amount(planned.rewrapped, planned.fingerprint_key),
            planned.kek_id
        ))?;
    }
    let body = RewrapKeys { limit: Some(args.step), dry_run: None };
    let mut done = send(&body, session).await?;
    while args.wait && done.left > 0 {
        if session.asks() {
            session.out.say(&format!("{} wrapped, {} left", done.rewrapped, done.left));
        }
        let next = send(&body, session).await?;
        // What is left cannot be opened: asking again would not change that.
        if next.rewrapped == 0 {
            done = Rewrapped { left: next.left, unusable: next.unusable, ..done };
            break;
        }
        done = Rewrapped {
            rewrapped: done.rewrapped.saturating_add(next.rewrapped),
            fingerprint_key: done.fingerprint_key || next.fingerprint_key,
            revision: next.revision.or(done.revision),
            ..next
        };
    }
    tell(&done, false, session)?;
    advise(&done, false, session).await
}

async fn send(body: &RewrapKeys, session: &Session<'_>) -> Result<Rewrapped, Fault> {
    Ok(session.send(Call::post(path::KEYS_REWRAP).json(body)?).await?.json()?)
}

fn tell(answer: &Rewrapped, dry_run: bool, session: &mut Session<'_>) -> Result<(), Fault> {
    let value: Value = serde_json::to_value(answer).map_err(std::io::Error::from)?;
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &value)?,
        Format::Name => session.out.line(&answer.kek_id)?,
        Format::Table => {
            let verb = if dry_run { "would be wrapped" } else { "wrapped" };
            let amount = amount(answer.rewrapped, answer.fingerprint_key);
            session.out.line(&format!("{amount} {verb} with {}; {} left", answer.kek_id, answer.left))?;
        }
    }
    for secret in &answer.unusable {
        session.out.say(&format!("{}: {}", secret.name, secret.detail));
    }
    let stuck = u64::try_from(answer.unusable.len()).unwrap_or(u64::MAX);
    if stuck > 0 { Err(Fault::Unusable(stuck)) } else { Ok(()) }
}

/// What to do next. Keys that can be taken out are named: an operator who thinks of another key as the current one (the
/// file was changed, and the node not restarted) must not take out the wrong one.
async fn advise(answer: &Rewrapped, dry_run: bool, session: &mut Session<'_>) -> Result<(), Fault> {
    if answer.rewrapped == 0 && !answer.fingerprint_key {
        session.out.say(&format!(
            "{} is the current key of this node and wraps everything already. A key that was added to its KEK file \
             comes into use at its next start.",
            answer.kek_id
        ));
    } else if dry_run {
        session.out.say("Every node must hold that key before: one that does not cannot open what is wrapped with it.");
    }
    if answer.left > 0 {
        session.out.say("Give the command again, or with --wait, until nothing is left.");
    } else if !dry_run {
        let keys: Page<KeyItem> = session.send(Call::get(path::KEYS)).await?.json()?;
        let idle = keys.items.iter().filter(|key| !key.current && key.secrets == 0 && !key.fingerprint_key);
        let idle: Vec<&str> = idle.map(|key| key.id.as_str()).collect();
        if !idle.is_empty() {
            session.out.say(&format!(
                "Wraps nothing in this database: {}. Once it is taken out of the KEK file of every node, and the nodes \
                 are restarted, only backups from before need it: keep a copy as long as one of them is kept.",
                idle.join(", ")
            ));
        }
    }
    Ok(())
}

fn amount(secrets: u64, fingerprint_key: bool) -> String {
    let plural = if secrets == 1 { "secret" } else { "secrets" };
    let also = if fingerprint_key { " and the fingerprint key" } else { "" };
    format!("{secrets} {plural}{also}")
}
