//! What is known about one secret that the route names: its row, its relatives, and what the upstream said to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use envelope::Binding;
use model::doctor::{Answers, Live, Mention, Related, Run, SecretFacts, Window};
use model::name::{EnvironmentName, SecretName};
use model::secret::State;
use model::snapshot::{Opened, opened};
use model::time::{Span, Timestamp};
use store::{ReadTx, SecretRow, StoreError};

use super::super::rules::meant;
use crate::endpoints::secrets::sealed;
use crate::refusal::Refusal;
use crate::state::Control;

const HOUR: Span = Span::from_hours(1);
/// Answers since a change of longer ago are those of this long.
const DAY: Span = Span::from_days(1);
/// How far the line of predecessors is followed.
const FOLLOWED: usize = 5;

/// Which of the answers a window of time belongs to.
type Choose = fn(&mut Answers) -> &mut Window;

/// A secret as far as it is known, with its value where it opens.
#[derive(Default)]
pub(super) struct Known {
    pub(super) facts: SecretFacts,
    pub(super) opened: Option<Arc<Opened>>,
    /// When it was last sent through the route, by environment.
    pub(super) last_sent: BTreeMap<EnvironmentName, Timestamp>,
    /// What it was answered there.
    pub(super) answers: BTreeMap<EnvironmentName, Answers>,
    /// What its predecessor was answered there.
    pub(super) before: BTreeMap<EnvironmentName, Answers>,
}

/// Whose answers are read, and around which moments.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) route: &'a str,
    pub(super) change: Timestamp,
    pub(super) now: Timestamp,
}

pub(super) async fn read(control: &Control, tx: &ReadTx, name: &SecretName, past: Past<'_>) -> Result<Known, Refusal> {
    let mut known = Known {
        last_sent: tx.last_sent(name.as_str(), past.route).await?.into_iter().collect(),
        answers: answers(tx, name, past, past.change.minus(Span::from_secs(60))).await?,
        ..Known::default()
    };
    let row = match readable(tx.secret(name.as_str()).await)? {
        Ok(row) => row,
        Err(why) => {
            known.facts.closed = Some(why);
            return Ok(known);
        }
    };
    if row.as_ref().is_none_or(|row| row.secret.state == State::Deleted) {
        known.facts.meant = meant(tx, name.as_str()).await?.and_then(|text| text.parse().ok());
    }
    let Some(SecretRow { secret, superseded_by, .. }) = row else { return Ok(known) };
    if secret.state == State::Active {
        match value(control, tx, name).await? {
            Ok(opened) => known.opened = Some(opened),
            Err(why) => known.facts.closed = Some(why),
        }
    }
    known.facts.predecessors = predecessors(tx, secret.successor_of.clone()).await?;
    if let Some(before) = known.facts.predecessors.first() {
        // In the minute of the change it was the predecessor that was sent.
        known.before = answers(tx, &before.name, past, past.change).await?;
    }
    if let Some(next) = superseded_by {
        known.facts.successor = related(tx, &next).await?.map(|(related, _)| related);
    }
    let rotation = tx.live_rotation_of(name.as_str()).await?;
    known.facts.rotation = rotation.map(|live| Live { id: live.id, state: live.state, incoming: live.incoming });
    known.facts.secret = Some(secret);
    Ok(known)
}

/// A row that somebody edited is a finding, and no failure of the request.
fn readable<T>(found: Result<T, StoreError>) -> Result<Result<T, String>, Refusal> {
    match found {
        Ok(found) => Ok(Ok(found)),
        Err(error @ StoreError::Damaged { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The value, or why it cannot be had.
async fn value(control: &Control, tx: &ReadTx, name: &SecretName) -> Result<Result<Arc<Opened>, String>, Refusal> {
    let stored = match readable(tx.sealed_secret(name.as_str()).await)? {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(Err("it has no value".to_owned())),
        Err(why) => return Ok(Err(why)),
    };
    let value = envelope::open(&control.keys.keyring, &sealed(stored.sealed), &Binding::from(&stored.secret));
    Ok(value.map(|value| opened(stored.secret, Some(value))).map_err(|error| error.to_string()))
}

async fn predecessors(tx: &ReadTx, first: Option<SecretName>) -> Result<Vec<Related>, Refusal> {
    let (mut found, mut next) = (Vec::new(), first);
    while let Some(name) = next.filter(|_| found.len() < FOLLOWED) {
        let Some((related, before)) = related(tx, &name).await? else { break };
        found.push(related);
        next = before;
    }
    Ok(found)
}

/// A predecessor or successor, and what that one succeeds.
async fn related(tx: &ReadTx, name: &SecretName) -> Result<Option<(Related, Option<SecretName>)>, Refusal> {
    let Ok(Some(row)) = readable(tx.secret(name.as_str()).await)? else { return Ok(None) };
    let mentions = tx.references(name.as_str()).await?.into_iter();
    let mentions = mentions.map(|row| Mention { route: row.route, environment: row.environment, field: row.field });
    let related = Related { name: name.clone(), deleted_at: row.secret.deleted_at, mentions: mentions.collect() };
    Ok(Some((related, row.secret.successor_of)))
}

/// The answers by environment; those before the change are counted up to the minute of `until`.
async fn answers(
    tx: &ReadTx,
    name: &SecretName,
    past: Past<'_>,
    until: Timestamp,
) -> Result<BTreeMap<EnvironmentName, Answers>, Refusal> {
    let Past { route, change, now } = past;
    let mut found: BTreeMap<EnvironmentName, Answers> = BTreeMap::new();
    let windows: [(Timestamp, Timestamp, Choose); 3] = [
        (now.minus(HOUR), now, |answers| &mut answers.hour),
        (change.max(now.minus(DAY)), now, |answers| &mut answers.since),
        (change.minus(HOUR), until, |answers| &mut answers.before),
    ];
    for (from, to, window) in windows {
        for answered in tx.answers(name.as_str(), route, from, to).await? {
            let count = u64::try_from(answered.count).unwrap_or(0);
            let run = Run { count, first: answered.first, last: answered.last };
            window(found.entry(answered.environment).or_default()).put(answered.outcome, run);
        }
    }
    Ok(found)
}
