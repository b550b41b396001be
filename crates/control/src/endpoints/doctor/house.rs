//! Database, clock, keys, secrets, audit, tokens: what this node sees of the house itself.

use api::doctor::Finding;
use model::access::Role;
use model::time::Span;
use store::ReadTx;
use tokio::time::Instant;

use crate::refusal::Refusal;
use crate::state::Control;

/// A database that answers more slowly than this makes every change slow.
const SLOW: u128 = 50;

/// Clocks that differ by more than this make times in the audit hard to compare.
const CLOCKS: Span = Span::from_secs(2);

/// An admin token that ends sooner is worth a word.
const SOON: Span = Span::from_days(7);

pub(super) async fn look(control: &Control, tx: &ReadTx) -> Result<Vec<Finding>, Refusal> {
    Ok(vec![
        database(control, tx).await?,
        clock(control, tx).await?,
        keys(control, tx).await?,
        secrets(control),
        rows(control),
        audit(control),
        tokens(control, tx).await?,
    ])
}

async fn database(control: &Control, tx: &ReadTx) -> Result<Finding, Refusal> {
    let begun = Instant::now();
    tx.now().await?;
    let took = begun.elapsed().as_millis();
    let detail = format!("answers in {took} ms, revision {}", tx.position().revision);
    if took > SLOW {
        let advice = "look at the network between node and database, and at the database's load";
        return Ok(Finding::warning("database", "", detail, advice));
    }
    Ok(match control.standing.exposure() {
        Some(words) => Finding::warning("database", "", words, "move the KEK file, restart with --kek-file"),
        None => Finding::ok("database", "", detail),
    })
}

async fn clock(control: &Control, tx: &ReadTx) -> Result<Finding, Refusal> {
    let (own, shared) = (control.now(), tx.now().await?);
    let apart = Span::between(own, shared).as_millis().abs().max(Span::between(shared, own).as_millis().abs());
    let detail = format!("this node's clock and the database's are {apart} ms apart");
    Ok(match apart > CLOCKS.as_millis() {
        true => Finding::warning("clock", "", detail, "let both machines take their time from the same source (NTP)"),
        false => Finding::ok("clock", "", detail),
    })
}

async fn keys(control: &Control, tx: &ReadTx) -> Result<Finding, Refusal> {
    let stored: Vec<String> = tx.secrets_by_kek().await?.into_keys().collect();
    let known: Vec<String> = control.keys.keyring.ids().map(|id| id.as_str().to_owned()).collect();
    let lost: Vec<&str> = stored.iter().filter(|id| !known.contains(id)).map(String::as_str).collect();
    if !lost.is_empty() {
        let detail = format!("secrets are sealed under keys that this node's KEK file lacks: {}", lost.join(", "));
        let advice =
            "put these keys back into the KEK file of this node and restart it; no secret under them can be used";
        return Ok(Finding::problem("keys", "", detail, advice));
    }
    let current = control.keys.keyring.current().as_str().to_owned();
    let older = stored.iter().filter(|id| **id != current).count();
    Ok(match older {
        0 => Finding::ok("keys", "", format!("everything is sealed under the current key {current}")),
        _ => Finding::warning(
            "keys",
            "",
            format!("secrets are still sealed under {older} older keys"),
            "keyroll key rewrap, once every node has the current key",
        ),
    })
}

fn secrets(control: &Control) -> Finding {
    match control.standing.unusable_secrets() {
        0 => Finding::ok("secrets", "", "every secret that a route names opens"),
        count => Finding::problem(
            "secrets",
            "",
            format!("{count} secrets that routes name cannot be opened"),
            "the log of the nodes names them and says why; a row that was changed outside Keyroll comes back from a backup",
        ),
    }
}

fn rows(control: &Control) -> Finding {
    let tampered = control.standing.tampered_rows();
    let named = tampered.iter().take(5).map(|row| row.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    match tampered.len() {
        0 => Finding::ok("rows", "", "every route, client, token and environment is as Keyroll wrote it"),
        count => Finding::problem(
            "rows",
            "",
            format!("changed in the database, outside Keyroll, and not used ({count}): {named}"),
            "find out who can write the database; an admin can delete a route or client and make it anew, and revoke a token",
        ),
    }
}

fn audit(control: &Control) -> Finding {
    match control.standing.audit_fault() {
        None => Finding::ok("audit", "", "the last check found every event whole and in its place"),
        Some(fault) => Finding::problem(
            "audit",
            "",
            fault,
            "compare with a backup or an earlier export: somebody changed the database outside Keyroll",
        ),
    }
}

async fn tokens(control: &Control, tx: &ReadTx) -> Result<Finding, Refusal> {
    let now = control.now();
    let admins: Vec<_> = tx.tokens().await?.into_iter().filter(|token| token.role == Role::Admin).collect();
    let lasting = |token: &&store::Token| token.is_live(now) && token.is_live(now.plus(SOON));
    let live = admins.iter().filter(|token| token.is_live(now)).count();
    Ok(match admins.iter().any(|token| lasting(&token)) {
        true => Finding::ok("tokens", "", format!("{live} admin tokens are live")),
        false => Finding::warning(
            "tokens",
            "",
            "no admin token lives longer than a week from now",
            "keyroll token create NAME --role admin; without one, KEYROLL_BOOTSTRAP_TOKEN is the way back in",
        ),
    })
}
