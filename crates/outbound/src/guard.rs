//! Looks for injected values in an answer, and masks them or says that the answer must end.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use model::route::Guard;
use model::snapshot::{Bound, Forms};

/// An answer that holds an injected value, on a route that blocks such answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer holds a value that was injected into the request")]
pub struct Leak;

/// Whether answers through this binding have to be looked at: the guard is on, and there is something to look for.
#[must_use]
pub fn is_needed(bound: &Bound) -> bool {
    bound.guard != Guard::Off && !bound.forms().is_empty()
}

/// Looks at headers or trailers, and masks what is found.
///
/// # Errors
/// [`Leak`] where something is found and the route blocks.
pub fn guard_headers(headers: &mut HeaderMap, bound: &Bound) -> Result<(), Leak> {
    for value in headers.values_mut() {
        let found = find(value.as_bytes(), bound.forms());
        if found.is_empty() {
            continue;
        }
        if bound.guard == Guard::Block {
            return Err(Leak);
        }
        let mut masked = BytesMut::from(value.as_bytes());
        mask(&mut masked, &found);
        // Stars may stand in any header; were it otherwise, the value must go all the same.
        *value = HeaderValue::from_maybe_shared(masked.freeze()).unwrap_or_else(|_| HeaderValue::from_static("*"));
    }
    Ok(())
}

/// Looks at a body piece by piece. Nothing is kept back but the beginning of what could become a form in the next
/// piece, so that events go out as they come.
pub struct BodyGuard {
    bound: Arc<Bound>,
    held: BytesMut,
    /// How many bytes of `held` belong to something whose beginning has gone out.
    masked: usize,
}

impl BodyGuard {
    /// At the beginning of a body.
    #[must_use]
    pub fn new(bound: Arc<Bound>) -> Self {
        Self { bound, held: BytesMut::new(), masked: 0 }
    }

    /// Takes the next piece, and gives what can go out now; it may be empty.
    ///
    /// # Errors
    /// [`Leak`] where something is found and the route blocks.
    pub fn push(&mut self, piece: Bytes) -> Result<Bytes, Leak> {
        let forms = self.bound.forms();
        if self.held.is_empty() && find(&piece, forms).is_empty() && open_end(&piece, forms) == 0 {
            return Ok(piece);
        }
        self.held.extend_from_slice(&piece);
        let found = find(&self.held, forms);
        if !found.is_empty() && self.bound.guard == Guard::Block {
            return Err(Leak);
        }
        let out = self.held.len().saturating_sub(open_end(&self.held, forms));
        let kept = BytesMut::from(self.held.get(out..).unwrap_or_default());
        let mut gone = std::mem::replace(&mut self.held, kept);
        mask(&mut gone, &found);
        mask(&mut gone, &[Found { start: 0, end: self.masked }]);
        gone.truncate(out);
        // What lies in the kept bytes as a whole is found again; what reaches into them is not.
        let ends = found.iter().filter(|found| found.start < out).map(|found| found.end);
        self.masked = ends.chain([self.masked]).max().unwrap_or(0).saturating_sub(out);
        Ok(gone.freeze())
    }

    /// Whether something is kept back.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// How many bytes are kept back.
    #[must_use]
    pub fn held(&self) -> u64 {
        u64::try_from(self.held.len()).unwrap_or(u64::MAX)
    }

    /// Looks at the trailers that follow the body.
    ///
    /// # Errors
    /// As [`guard_headers`].
    pub fn trailers(&self, trailers: &mut HeaderMap) -> Result<(), Leak> {
        guard_headers(trailers, &self.bound)
    }

    /// Gives what was kept back, at the end of the body: it did not become a form, but may hold a shorter one.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        let mut last = std::mem::take(&mut self.held);
        let found = find(&last, self.bound.forms());
        mask(&mut last, &found);
        mask(&mut last, &[Found { start: 0, end: self.masked }]);
        self.masked = 0;
        last.freeze()
    }
}

impl fmt::Debug for BodyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyGuard")
    }
}

struct Found {
    start: usize,
    end: usize,
}

fn find(haystack: &[u8], forms: &Forms) -> Vec<Found> {
    let mut found = Vec::new();
    for form in forms.iter() {
        let mut from = 0;
        while let Some(at) = haystack.get(from..).and_then(|rest| memmem::find(rest, form)) {
            let start = from.saturating_add(at);
            found.push(Found { start, end: start.saturating_add(form.len()) });
            // From the next byte on: two occurrences may overlap.
            from = start.saturating_add(1);
        }
    }
    found
}

fn mask(bytes: &mut [u8], found: &[Found]) {
    for Found { start, end } in found {
        if let Some(range) = bytes.get_mut(*start..*end) {
            range.fill(b'*');
        }
    }
}

/// How many bytes at the end could be the beginning of a form.
fn open_end(bytes: &[u8], forms: &Forms) -> usize {
    forms.iter().map(|form| begun(bytes, form)).max().unwrap_or(0)
}

fn begun(bytes: &[u8], form: &[u8]) -> usize {
    let most = bytes.len().min(form.len().saturating_sub(1));
    let begins = |length: &usize| form.get(..*length).is_some_and(|begin| bytes.ends_with(begin));
    (1..=most).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests;
