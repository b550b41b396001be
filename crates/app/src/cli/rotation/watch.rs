//! Waits for a rotation: each thing that happens as it happens, and where it stands in between.

use std::time::Duration;

use api::client::{Call, ClientError};
use api::path;
use api::rotation::{Manner, RotationItem};
use clap::Args;
use tokio::time::{Instant, sleep};

use super::super::fault::Fault;
use super::super::session::{Format, Session};
use super::live;
use super::moment;
use super::told::{Extent, Told};

/// How often it is looked at while something moves, and while nothing does.
const SOON: Duration = Duration::from_millis(500);
const LATER: Duration = Duration::from_secs(2);
/// For how long nothing may be heard of the server: a restart is no reason to give up.
const SILENCE: Duration = Duration::from_secs(120);

/// How long to wait, and for what.
#[derive(Debug, Clone, Args)]
pub(super) struct Patience {
    /// What to wait for: every environment promoted, or nothing left that happens by itself
    #[arg(long, value_name = "WHAT", value_parser = ["promoted", "finished"], default_value = "finished", requires = "wait")]
    until: String,
    /// How long to wait at most, such as 90s or 50h; exit code 6 after that [default: as long as it takes]
    #[arg(long, value_name = "SPAN", value_parser = moment::span, requires = "wait")]
    wait_timeout: Option<Duration>,
}

/// How waiting for a rotation ends, and what is said then.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// It got where it was to get.
    Well(String),
    /// It did not, or needs somebody.
    Badly(String),
}

/// Waits for it, telling what happens, and shows where it stands in the end.
pub(super) async fn follow(mut told: Told, patience: &Patience, session: &mut Session<'_>) -> Result<(), Fault> {
    let limit = patience.wait_timeout.map(|span| Instant::now() + span);
    let (mut heard, mut waits_for) = (0, None);
    if session.format == Format::Name {
        // Whoever waits in a script has the id at once, however this ends.
        session.out.line(&told.item.id)?;
        session.out.flush()?;
    }
    let end = loop {
        for line in told.item.history.iter().filter(|line| line.number > heard) {
            session.out.say(&format!("{}  {}  {} ({})", line.at, line.event, line.detail, line.actor));
        }
        heard = told.item.history.last().map_or(heard, |line| line.number);
        if let Some(end) = end(&told.item, patience.until == "promoted") {
            break end;
        }
        let asked = request(&told.item);
        if asked != waits_for {
            asked.iter().for_each(|asked| session.out.say(asked));
            waits_for = asked;
        }
        session.out.pane(&live::view(&told.item, moment::now()));
        if limit.is_some_and(|limit| Instant::now() >= limit) {
            return Err(Fault::NotYet { rotation: told.item.id, state: told.item.state });
        }
        sleep(pause(&told.item)).await;
        told = again(session, &told.item.id).await?;
    };
    let (said, failed) = match end {
        End::Well(said) => (said, None),
        End::Badly(how) => (String::new(), Some(Fault::Rotation { rotation: told.item.id.clone(), how })),
    };
    if !said.is_empty() {
        session.out.say(&said);
    }
    if session.format != Format::Name {
        session.out.clear();
        told.show(session, Extent::Brief)?;
    }
    failed.map_or(Ok(()), Err)
}

/// Asks anew; a server that is restarted meanwhile is waited for.
async fn again(session: &mut Session<'_>, id: &str) -> Result<Told, Fault> {
    let silent = Instant::now();
    let mut said = false;
    loop {
        match Told::by(session, Call::get(path::item(path::ROTATIONS, id))).await {
            Err(fault) if passes(&fault) && silent.elapsed() < SILENCE => {
                if !std::mem::replace(&mut said, true) {
                    session.out.say(&format!("{fault}; the rotation does not depend on this: asking again"));
                }
                sleep(LATER).await;
            }
            other => return other,
        }
    }
}

/// Whether a fault is of a kind that passes by itself.
fn passes(fault: &Fault) -> bool {
    match fault {
        Fault::Server(ClientError::Refused(problem)) => matches!(problem.status, 429 | 503),
        Fault::Server(error) => {
            matches!(error, ClientError::Connect { .. } | ClientError::Broken(_) | ClientError::TimedOut { .. })
        }
        _ => false,
    }
}

fn pause(item: &RotationItem) -> Duration {
    match item.state.as_str() {
        "awaiting_approval" | "waiting" | "watching" | "held" => LATER,
        _ => SOON,
    }
}

/// Whether there is nothing more to wait for.
fn end(item: &RotationItem, promoted_is_enough: bool) -> Option<End> {
    let id = &item.id;
    // The last thing that happened says why.
    let why = || item.history.last().map(|line| line.detail.clone()).filter(|detail| !detail.is_empty());
    let badly = |how: &str| End::Badly(why().map_or_else(|| how.to_owned(), |why| format!("{how}: {why}")));
    let outgoing = &item.outgoing;
    match item.state.as_str() {
        "completed" => Some(End::Well(format!("{id} is completed"))),
        "rolled_back" => Some(badly("was rolled back")),
        "abandoned" => Some(badly("was abandoned")),
        "needs_operator" => Some(badly("cannot go on without an operator")),
        "withdrawn" if item.plan.delete_outgoing == Manner::Manual => Some(End::Well(format!(
            "{outgoing} is withdrawn: nothing uses it any more, and what is left is its deletion: keyroll secret delete {outgoing}"
        ))),
        "watching" | "withdrawn" if promoted_is_enough => {
            Some(End::Well(format!("{} is promoted in {}", item.incoming, item.promoted.join(", "))))
        }
        _ => None,
    }
}

/// What somebody has to do before it goes on, where that is so.
fn request(item: &RotationItem) -> Option<String> {
    let id = &item.id;
    let command = match item.state.as_str() {
        "awaiting_approval" => format!("keyroll rotation approve {id} --reason TEXT"),
        "held" => format!("keyroll rotation resume {id}"),
        "waiting" if item.next.at.is_none() => format!("keyroll rotation advance {id}"),
        _ => return None,
    };
    let waits_for = item.next.waits_for.as_deref().unwrap_or("somebody's word");
    Some(format!("{id} waits for {waits_for}: {command}"))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn at(state: &str) -> RotationItem {
        RotationItem { state: state.to_owned(), ..sample::in_canary() }
    }

    #[test]
    fn waiting_ends_where_nothing_more_happens_by_itself() {
        for state in ["completed", "withdrawn"] {
            assert!(matches!(end(&at(state), false), Some(End::Well(_))), "{state}");
        }
        for state in ["rolled_back", "abandoned", "needs_operator"] {
            let Some(End::Badly(how)) = end(&at(state), false) else { panic!("{state}") };
            assert!(how.ends_with(": 5% of the traffic of production"), "{how}");
        }
        for state in ["planned", "awaiting_approval", "probing", "canary", "soaking", "waiting", "watching", "held"] {
            assert_eq!(end(&at(state), false), None, "{state}");
        }
        let mut deletes = at("withdrawn");
        deletes.plan.delete_outgoing = Manner::Automatic;
        assert_eq!(end(&deletes, false), None);
        assert!(matches!(end(&deletes, true), Some(End::Well(_))));
        assert!(matches!(end(&at("watching"), true), Some(End::Well(_))));
        assert_eq!(end(&at("soaking"), true), None);
    }

    #[test]
    fn whoever_has_to_do_something_is_told_what() {
        for (state, verb) in [("awaiting_approval", "approve"), ("held", "resume"), ("waiting", "advance")] {
            let mut item = at(state);
            item.next.at = None;
            let told = request(&item).unwrap();
            assert!(told.contains(&format!("keyroll rotation {verb} {}", item.id)), "{told}");
        }
        assert_eq!(request(&at("canary")), None);
    }
}
