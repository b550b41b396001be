//! Looks for injected values in an answer, and masks them or says that the answer must end.

mod asking;
mod body;
mod codings;
mod frames;
mod messages;
mod readable;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::route::Guard;
use model::snapshot::{Bound, Needles};

pub use asking::ask_plainly;
pub use body::{BodyGuard, GuardedBody, GuardedError, Messaging};
pub use frames::{FrameError, FrameGuard};
pub use readable::{ReadError, Readable, Reading, Unreadable};

/// An answer that holds an injected value, on a route that blocks such answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer holds a value that was injected into the request")]
pub struct Leak;

/// Whether answers through this binding have to be looked at: the guard is on, and there is something to look for.
///
/// Then the upstream is to be asked for what can be read ([`ask_plainly`]), and its answer is read as [`Reading`] says.
#[must_use]
pub fn is_needed(bound: &Bound) -> bool {
    bound.needles().is_some()
}

/// Looks at headers or trailers, names and values, and masks what is found.
///
/// # Errors
/// [`Leak`] where something is found and the route blocks.
pub fn guard_headers(headers: &mut HeaderMap, bound: &Bound) -> Result<(), Leak> {
    let Some(needles) = bound.needles() else { return Ok(()) };
    for value in headers.values_mut() {
        if let Some(masked) = mask_header(needles, value) {
            if bound.guard == Guard::Block {
                return Err(Leak);
            }
            *value = masked;
        }
    }
    let named: Vec<HeaderName> = headers.keys().filter(|name| needles.occur_in(name.as_ref())).cloned().collect();
    if !named.is_empty() && bound.guard == Guard::Block {
        return Err(Leak);
    }
    for name in named {
        rename(headers, &name, needles);
    }
    Ok(())
}

/// A header's value with every form of every injected value replaced by `*`; `None` where there is nothing to replace.
#[must_use]
pub fn mask_header(needles: &Needles, value: &HeaderValue) -> Option<HeaderValue> {
    if !needles.occur_in(value.as_bytes()) {
        return None;
    }
    let mut masked = BytesMut::from(value.as_bytes());
    needles.mask(&mut masked);
    // Stars may stand in any header; were it otherwise, the value must go all the same.
    Some(HeaderValue::from_maybe_shared(masked.freeze()).unwrap_or_else(|_| HeaderValue::from_static("*")))
}

/// Masks the name of a header; stars may stand in one.
fn rename(headers: &mut HeaderMap, name: &HeaderName, needles: &Needles) {
    let values: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
    headers.remove(name);
    let mut masked = name.as_str().as_bytes().to_vec();
    needles.mask(&mut masked);
    if let Ok(masked) = HeaderName::from_bytes(&masked) {
        for value in values {
            headers.append(masked.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests;
