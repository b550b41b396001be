//! A rotation in the making: both secrets, the plan, and the routes as they would be, in the transaction that may store it.

use api::rotation::{IncomingSecret, RotationStart};
use api::secret::{SecretCreate, Warning};
use model::access::Need;
use model::environment::Environment;
use model::name::SecretName;
use model::problem::Finding;
use model::rotation::{Change, Mention, Plan, Summary, Wish, mentions_of, named_environments, repoint, resolve};
use model::route::RouteSpec;
use model::secret::Secret;
use store::{ReadTx, WriteTx};

use super::{rights, wish};
use crate::call::Call;
use crate::endpoints::secrets::{Desk, demand_active, find, free_name};
use crate::members::Members;
use crate::refusal::Refusal;
use crate::state::Control;

/// A rotation that could be stored.
pub(super) struct Draft {
    pub(super) outgoing: Secret,
    pub(super) incoming: Secret,
    /// Whether the incoming secret was made for it.
    pub(super) is_new: bool,
    /// What is accepted of a new value but should be known.
    pub(super) warnings: Vec<Warning>,
    pub(super) plan: Plan,
    /// The routes that name the outgoing secret.
    pub(super) specs: Vec<RouteSpec>,
    pub(super) known: Vec<Environment>,
    /// The routes that promotions change, each as it is and as it will be in the end.
    pub(super) moved: Vec<(RouteSpec, RouteSpec)>,
    /// What promotions change, in their order.
    pub(super) changes: Vec<Change>,
}

/// Reads and judges what is asked for. A new secret is stored in the transaction already, so that what comes after sees it as
/// it will be; without a commit it never was.
pub(super) async fn read(
    control: &Control,
    call: &Call,
    tx: &mut WriteTx,
    body: RotationStart,
) -> Result<Draft, Refusal> {
    let outgoing = find(tx, &body.outgoing).await?.secret;
    demand_active(&outgoing)?;
    demand_free(tx, &outgoing.name).await?;
    let known = tx.environments().await?;
    let specs: Vec<RouteSpec> =
        tx.routes_naming(outgoing.name.as_str()).await?.into_iter().map(|row| row.spec).collect();
    let mut members = Members::default();
    let wish = wish::read(&mut members, &body.plan.unwrap_or_default());
    let plan = plan(tx, &mut members, &wish, &known, &outgoing.name, &specs).await?;
    let incoming = Incoming::read(tx, &mut members, body.incoming, &outgoing.name).await?;
    let desk = Desk { control, call, known: &known };
    let (incoming, is_new, warnings) = match incoming {
        Incoming::Existing(secret) => {
            members.finish()?;
            demand_unused(tx, &secret.name).await?;
            demand_apart(&outgoing.name, &secret.name, &specs)?;
            (*secret, false, Vec::new())
        }
        Incoming::New(create) => {
            let mut own = Members::default();
            let draft = desk.read(tx, &mut own, *create).await?;
            members.take_over("/incoming", own);
            members.finish()?;
            let draft = draft.ok_or_else(|| Refusal::internal("a secret that was read is gone"))?;
            let warnings = draft.warnings();
            (desk.insert(tx, draft).await?, true, warnings)
        }
        Incoming::Unclear => {
            members.finish()?;
            return Err(Refusal::internal("a secret that was read is gone"));
        }
    };
    let plan = plan.ok_or_else(|| Refusal::internal("a plan that was read is gone"))?;
    call.permit(rights::of_plan(&plan, [&outgoing, &incoming], &known))?;
    let (moved, changes) = in_the_end(&plan, &outgoing.name, &incoming.name, &specs);
    Ok(Draft { outgoing, incoming, is_new, warnings, plan, specs, known, moved, changes })
}

/// What a rotation of these secrets needs at the least, before anything is read.
pub(super) const LEAST: [Need; 1] = [Need::Change { protected: false }];

/// Refuses a secret that is being replaced, or is yet on its way into the place of another.
async fn demand_free(tx: &ReadTx, outgoing: &SecretName) -> Result<(), Refusal> {
    let live = tx.live_rotations_with(outgoing.as_str()).await?;
    let other = live.iter().find(|other| other.outgoing == *outgoing || other.state != "withdrawn");
    let Some(other) = other else { return Ok(()) };
    let part = if other.outgoing == *outgoing { "replaces" } else { "puts into place" };
    Err(in_progress(other, format!("{} {part} {outgoing} and is {}", other.id, other.state.replace('_', " "))))
}

fn in_progress(other: &Summary, detail: String) -> Refusal {
    let mut refusal = Refusal::conflict("rotation-in-progress", "A rotation is in progress", detail);
    refusal.problem.rotation = Some(other.id.clone());
    refusal
}

/// Refuses an existing secret that another rotation needs: to be replaced, or to take a place of its own.
async fn demand_unused(tx: &ReadTx, incoming: &SecretName) -> Result<(), Refusal> {
    let live = tx.live_rotations_with(incoming.as_str()).await?;
    let other = live.iter().find(|other| other.outgoing == *incoming || other.state != "withdrawn");
    let Some(other) = other else { return Ok(()) };
    let detail = format!("{incoming} is part of {}, which is {}", other.id, other.state.replace('_', " "));
    let mut refusal = Refusal::conflict("secret-in-rotation", "The secret is part of a rotation", detail);
    refusal.problem.rotation = Some(other.id.clone());
    Err(refusal)
}

/// Refuses an existing secret that stands beside the outgoing one: a roll back goes by name, and could not tell its own
/// mentions from those that were there before.
fn demand_apart(outgoing: &SecretName, incoming: &SecretName, specs: &[RouteSpec]) -> Result<(), Refusal> {
    let at = |secret: &SecretName| mentions_of(secret, specs).into_iter();
    let beside = at(incoming)
        .find(|own| at(outgoing).any(|other| other.route == own.route && other.environment == own.environment));
    let Some(Mention { route, field, .. }) = beside else { return Ok(()) };
    let detail =
        format!("{incoming} is named beside {outgoing} in the route {route} ({field}): rotate to a secret of its own");
    Err(Refusal::member("/incoming/name", "incoming-named-beside-outgoing", detail))
}

/// The plan with all its members decided; what is wrong with it is noted.
async fn plan(
    tx: &ReadTx,
    members: &mut Members,
    wish: &Wish,
    known: &[Environment],
    outgoing: &SecretName,
    specs: &[RouteSpec],
) -> Result<Option<Plan>, Refusal> {
    if let Some(first) = &wish.after
        && tx.rotation_row(first).await?.is_none()
    {
        members.note(Finding::new("/plan/after", "rotation-not-found", "is no rotation"));
    }
    Ok(match resolve(wish, known, &named_environments(outgoing, specs)) {
        Ok(plan) => Some(plan),
        Err(findings) => {
            findings.into_iter().for_each(|finding| members.note(finding));
            None
        }
    })
}

/// The secret that takes the place, as it is asked for.
enum Incoming {
    Existing(Box<Secret>),
    New(Box<SecretCreate>),
    /// Noted.
    Unclear,
}

impl Incoming {
    async fn read(
        tx: &ReadTx,
        members: &mut Members,
        wish: IncomingSecret,
        outgoing: &SecretName,
    ) -> Result<Self, Refusal> {
        let more = describes(&wish);
        match (wish.value, wish.name) {
            (None, Some(name)) if more.is_none() => {
                members.demand(name != outgoing.as_str(), "/incoming/name", "secret-same", "is the outgoing secret");
                if name == outgoing.as_str() {
                    return Ok(Self::Unclear);
                }
                let secret = find(tx, &name).await?.secret;
                demand_active(&secret)?;
                Ok(Self::Existing(Box::new(secret)))
            }
            (None, name) => {
                let detail = match (name, more) {
                    (Some(_), Some(member)) => {
                        format!("is missing: a secret that is described here ({member}) is a new one, and has a value")
                    }
                    _ => "is missing: give a value for a new secret, or the name of an existing one".to_owned(),
                };
                members.note(Finding::new("/incoming/value", "member-missing", detail));
                Ok(Self::Unclear)
            }
            (Some(value), name) => {
                let name = match name {
                    Some(name) => name,
                    None => match free_name(tx, outgoing).await? {
                        Some(free) => free.to_string(),
                        None => {
                            let detail = "is missing: the name that would be suggested is too long";
                            members.note(Finding::new("/incoming/name", "member-missing", detail));
                            return Ok(Self::Unclear);
                        }
                    },
                };
                Ok(Self::New(Box::new(SecretCreate {
                    name,
                    value,
                    kind: wish.kind,
                    class: wish.class,
                    description: wish.description,
                    owner: wish.owner,
                    tags: wish.tags,
                    successor_of: Some(outgoing.to_string()),
                    environments: wish.environments,
                    allowed_hosts: wish.allowed_hosts,
                    sensitive: wish.sensitive,
                    probe: wish.probe,
                    expires_at: wish.expires_at,
                    strict_expiry: wish.strict_expiry,
                    rotate_every: wish.rotate_every,
                })))
            }
        }
    }
}

/// A member that only a new secret has.
fn describes(wish: &IncomingSecret) -> Option<&'static str> {
    let given = [
        ("kind", wish.kind.is_some()),
        ("class", wish.class.is_some()),
        ("description", wish.description.is_some()),
        ("owner", wish.owner.is_some()),
        ("tags", wish.tags.is_some()),
        ("environments", wish.environments.is_some()),
        ("allowed_hosts", wish.allowed_hosts.is_some()),
        ("sensitive", wish.sensitive.is_some()),
        ("probe", wish.probe.is_some()),
        ("expires_at", wish.expires_at.is_some()),
        ("strict_expiry", wish.strict_expiry.is_some()),
        ("rotate_every", wish.rotate_every.is_some()),
    ];
    given.into_iter().find(|(_, is)| *is).map(|(member, _)| member)
}

/// The routes after all promotions, each on top of the one before, and every template on the way.
fn in_the_end(
    plan: &Plan,
    outgoing: &SecretName,
    incoming: &SecretName,
    specs: &[RouteSpec],
) -> (Vec<(RouteSpec, RouteSpec)>, Vec<Change>) {
    let mut end = specs.to_vec();
    let mut changes = Vec::new();
    for stage in &plan.stages {
        for moved in repoint(&end, outgoing, incoming, &stage.environment, None) {
            changes.extend(moved.changes);
            end.iter_mut().filter(|spec| spec.name == moved.spec.name).for_each(|spec| *spec = moved.spec.clone());
        }
    }
    let pairs = specs.iter().cloned().zip(end).filter(|(before, after)| before != after);
    (pairs.collect(), changes)
}

impl Draft {
    /// Where the outgoing secret is named.
    pub(super) fn named_at(&self) -> Vec<Mention> {
        mentions_of(&self.outgoing.name, &self.specs)
    }
}
