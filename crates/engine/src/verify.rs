//! Looks at all sealed rows and at the audit, slowly and again and again: what was changed outside Keyroll carries no
//! new revision, so that nobody who only follows revisions would notice.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use envelope::{Keyring, OpenError};
use model::name::SecretName;
use model::secret::Secret;
use model::time::Span;
use store::{Position, SealedSecret, StoreError};
use tokio::time::Instant;

use crate::Shared;
use crate::outage::Outage;
use crate::publish::open;
use crate::standing::Published;
use crate::supervise::blocking;

/// How many rows are read at once.
const PAGE: usize = 200;

/// The pause is at least so many times as long as the check took, so that checking never takes more than a twentieth
/// of one processor, however much there is to check.
const PAUSE_FACTOR: u32 = 19;

/// How long the right to check the audit lasts beyond a pause: longer than a check of a large one takes.
const LEASE: Span = Span::from_secs(300);

/// The pause is at most so many times the usual one: a check that was long because others held the database says
/// nothing about how much there is to check.
const PAUSE_MOST: u32 = 20;

/// Why a stored secret must not be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error("its row cannot be read")]
    Damaged,
    #[error("its row differs from the one that is served, without any change that was made through Keyroll")]
    Edited,
    #[error("its row was put back to an earlier state")]
    PutBack,
    #[error("its row is missing, though a route names it")]
    Missing,
}

/// Checks everything once at the start, after the first snapshot is served, and then by and by.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none("verify");
    tokio::select! {
        _ = shared.standing.serves() => {}
        _ = shared.sleep(shared.options.pace.verify) => {}
    }
    loop {
        let begun = Instant::now();
        // Nothing is lost where a check is broken off, and nobody wants to wait for it.
        tokio::select! {
            checked = verify(&shared) => { outage.note(checked); }
            () = shared.options.shutdown.cancelled() => return,
        }
        let least = shared.options.pace.verify;
        let pause = begun.elapsed().saturating_mul(PAUSE_FACTOR).clamp(least, least.saturating_mul(PAUSE_MOST));
        if !shared.sleep(pause).await {
            return;
        }
    }
}

async fn verify(shared: &Shared) -> Result<(), StoreError> {
    let faults = check_secrets(shared).await?;
    let before = shared.standing.suspects();
    for (name, fault) in faults.iter().filter(|(name, _)| !before.contains(*name)) {
        tracing::error!(secret = %name, reason = %fault, "a stored secret was changed outside Keyroll or cannot be opened, and is not used");
    }
    for name in before.iter().filter(|name| !faults.contains_key(*name)) {
        tracing::info!(secret = %name, "a stored secret is in order again");
    }
    shared.standing.suspect(faults.into_keys().collect());
    check_rows(shared).await?;
    check_audit(shared).await
}

/// Rows that hold no value: routes, clients, tokens. One that is not as Keyroll wrote it is not read into the next
/// snapshot; what was served before goes on, since that is what an operator wrote.
async fn check_rows(shared: &Shared) -> Result<(), StoreError> {
    let found = shared.options.store.read().await?.tampered_rows().await?;
    let before = shared.standing.tampered_rows();
    for row in found.iter().filter(|row| !before.contains(row)) {
        tracing::error!(?row, "a stored row was changed outside Keyroll, and is not used");
    }
    for row in before.iter().filter(|row| !found.contains(row)) {
        tracing::info!(?row, "a stored row is in order again");
    }
    shared.standing.note_rows(found);
    Ok(())
}

/// One node at a time reads the whole audit; another takes over where that one falls silent.
async fn check_audit(shared: &Shared) -> Result<(), StoreError> {
    if shared.lease("verify-audit", shared.options.pace.verify, LEASE).await?.is_none() {
        // What this node found, when it was its turn, is by now the business of the node that looks.
        shared.standing.note_audit(None);
        return Ok(());
    }
    let report = shared.options.store.read().await?.verify_audit().await?;
    let fault = report.fault.map(|fault| format!("audit event {} {}", fault.sequence, fault.problem));
    if shared.standing.note_audit(fault.clone()) {
        match fault {
            Some(fault) => tracing::error!(%fault, "the audit was changed outside Keyroll"),
            None => tracing::info!("the audit is in order again"),
        }
    }
    Ok(())
}

async fn check_secrets(shared: &Shared) -> Result<BTreeMap<SecretName, Fault>, StoreError> {
    // Taken before the rows are read: these are then as new as what is served, or newer.
    let published = shared.standing.published();
    let tx = shared.options.store.read().await?;
    let served = Arc::new(Served::new(published, tx.position()));
    let mut unseen: HashSet<SecretName> = served.names_at_this_state().cloned().collect();
    let mut faults = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = tx.sealed_secrets(&after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        last.clone_into(&mut after);
        for (name, _) in &page {
            unseen.remove(name.as_str());
        }
        let (keyring, served) = (Arc::clone(&shared.options.keyring), Arc::clone(&served));
        faults.extend(blocking(move || check_page(&keyring, &served, page)).await);
    }
    faults.extend(unseen.into_iter().map(|name| (name, Fault::Missing)));
    Ok(faults)
}

fn check_page(
    keyring: &Keyring,
    served: &Served,
    page: Vec<(String, Option<SealedSecret>)>,
) -> BTreeMap<SecretName, Fault> {
    let mut faults = BTreeMap::new();
    for (text, row) in page {
        let Ok(name) = text.parse::<SecretName>() else {
            tracing::error!(secret = ?text, "a stored secret has a name that no secret can have, and is not used");
            continue;
        };
        let fault = match row {
            None => Some(Fault::Damaged),
            Some(row) => served.fault(&row.secret).or_else(|| open(keyring, &row).err().map(Fault::from)),
        };
        faults.extend(fault.map(|fault| (name, fault)));
    }
    faults
}

/// What is served, to be held against what is stored.
struct Served {
    published: Option<Published>,
    /// Whether rows are read at the very revision that is served.
    same: bool,
}

impl Served {
    fn new(published: Option<Published>, read: &Position) -> Self {
        let published = published.filter(|published| published.incarnation == read.incarnation);
        let same = published.as_ref().is_some_and(|published| published.revision == read.revision);
        Self { published, same }
    }

    /// The secrets that must be found, since nothing was committed after they were served.
    fn names_at_this_state(&self) -> impl Iterator<Item = &SecretName> {
        self.published.iter().filter(|_| self.same).flat_map(|published| published.secrets.keys())
    }

    /// A row may be newer than what is served, by a commit that is about to be published; never older, and never
    /// different at the same version.
    fn fault(&self, row: &Secret) -> Option<Fault> {
        let served = &self.published.as_ref()?.secrets.get(&row.name)?.secret;
        // Of one that could not be read when it was published, nothing is known that a row could differ from.
        if served.version == 0 {
            return None;
        }
        if row.version < served.version {
            return Some(Fault::PutBack);
        }
        let alike = row.id == served.id && row.limits == served.limits;
        let edited = if row.version == served.version { !alike } else { self.same };
        edited.then_some(Fault::Edited)
    }
}
