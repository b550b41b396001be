//! The tries of one secret, for whoever else wants to know whether it lives.

use api::secret::{ProbeReading, ProbeSecret};
use model::name::SecretName;
use model::probe::Target;
use model::time::Timestamp;
use store::ReadTx;

use super::super::view;
use super::targets::targets;
use super::{read, told, too_many};
use crate::call::Call;
use crate::refusal::Refusal;
use crate::state::Control;

/// What is to be tried with one secret.
pub(in crate::endpoints) struct Tries(Vec<Target>);

impl Tries {
    /// Puts them together, which counts as one try of the secret.
    pub(in crate::endpoints) async fn plan(
        control: &Control,
        tx: &ReadTx,
        name: &SecretName,
        asked: &ProbeSecret,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let row = view::find(tx, name.as_str()).await?;
        let targets = targets(control, tx, &row, asked).await?;
        control.attempts.take(name, now).map_err(too_many)?;
        Ok(Self(targets))
    }

    /// Where they go.
    pub(in crate::endpoints) fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Target::place)
    }

    /// Sends them, one after the other.
    pub(in crate::endpoints) async fn run(&self, control: &Control, call: &Call) -> Vec<ProbeReading> {
        let mut found = Vec::with_capacity(self.0.len());
        for target in &self.0 {
            found.push(read(control, call, target).await);
        }
        told(found).places
    }
}
