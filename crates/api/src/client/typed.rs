//! The calls of the API with their types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Call, Client, ClientError};
use crate::audit::{AuditItem, AuditQuery};
use crate::clients::{ClientCreate, ClientItem, ClientPatch, KeyCreated};
use crate::environment::{EnvironmentCreate, EnvironmentItem};
use crate::health::Version;
use crate::list::Page;
use crate::path;
use crate::rotation::{
    ActionNote, Approve, Attest, Checklist, DryRun, Move, RotationEvidence, RotationImpact, RotationItem,
    RotationQuery, RotationStart, RotationSummary,
};
use crate::route::{
    ReplaceSecret, Replaced, RevisionItem, RollBack, RouteCreate, RouteItem, RoutePatch, RouteSpec, TestAnswer,
    TestRoute,
};
use crate::secret::{
    CompareAnswer, CompareSecret, DeleteQuery, DeleteSecrets, SecretCreate, SecretItem, SecretPatch, SecretQuery,
    SecretRouteItem, SecretsDeleted, UsageAnswer, UsageQuery,
};
use crate::token::{TokenCreate, TokenCreated};

/// Each fails as [`Client::call`] does.
impl Client {
    /// `GET` any path.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<T, ClientError> {
        self.call(Call::get(path)).await?.json()
    }

    /// `POST` any body to any path.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
        body: &B,
    ) -> Result<T, ClientError> {
        self.call(Call::post(path).json(body)?).await?.json()
    }
}

/// Writes one typed call: its name, arguments, answer and how it is made.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $answer:ty { $call:expr })*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Client::call`].
                pub async fn $name(&self, $($arg: $type),*) -> Result<$answer, ClientError> {
                    self.call($call).await?.json()
                }
            )*
        }
    };
}

calls! {
    /// Which Keyroll the server is.
    version() -> Version { Call::get(path::VERSION) }
    /// Creates a secret.
    create_secret(body: &SecretCreate) -> SecretItem { Call::post(path::SECRETS).json(body)? }
    /// A secret's metadata.
    secret(name: &str) -> SecretItem { Call::get(path::item(path::SECRETS, name)) }
    /// One page of the list of secrets.
    secrets(query: &SecretQuery) -> Page<SecretItem> { Call::get(path::SECRETS).query(query) }
    /// Edits a secret's metadata.
    edit_secret(name: &str, body: &SecretPatch) -> SecretItem { Call::patch(path::item(path::SECRETS, name)).json(body)? }
    /// Deletes several secrets, each judged alone.
    delete_secrets(body: &DeleteSecrets) -> SecretsDeleted { Call::post(path::SECRETS_DELETE).json(body)? }
    /// Where a secret is mentioned.
    secret_routes(name: &str) -> Page<SecretRouteItem> { Call::get(path::part(path::SECRETS, name, "routes")) }
    /// How a secret was used.
    secret_usage(name: &str, query: &UsageQuery) -> UsageAnswer { Call::get(path::part(path::SECRETS, name, "usage")).query(query) }
    /// Whether a value is the secret's.
    compare_secret(name: &str, body: &CompareSecret) -> CompareAnswer { Call::post(path::part(path::SECRETS, name, "compare")).json(body)? }
    /// Creates a route.
    create_route(body: &RouteCreate) -> RouteItem { Call::post(path::ROUTES).json(body)? }
    /// A route.
    route(name: &str) -> RouteItem { Call::get(path::item(path::ROUTES, name)) }
    /// Replaces a route.
    put_route(name: &str, body: &RouteSpec) -> RouteItem { Call::put(path::item(path::ROUTES, name)).json(body)? }
    /// Edits a route.
    edit_route(name: &str, body: &RoutePatch) -> RouteItem { Call::patch(path::item(path::ROUTES, name)).json(body)? }
    /// The changes of a route, the newest first.
    route_revisions(name: &str) -> Page<RevisionItem> { Call::get(path::part(path::ROUTES, name, "revisions")) }
    /// Goes back to an earlier revision of a route.
    roll_back_route(name: &str, body: &RollBack) -> RouteItem { Call::post(path::part(path::ROUTES, name, "roll-back")).json(body)? }
    /// Sends one request through a route.
    test_route(name: &str, body: &TestRoute) -> TestAnswer { Call::post(path::part(path::ROUTES, name, "test")).json(body)? }
    /// Re-points routes from one secret to another.
    replace_secret(body: &ReplaceSecret) -> Replaced { Call::post(path::REPLACE_SECRET).json(body)? }
    /// Starts a rotation.
    start_rotation(body: &RotationStart) -> RotationItem { Call::post(path::ROTATIONS).json(body)? }
    /// What a rotation would do.
    rotation_impact(body: &RotationStart) -> RotationImpact { Call::post(path::ROTATIONS).query(&DryRun { dry_run: true }).json(body)? }
    /// A rotation.
    rotation(id: &str) -> RotationItem { Call::get(path::item(path::ROTATIONS, id)) }
    /// One page of the list of rotations, the latest first.
    rotations(query: &RotationQuery) -> Page<RotationSummary> { Call::get(path::ROTATIONS).query(query) }
    /// Approves a rotation that somebody else has started.
    approve_rotation(id: &str, body: &Approve) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "approve")).json(body)? }
    /// Takes the next step of a rotation.
    advance_rotation(id: &str, body: &Move) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "advance")).json(body)? }
    /// Gives an environment's incoming secret all of the traffic.
    promote_rotation(id: &str, body: &Move) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "promote")).json(body)? }
    /// Lets a rotation stand still.
    hold_rotation(id: &str, body: &ActionNote) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "hold")).json(body)? }
    /// Lets a rotation go on.
    resume_rotation(id: &str) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "resume")) }
    /// Puts the outgoing secret back wherever a rotation replaced it.
    roll_back_rotation(id: &str, body: &ActionNote) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "roll-back")).json(body)? }
    /// Ends a rotation before any traffic moved.
    abandon_rotation(id: &str, body: &ActionNote) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "abandon")).json(body)? }
    /// Vouches for a step of a rotation's checklist.
    attest_rotation(id: &str, body: &Attest) -> RotationItem { Call::post(path::part(path::ROTATIONS, id, "attest")).json(body)? }
    /// Takes back what was vouched for.
    withdraw_attestation(id: &str, step: &str) -> RotationItem { Call::delete(path::attestation(id, step)) }
    /// What is to be done in the course of a rotation.
    rotation_checklist(id: &str) -> Checklist { Call::get(path::part(path::ROTATIONS, id, "checklist")) }
    /// The evidence of a rotation.
    rotation_evidence(id: &str) -> RotationEvidence { Call::get(path::part(path::ROTATIONS, id, "evidence")) }
    /// Creates an environment.
    create_environment(body: &EnvironmentCreate) -> EnvironmentItem { Call::post(path::ENVIRONMENTS).json(body)? }
    /// The environments.
    environments() -> Page<EnvironmentItem> { Call::get(path::ENVIRONMENTS) }
    /// Creates a client.
    create_client(body: &ClientCreate) -> ClientItem { Call::post(path::CLIENTS).json(body)? }
    /// A client.
    client(name: &str) -> ClientItem { Call::get(path::item(path::CLIENTS, name)) }
    /// Edits a client.
    edit_client(name: &str, body: &ClientPatch) -> ClientItem { Call::patch(path::item(path::CLIENTS, name)).json(body)? }
    /// Makes a key for a client.
    create_client_key(client: &str) -> KeyCreated { Call::post(path::part(path::CLIENTS, client, "keys")) }
    /// Creates an admin token.
    create_token(body: &TokenCreate) -> TokenCreated { Call::post(path::TOKENS).json(body)? }
    /// One page of the audit.
    audit(query: &AuditQuery) -> Page<AuditItem> { Call::get(path::AUDIT).query(query) }
}

impl Client {
    /// Deletes one secret.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn delete_secret(&self, name: &str, query: &DeleteQuery) -> Result<(), ClientError> {
        self.call(Call::delete(path::item(path::SECRETS, name)).query(query)).await.map(drop)
    }

    /// Deletes what a path names.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn delete(&self, path: impl Into<String>) -> Result<(), ClientError> {
        self.call(Call::delete(path)).await.map(drop)
    }
}
