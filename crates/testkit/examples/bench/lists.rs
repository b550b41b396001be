//! Lists and searches over the API, one after the other on one connection.

use testkit::TestNode;

use crate::figures::{Figures, timed};
use crate::http::Api;
use crate::{Plan, fill};

const TABLE: &str = "lists";

pub(crate) fn all(plan: &Plan, node: &TestNode, figures: &mut Figures) {
    let mut api = Api::open(node);
    let half = plan.count / 2;
    let one = fill::secret(half);
    let deep = deep(&mut api, plan.count);
    let asked = [
        ("secrets, first page", "/v1/secrets?limit=50".to_owned()),
        ("secrets, a page behind nine tenths, by cursor", format!("/v1/secrets?limit=50&cursor={deep}")),
        ("secrets, `q` that fits one", format!("/v1/secrets?limit=50&q={one}")),
        ("secrets, `q` that fits none", "/v1/secrets?limit=50&q=nothing-is-like-this".to_owned()),
        ("secrets, `q` that fits all", "/v1/secrets?limit=50&q=service".to_owned()),
        ("secrets, `unreferenced=true`, one in twenty", "/v1/secrets?limit=50&unreferenced=true".to_owned()),
        ("secrets, `sort=last_used_at`", "/v1/secrets?limit=50&sort=last_used_at".to_owned()),
        ("secrets, `tag`, one in twelve", "/v1/secrets?limit=50&tag=area-7".to_owned()),
        ("secrets, `environment=production`", "/v1/secrets?limit=50&environment=production".to_owned()),
        ("one secret by its name", format!("/v1/secrets/{one}")),
        ("routes, first page", "/v1/routes?limit=50".to_owned()),
        ("routes, `q` that fits one", format!("/v1/routes?limit=50&q={}", fill::route(half))),
        ("routes, `q` that fits none", "/v1/routes?limit=50&q=nothing-is-like-this".to_owned()),
        ("one route by its name", format!("/v1/routes/{}", fill::route(half))),
        ("audit, first page", "/v1/audit?limit=50".to_owned()),
    ];
    for (what, path) in asked {
        api.get(&path);
        figures.times(TABLE, what, timed(plan.times, |_| drop(api.call("GET", &path, None, 200))));
    }
}

/// The cursor of the page behind nine tenths of the secrets, found as a client finds it.
fn deep(api: &mut Api, count: u64) -> String {
    let mut path = "/v1/secrets?limit=100".to_owned();
    let mut next = String::new();
    for _ in 0..(count * 9 / 10) / 100 {
        api.get(&path)["next"].as_str().expect("there are more").clone_into(&mut next);
        path = format!("/v1/secrets?limit=100&cursor={next}");
    }
    next
}
