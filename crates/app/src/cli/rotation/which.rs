//! Which rotation is meant: by its id, or by a secret that it replaces or brings in.

use api::rotation::RotationQuery;

use super::super::fault::Fault;
use super::super::session::Session;

/// How ids begin.
const ID: &str = "rot_";

/// Whether a rotation that is over can be meant as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// Only those in which something can still happen.
    Live,
    /// These first; where there is none, the latest one.
    All,
}

/// The id of the rotation that is meant.
pub(super) async fn id(session: &Session<'_>, given: &str, among: Among) -> Result<String, Fault> {
    if given.starts_with(ID) {
        return Ok(given.to_owned());
    }
    if let Some(id) = latest(session, given, true).await? {
        return Ok(id);
    }
    let (found, what) = match among {
        Among::Live => (None, "no rotation of it is under way"),
        Among::All => (latest(session, given, false).await?, "there was no rotation of it"),
    };
    found.ok_or_else(|| Fault::NoRotation(format!("{given}: {what}; see: keyroll rotation list --secret {given}")))
}

/// The latest rotation that a secret is part of; one that replaces it goes before one that brings it in.
async fn latest(session: &Session<'_>, secret: &str, live: bool) -> Result<Option<String>, Fault> {
    let query = RotationQuery {
        secret: Some(secret.to_owned()),
        live: live.then_some(true),
        limit: Some(50),
        ..RotationQuery::default()
    };
    let page = session.client.rotations(&query).await?;
    let replaced = page.items.iter().find(|item| item.outgoing == secret);
    Ok(replaced.or(page.items.first()).map(|item| item.id.clone()))
}
