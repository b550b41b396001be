//! A secret in the making: read from a body, judged, sealed, stored.

use api::secret::{SecretCreate, SecretProbe, Warning};
use envelope::Binding;
use model::access::Need;
use model::environment::Environment;
use model::name::SecretName;
use model::problem::Finding;
use model::secret::{Class, Limits, Secret, SecretValue, State as SecretState, check_value};
use store::{ReadTx, SecretRow, WriteTx};

use super::{probe_rules, rules, successor, words};
use crate::call::Call;
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// What a body is read against.
pub(in crate::endpoints) struct Desk<'a> {
    pub(in crate::endpoints) control: &'a Control,
    pub(in crate::endpoints) call: &'a Call,
    pub(in crate::endpoints) known: &'a [Environment],
}

/// A secret that keeps the rules, its fingerprint still to come.
pub(in crate::endpoints) struct Draft {
    pub(in crate::endpoints) secret: Secret,
    value: SecretValue,
    before: Option<Secret>,
}

impl Draft {
    /// What is accepted but should be known.
    pub(in crate::endpoints) fn warnings(&self) -> Vec<Warning> {
        rules::warnings(&self.value, self.secret.kind, self.secret.limits.sensitive)
    }
}

impl Desk<'_> {
    /// The secret that the body describes. What is wrong with it is noted; `None` where nothing can be said without it.
    pub(in crate::endpoints) async fn read(
        &self,
        tx: &ReadTx,
        members: &mut Members,
        body: SecretCreate,
    ) -> Result<Option<Draft>, Refusal> {
        let name: Option<SecretName> = members.read("/name", "name-invalid", &body.name);
        let before = successor::predecessor(tx, members, body.successor_of.as_deref()).await?;
        let before = before.as_ref();
        let kind = body.kind.map(words::kind).or(before.map(|before| before.kind)).unwrap_or_default();
        let class = body.class.map(words::class).or(before.map(|before| before.class)).unwrap_or(Class::Standard);
        let value = SecretValue::new(body.value.into_inner());
        if let Err(error) = check_value(&value, kind) {
            members.note(Finding::new("/value", error.code(), error.to_string()));
        }
        let environments = match &body.environments {
            Some(texts) => Some(rules::environments(members, texts, self.known)),
            None => before.and_then(|before| before.limits.environments.clone()),
        };
        let allowed_hosts = match &body.allowed_hosts {
            Some(texts) => Some(rules::hosts(members, texts)),
            None => before.and_then(|before| before.limits.allowed_hosts.clone()),
        };
        let expires_at = members.read_opt("/expires_at", "time-invalid", body.expires_at.as_deref());
        let rotate_every = rules::rotate_every(members, body.rotate_every.as_deref());
        // Without a name the rest is read all the same, so that all mistakes are told at once.
        let Some(name) = name else { return Ok(None) };
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
        rules::texts(members, &secret);
        let probe: Option<SecretProbe> = secret.probe.clone().and_then(|probe| serde_json::from_value(probe).ok());
        if let Some(probe) = probe {
            probe_rules::check(members, &probe, &secret.name, &secret.limits, &self.control.policy.allow_private);
        }
        Ok(Some(Draft { secret, value, before: before.cloned() }))
    }

    /// Seals it and stores it, where whoever asks may do that and its name is free.
    pub(in crate::endpoints) async fn insert(&self, tx: &mut WriteTx, draft: Draft) -> Result<Secret, Refusal> {
        let Draft { mut secret, value, before } = draft;
        // Whoever succeeds a secret stands where it stood, so that it takes the rights that the secret itself takes.
        self.call.permit(before.as_ref().map(|before| rules::need(&before.limits, self.known)))?;
        let widened = before.is_some_and(|before| rules::widens(&before.limits, &secret.limits));
        self.call.permit([rules::need(&secret.limits, self.known)])?;
        self.call.permit(widened.then_some(Need::ChangeLimits))?;
        if let Some(other) = tx.secret(secret.name.as_str()).await? {
            return Err(taken(tx, &other).await?);
        }
        let keys = &self.control.keys;
        secret.fingerprint = keys.fingerprints.fingerprint(&value);
        let sealed = envelope::seal(&keys.keyring, &value, &Binding::from(&secret), self.control.entropy.as_ref());
        let sealed = store::Sealed {
            format: sealed.format,
            dek_id: sealed.dek_id,
            kek_id: sealed.kek_id,
            wrapped_dek: sealed.wrapped_dek,
            ciphertext: sealed.ciphertext,
        };
        tx.insert_secret(&secret, &sealed).await?;
        Ok(secret)
    }
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
