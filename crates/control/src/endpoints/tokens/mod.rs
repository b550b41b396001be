//! Admin tokens: who may ask the admin API for what.

mod create;
mod list;
mod revoke;

use std::sync::Arc;

use api::token::{Role as WireRole, TokenItem};
use model::access::Role;
use store::Token;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(list::list, create::create)).routes(routes!(revoke::revoke))
}

fn wire(role: Role) -> WireRole {
    match role {
        Role::Viewer => WireRole::Viewer,
        Role::Auditor => WireRole::Auditor,
        Role::Developer => WireRole::Developer,
        Role::Operator => WireRole::Operator,
        Role::Admin => WireRole::Admin,
    }
}

fn role(role: WireRole) -> Role {
    match role {
        WireRole::Viewer => Role::Viewer,
        WireRole::Auditor => Role::Auditor,
        WireRole::Developer => Role::Developer,
        WireRole::Operator => Role::Operator,
        WireRole::Admin => Role::Admin,
    }
}

fn item(token: &Token) -> TokenItem {
    TokenItem {
        name: token.name.clone(),
        role: wire(token.role),
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.map(|at| at.to_string()),
        revoked_at: token.revoked_at.map(|at| at.to_string()),
    }
}

/// As the audit tells it: with its id, since names come back.
fn record(token: &Token) -> serde_json::Value {
    let mut record = serde_json::to_value(item(token)).unwrap_or_default();
    if let Some(members) = record.as_object_mut() {
        members.insert("id".to_owned(), token.id.clone().into());
    }
    record
}
