//! `POST /v1/secrets`.

use std::sync::Arc;

use api::problem::Problem;
use api::secret::{SecretCreate, SecretItem, SecretProbe};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use envelope::Binding;
use model::access::Need;
use model::environment::Environment;
use model::name::SecretName;
use model::problem::Finding;
use model::secret::{Class, Limits, Secret, SecretValue, State as SecretState, check_value};
use store::{ReadTx, SecretRow};

use super::{probe_rules, rules, successor, view, words};
use crate::call::{Call, created};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// Makes a secret. Its value is written this once.
///
/// With `successor_of`, what the body leaves out (kind, class, environments, allowed hosts, owner, tags, probe) is taken
/// over from that secret; limits wider than its own need the role operator, and so does
/// succeeding a secret that may be used in a protected environment.
#[utoipa::path(
    post,
    path = "/v1/secrets",
    tag = "secrets",
    request_body = SecretCreate,
    responses(
        (status = 201, body = SecretItem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(super) async fn create(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    let permit = call.permit([Need::Change { protected: false }])?;
    let body: SecretCreate = call.json()?;
    let mut tx = call.begin(&control, &permit).await?;
    let known = tx.environments().await?;
    let draft = Draft { control: &control, call: &call, tx: &tx, known: &known };
    let (mut secret, value, predecessor) = draft.read(body).await?;

    // Whoever succeeds a secret stands where it stood, so that it takes the rights that the secret itself takes.
    call.permit(predecessor.as_ref().map(|before| rules::need(&before.limits, &known)))?;
    let widened = predecessor.is_some_and(|before| rules::widens(&before.limits, &secret.limits));
    call.permit([rules::need(&secret.limits, &known)])?;
    call.permit(widened.then_some(Need::ChangeLimits))?;
    if let Some(other) = tx.secret(secret.name.as_str()).await? {
        return Err(taken(&tx, &other).await?);
    }
    secret.fingerprint = control.keys.fingerprints.fingerprint(&value);
    let sealed = envelope::seal(&control.keys.keyring, &value, &Binding::from(&secret), control.entropy.as_ref());
    let sealed = store::Sealed {
        format: sealed.format,
        dek_id: sealed.dek_id,
        kek_id: sealed.kek_id,
        wrapped_dek: sealed.wrapped_dek,
        ciphertext: sealed.ciphertext,
    };
    tx.insert_secret(&secret, &sealed).await?;
    let warnings = rules::warnings(&value, secret.kind, secret.limits.sensitive);
    let name = secret.name.clone();
    let event = call.event(&permit, "secret.create", format!("secret/{name}")).after(view::record(&secret));
    let row = SecretRow {
        secret,
        superseded_by: None,
        last_used_at: None,
        use_count: 0,
        dead_since: None,
        bindings: Vec::new(),
    };
    let item = SecretItem { warnings, ..view::item(&row, call.now) };
    call.commit(tx, event, StatusCode::CREATED, &item).await?;
    created(&format!("/v1/secrets/{name}"), &item, Some(1))
}

async fn taken(tx: &ReadTx, other: &SecretRow) -> Result<Refusal, Refusal> {
    let name = &other.secret.name;
    let whose = match other.secret.state {
        SecretState::Active => "belongs to a secret",
        SecretState::Deleted => "belonged to a secret that is deleted, and is never used again",
    };
    let detail = format!("the name {name} {whose}{}", successor::suggestion(tx, name).await?);
    Ok(Refusal::conflict("secret-name-taken", "The name is taken", detail))
}

/// What a body is read against.
struct Draft<'a> {
    control: &'a Control,
    call: &'a Call,
    tx: &'a ReadTx,
    known: &'a [Environment],
}

impl Draft<'_> {
    /// The secret that the body describes (its fingerprint still to come), its value, and what it replaces.
    async fn read(&self, body: SecretCreate) -> Result<(Secret, SecretValue, Option<Secret>), Refusal> {
        let mut members = Members::default();
        let name: Option<SecretName> = members.read("/name", "name-invalid", &body.name);
        let before = successor::predecessor(self.tx, &mut members, body.successor_of.as_deref()).await?;
        let before = before.as_ref();
        let kind = body.kind.map(words::kind).or(before.map(|before| before.kind)).unwrap_or_default();
        let class = body.class.map(words::class).or(before.map(|before| before.class)).unwrap_or(Class::Standard);
        let value = SecretValue::new(body.value.into_inner());
        if let Err(error) = check_value(&value, kind) {
            members.note(Finding::new("/value", error.code(), error.to_string()));
        }
        let environments = match &body.environments {
            Some(texts) => Some(rules::environments(&mut members, texts, self.known)),
            None => before.and_then(|before| before.limits.environments.clone()),
        };
        let allowed_hosts = match &body.allowed_hosts {
            Some(texts) => Some(rules::hosts(&mut members, texts)),
            None => before.and_then(|before| before.limits.allowed_hosts.clone()),
        };
        let expires_at = members.read_opt("/expires_at", "time-invalid", body.expires_at.as_deref());
        let rotate_every = rules::rotate_every(&mut members, body.rotate_every.as_deref());
        // Without a name the rest is read all the same, so that all mistakes are told at once.
        let Some(name) = name else {
            members.finish()?;
            return Err(Refusal::internal("a name that was read is gone"));
        };
        let secret = Secret {
            id: self.control.new_id("sec"),
            kind,
            class,
            description: body.description.unwrap_or_default(),
            owner: body.owner.or(before.map(|before| before.owner.clone())).unwrap_or_default(),
            tags: body.tags.or(before.map(|before| before.tags.clone())).unwrap_or_default(),
            successor_of: before.map(|before| before.name.clone()),
            limits: Limits { environments, allowed_hosts, sensitive: body.sensitive.unwrap_or(true) },
            probe: match &body.probe {
                Some(probe) => serde_json::to_value(probe).ok(),
                None => before
                    .and_then(|before| Some(successor::inherited_probe(before.probe.as_ref()?, &before.name, &name))),
            },
            expires_at,
            strict_expiry: body.strict_expiry.unwrap_or(false),
            rotate_every,
            state: SecretState::Active,
            fingerprint: String::new(),
            created_at: self.call.now,
            created_by: self.call.actor().to_owned(),
            deleted_at: None,
            last_referenced_at: None,
            version: 1,
            name,
        };
        rules::texts(&mut members, &secret);
        let probe: Option<SecretProbe> = secret.probe.clone().and_then(|probe| serde_json::from_value(probe).ok());
        if let Some(probe) = probe {
            probe_rules::check(&mut members, &probe, &secret.name, &secret.limits, &self.control.policy.allow_private);
        }
        members.finish()?;
        Ok((secret, value, before.cloned()))
    }
}
