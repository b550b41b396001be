//! The values that a binding looks for in answers: shared by all bindings and snapshots that look for the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use http::HeaderName;
use zeroize::Zeroizing;

use super::bind::Opened;
use super::bound::{Bound, HeaderFill, Injection};
use super::forms::Forms;
use super::needles::Needles;
use crate::secret::SecretValue;

/// Values of more bytes than this, taken together, are made ready to be looked for before the snapshot is served: PEM
/// files and the like, which take up to some hundred milliseconds. For fewer bytes it takes less time than the answer,
/// but some 10 KiB of memory each, and of 100,000 secrets most are not used before the next snapshot comes: these are
/// made ready when the first answer does.
const LARGE: usize = 256;

/// The sensitive values of a binding, and the basic credentials that hold one of them.
pub(super) struct Wanted {
    sensitive: Vec<Arc<Opened>>,
    basic: Vec<Zeroizing<Vec<u8>>>,
    needles: OnceLock<Option<Arc<Needles>>>,
}

impl Wanted {
    /// `basic` names the headers whose basic credentials hold one of the values.
    pub(super) fn new(sensitive: Vec<Arc<Opened>>, basic: &[HeaderName], injection: Option<&Injection>) -> Self {
        let headers = injection.map_or(&[][..], |injection| &injection.headers).iter();
        let credentials = headers.filter(|header| basic.contains(&header.name)).filter_map(|header| {
            // Where a built-in stands beside the value, the credentials differ by request; the alignments find them.
            let HeaderFill::Ready(value) = &header.value else { return None };
            value.as_bytes().strip_prefix(b"Basic ").map(|credentials| Zeroizing::new(credentials.to_vec()))
        });
        Self { basic: credentials.collect(), sensitive, needles: OnceLock::new() }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &SecretValue> {
        self.sensitive.iter().filter_map(|opened| opened.value.as_ref())
    }

    pub(super) fn basic(&self) -> &[Zeroizing<Vec<u8>>] {
        &self.basic
    }

    /// All of it, to look for it in traffic; `None` where there is nothing.
    pub(super) fn needles(&self) -> Option<&Arc<Needles>> {
        let make = || {
            let forms = Forms::of(self);
            (!forms.is_empty()).then(|| Arc::new(Needles::new(&forms)))
        };
        self.needles.get_or_init(make).as_ref()
    }

    fn is_large(&self) -> bool {
        self.values().fold(0, |sum: usize, value| sum.saturating_add(value.len())) > LARGE
    }

    fn is_same(&self, other: &Self) -> bool {
        self.basic == other.basic && self.values().map(SecretValue::expose).eq(other.values().map(SecretValue::expose))
    }

    /// By which it is found; a value is never changed, so that the same secrets are the same values.
    fn ids(&self) -> Vec<String> {
        self.sensitive.iter().map(|opened| opened.secret.id.clone()).collect()
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({})", self.sensitive.len())
    }
}

/// What bindings look for, so that the next one that looks for the same need not make it again. It keeps nothing alive.
#[derive(Debug, Default)]
pub struct WantedPool {
    known: HashMap<Vec<String>, Vec<Weak<Wanted>>>,
}

impl WantedPool {
    /// Lets `bound` look for values with what others made for the same ones. Where they are large it is made now: not to
    /// be called where requests wait.
    pub fn share(&mut self, bound: &mut Bound) {
        if bound.wanted.sensitive.is_empty() {
            return;
        }
        let known = self.known.entry(bound.wanted.ids()).or_default();
        match known.iter().filter_map(Weak::upgrade).find(|wanted| wanted.is_same(&bound.wanted)) {
            Some(wanted) => bound.wanted = wanted,
            None => known.push(Arc::downgrade(&bound.wanted)),
        }
        if bound.wanted.is_large() {
            // Made where it is kept; a guard that is off makes none.
            let _ = bound.needles();
        }
    }

    /// Forgets what no binding looks for any longer.
    pub fn drop_unused(&mut self) {
        self.known.retain(|_, known| {
            known.retain(|wanted| wanted.strong_count() > 0);
            !known.is_empty()
        });
    }
}

#[cfg(test)]
mod tests;
