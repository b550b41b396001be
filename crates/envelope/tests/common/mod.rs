//! What the tests of this crate share.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "functions that only tests call")]

use std::sync::atomic::{AtomicU64, Ordering};

use envelope::{Binding, Keyring};
use model::name::SecretName;
use model::secret::{Limits, SecretValue};
use model::time::Entropy;

/// The bytes 0, 1, 2 … 255, 0, 1 …
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        out.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed) as u8);
    }
}

/// Bytes that do not repeat within a test.
#[derive(Default)]
pub(crate) struct Scrambled(AtomicU64);

impl Entropy for Scrambled {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).to_string();
            chunk.copy_from_slice(&envelope::token::digest(&count)[..chunk.len()]);
        }
    }
}

pub(crate) const KEY_A: &str = "kek_a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
pub(crate) const KEY_B: &str = "kek_b //////////////////////////////////////////8=";

pub(crate) fn keyring(lines: &[&str]) -> Keyring {
    Keyring::parse(&lines.join("\n")).unwrap()
}

pub(crate) fn value(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

/// An id, a name and limits that a test may change one by one.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) name: SecretName,
    pub(crate) limits: Limits,
}

impl Facts {
    pub(crate) fn new(id: &str, name: &str, environments: Option<&[&str]>, hosts: Option<&[&str]>) -> Self {
        Self { id: id.to_owned(), name: name.parse().unwrap(), limits: limits(environments, hosts, true) }
    }

    pub(crate) fn binding(&self) -> Binding<'_> {
        Binding { id: &self.id, name: &self.name, limits: &self.limits }
    }
}

pub(crate) fn limits(environments: Option<&[&str]>, hosts: Option<&[&str]>, sensitive: bool) -> Limits {
    Limits {
        environments: environments.map(|names| names.iter().map(|name| name.parse().unwrap()).collect()),
        allowed_hosts: hosts.map(|rules| rules.iter().map(|rule| rule.parse().unwrap()).collect()),
        sensitive,
    }
}

/// The bytes of a hexadecimal text.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
