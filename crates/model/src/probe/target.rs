//! One place where a value is tried, with everything that trying it there takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::snapshot::{Bound, Opened};

/// One place to try a value at.
#[derive(Debug)]
pub enum Target {
    /// By a request.
    Http(Box<Request>),
    /// By a login to a database.
    Login(Login),
}

/// A request whose answer says whether the value is alive.
#[derive(Debug)]
pub struct Request {
    /// What the place is called.
    pub place: String,
    /// Where it goes, what is injected, and how the answer is judged.
    pub bound: Bound,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Beside those that are injected.
    pub headers: HeaderMap,
    /// Whether it counts as a use of the value through the route.
    pub counts: bool,
}

/// A login that says whether the value is alive.
#[derive(Debug)]
pub struct Login {
    /// What the place is called.
    pub place: String,
    /// A URL without a password, which the value is; nothing where the value is a whole URL.
    pub url: Option<String>,
    /// The secret.
    pub opened: Arc<Opened>,
}

impl Target {
    /// What the place is called.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Http(request) => &request.place,
            Self::Login(login) => &login.place,
        }
    }
}

/// The method of a probe.
pub(super) fn method(text: Option<&str>) -> Method {
    text.and_then(|text| Method::from_bytes(text.as_bytes()).ok()).unwrap_or(Method::GET)
}

/// The headers of a probe. Saving has checked them.
pub(super) fn headers(texts: &BTreeMap<String, String>) -> HeaderMap {
    let pair = |(name, value): (&String, &String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    texts.iter().filter_map(pair).collect()
}
