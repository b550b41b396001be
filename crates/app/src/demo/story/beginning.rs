//! Before any rotation: a key, a route, and applications that use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::scene::served;
use super::{ENVIRONMENTS, FIRST, Values};
use crate::demo::fault::Fault;
use crate::demo::node::Node;
use crate::demo::provider::Provider;
use crate::demo::screen::Screen;
use crate::demo::traffic::{Application, Traffic};

/// How many applications call in an environment: most of the traffic is in production.
fn callers(environment: &str) -> usize {
    if environment == "production" { 3 } else { 1 }
}

/// Stores the key and the route, and lets the applications begin.
pub(super) async fn begin(
    provider: &Provider,
    node: &Node,
    screen: &mut Screen,
    broken: bool,
    values: &Values,
) -> Result<Traffic, Fault> {
    screen.step("A provider's key is stored, and a route adds it on the server side");
    let body = json!({"name": FIRST, "value": values.first, "kind": "api_key"});
    node.client.post::<_, Value>("/v1/secrets", &body).await?;
    // Broken on purpose: the credential goes where no provider looks for it.
    let header = if broken { "X-Nowhere" } else { "Authorization" };
    let template = format!("Bearer {{{{{FIRST}}}}}");
    let headers = BTreeMap::from([(header, template.as_str()), ("X-Environment", "{{environment}}")]);
    let body = json!({
        "name": "payments",
        "base": {"upstream": provider.url, "inject": {"headers": headers}},
        "environments": {"development": {}, "staging": {}, "production": {}},
    });
    node.client.post::<_, Value>("/v1/routes", &body).await?;
    screen.note(&format!("{header}: {template}   in {}", ENVIRONMENTS.join(", ")));

    screen.step("Applications call the gateway with keys of their own, all the time");
    screen.note("GETs and POSTs; some POSTs are too long, or come in pieces, so that they cannot be sent again;");
    screen.note("a few requests get 404 or 401 whatever the key. Any other answer than a good key's is a failure.");
    let shown = Arc::new(vec![values.first.clone(), values.second.clone(), values.wrong.clone()]);
    let mut applications = Vec::new();
    for environment in ENVIRONMENTS {
        let name = format!("shop-{environment}");
        let body = json!({"name": name, "environments": [environment], "routes": ["payments"]});
        node.client.post::<_, Value>("/v1/clients", &body).await?;
        let key = node.client.create_client_key(&name).await?.key.unwrap_or_default();
        for number in 1..=callers(environment) {
            applications.push(Application {
                name: format!("{name}-{number}"),
                gateway: node.gateway.trim_start_matches("http://").to_owned(),
                key: key.clone(),
                values: Arc::clone(&shown),
            });
        }
    }
    // An application would not be given its key sooner.
    served(node).await?;
    Ok(Traffic::start(applications))
}
