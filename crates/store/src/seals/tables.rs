//! The tables whose rows are sealed.

/// A table whose rows are sealed.
#[derive(Debug)]
pub(crate) struct SealedTable {
    pub(crate) name: &'static str,
    /// What one row is called.
    pub(crate) noun: &'static str,
    pub(crate) key: &'static [&'static str],
    /// What the seal is of: everything, in this order. A later migration's columns come last, and begin as NULL.
    pub(super) columns: &'static [&'static str],
    /// Whether rows from before there were seals stay without one.
    pub(super) stays_unsealed: bool,
}

pub(crate) const ENVIRONMENTS: SealedTable = SealedTable {
    name: "environments",
    noun: "environment",
    key: &["name"],
    columns: &["name", "display_name", "rank", "protected", "is_default", "version", "changed"],
    stays_unsealed: false,
};

pub(crate) const ROUTES: SealedTable = SealedTable {
    name: "routes",
    noun: "route",
    key: &["name"],
    columns: &["name", "spec", "created_at", "updated_at", "version", "changed"],
    stays_unsealed: false,
};

pub(crate) const ROUTE_REVISIONS: SealedTable = SealedTable {
    name: "route_revisions",
    noun: "revision",
    key: &["route", "number"],
    columns: &["route", "number", "at", "actor", "action", "spec"],
    stays_unsealed: true,
};

pub(crate) const CLIENTS: SealedTable = SealedTable {
    name: "clients",
    noun: "client",
    key: &["name"],
    columns: &[
        "name",
        "description",
        "environments",
        "routes",
        "allowed_ips",
        "rate_limit",
        "expires_at",
        "disabled",
        "created_at",
        "version",
        "changed",
        "signing",
    ],
    stays_unsealed: false,
};

pub(crate) const CLIENT_KEYS: SealedTable = SealedTable {
    name: "client_keys",
    noun: "client key",
    key: &["id"],
    columns: &["id", "client", "digest", "created_at", "revoked_at"],
    stays_unsealed: false,
};

pub(crate) const TOKENS: SealedTable = SealedTable {
    name: "tokens",
    noun: "token",
    key: &["id"],
    columns: &["id", "name", "role", "digest", "created_at", "created_by", "expires_at", "revoked_at"],
    stays_unsealed: false,
};

pub(crate) const ROTATIONS: SealedTable = SealedTable {
    name: "rotations",
    noun: "rotation",
    key: &["id"],
    columns: &[
        "id",
        "outgoing",
        "incoming",
        "salt",
        "started_at",
        "state",
        "environment",
        "state_since",
        "cut_over_at",
        "live",
        "traffic",
        "version",
        "changed",
    ],
    stays_unsealed: false,
};

pub(crate) const ROTATION_EVENTS: SealedTable = SealedTable {
    name: "rotation_events",
    noun: "event of rotation",
    key: &["rotation", "number"],
    columns: &["rotation", "number", "at", "actor", "sequence", "event"],
    stays_unsealed: false,
};

pub(super) const TABLES: [&SealedTable; 8] =
    [&ENVIRONMENTS, &ROUTES, &ROUTE_REVISIONS, &CLIENTS, &CLIENT_KEYS, &TOKENS, &ROTATIONS, &ROTATION_EVENTS];
