//! `GET /v1/lint`: what can be tidied about secrets.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::lint::{LintItem, LintQuery};
use api::list::Page as WirePage;
use api::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::access::Need;
use model::lint::{Finding, House, RULES, Subject, lint};
use model::name::{EnvironmentName, SecretName};
use model::secret::{SHORT_VALUE, State as SecretState};
use store::{Page, ReadTx, SecretFilter, SecretRow, SecretSort};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::call::{Call, answer};
use crate::members::{page, page_of};
use crate::refusal::Refusal;
use crate::state::Control;

pub(super) fn router() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Names that do not fit, and habits that make a leak or an outage more likely; the most pressing rule first, then by name.
/// Findings are advice: nothing is refused because of one.
#[utoipa::path(
    get,
    path = "/v1/lint",
    tag = "lint",
    params(LintQuery),
    responses((status = 200, body = WirePage<LintItem>), (status = 422, body = Problem))
)]
async fn list(State(control): State<Arc<Control>>, call: Call) -> Result<Response, Refusal> {
    call.permit([Need::Read])?;
    let query: LintQuery = call.query()?;
    let page = page(query.limit, query.cursor)?;
    if let Some(rule) = query.rule.as_deref().filter(|rule| RULES.iter().all(|known| known.code() != *rule)) {
        let meant = model::name::nearest(rule, RULES.iter().map(|rule| rule.code()));
        let finding = model::problem::Finding::new("/rule", "rule-unknown", "is not a rule of lint");
        return Err(Refusal::members(vec![finding.meaning(meant)]));
    }
    let tx = control.store.read().await?;
    let mut found = findings(&control, &tx, &call).await?;
    found.retain(|finding| {
        query.rule.as_deref().is_none_or(|rule| finding.rule.code() == rule)
            && query.secret.as_deref().is_none_or(|secret| finding.secret.as_str() == secret)
    });
    let items: Vec<LintItem> = found.iter().map(item).collect();
    let (items, next) = page_of(items, &page, |item| &item.id)?;
    answer(StatusCode::OK, &WirePage { items, next })
}

async fn findings(control: &Control, tx: &ReadTx, call: &Call) -> Result<Vec<Finding>, Refusal> {
    let rows = active(tx).await?;
    let referenced: BTreeSet<SecretName> = tx.referenced_secrets().await?.into_iter().collect();
    let short: BTreeSet<SecretName> =
        tx.secrets_sealed_below(envelope::SEALED_OVERHEAD + SHORT_VALUE).await?.into_iter().collect();
    let all = tx.environments().await?;
    let protected: Vec<EnvironmentName> = all.iter().filter(|one| one.protected).map(|one| one.name.clone()).collect();
    let environments: Vec<EnvironmentName> = all.into_iter().map(|one| one.name).collect();
    let subjects: Vec<Subject<'_>> = rows
        .iter()
        .map(|row| Subject {
            secret: &row.secret,
            bindings: row.bindings.iter().map(|place| (&place.route, &place.environment)).collect(),
            referenced: referenced.contains(&row.secret.name),
            last_used_at: row.last_used_at,
            due_at: row.due().map(|due| due.at),
            superseded_by: row.superseded_by.as_ref(),
            short: short.contains(&row.secret.name),
        })
        .collect();
    let house =
        House { environments: &environments, protected: &protected, naming: control.policy.naming, now: call.now };
    Ok(lint(&subjects, house))
}

/// All of them: whether names mix can only be said of all.
async fn active(tx: &ReadTx) -> Result<Vec<SecretRow>, Refusal> {
    let filter = SecretFilter { state: Some(SecretState::Active), ..SecretFilter::default() };
    let (mut all, mut page) = (Vec::new(), Page { limit: 500, cursor: None });
    loop {
        let found = tx.secrets(&filter, SecretSort::default(), &page).await?;
        all.extend(found.items);
        if found.next.is_none() {
            return Ok(all);
        }
        page.cursor = found.next;
    }
}

fn item(finding: &Finding) -> LintItem {
    let (rule, secret) = (finding.rule.code(), finding.secret.to_string());
    LintItem {
        id: format!("{rule}:{secret}"),
        rule: rule.to_owned(),
        secret,
        detail: finding.detail.clone(),
        advice: finding.rule.advice().to_owned(),
    }
}
