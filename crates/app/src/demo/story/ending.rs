//! How the old key ends, and what is left of it all: records.

use api::secret::{DeleteOutcome, DeleteQuery, DeleteSecrets};
use serde_json::Value;

use super::figures::Figures;
use super::follow::Followed;
use super::scene::{Patience, Scene};
use super::{FIRST, Values};
use crate::demo::fault::Fault;
use crate::demo::node::RETENTION;

impl Scene<'_> {
    /// What was in use a moment ago cannot be deleted.
    pub(super) async fn refused_deletion(&mut self) -> Result<(), Fault> {
        self.screen.step("The old key cannot be deleted yet, so that there is a way back");
        match self.node.client.delete_secret(FIRST, &DeleteQuery::default()).await {
            Err(error) if error.status() == Some(409) => {
                let problem = error.problem().cloned().unwrap_or_default();
                self.tell(&format!("DELETE /v1/secrets/{FIRST}: 409 {}", problem.code));
                self.screen.note(&problem.detail);
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(()) => Err(Fault::NotSeen("the deletion of a key in use a moment ago is refused".to_owned())),
        }
    }

    /// What nobody used for the whole retention can; that completes the first rotation.
    pub(super) async fn delete(&mut self, followed: &mut Followed) -> Result<(), Fault> {
        self.screen.step("Withdrawn, and unused for the whole retention, the old key may go");
        let patience = Patience::begin();
        let asked = DeleteSecrets { names: vec![FIRST.to_owned()], dry_run: Some(true) };
        loop {
            self.failed_none()?;
            let told = self.node.client.delete_secrets(&asked).await?;
            if told.results.iter().all(|result| result.outcome == DeleteOutcome::WouldDelete) {
                break;
            }
            self.live("the retention");
            patience.pause("a key that nobody uses may be deleted").await?;
        }
        self.node.client.delete_secret(FIRST, &DeleteQuery::default()).await?;
        self.tell(&format!("DELETE /v1/secrets/{FIRST}: 204, unused for {RETENTION} (48h by default)"));
        self.follow(followed, "the first rotation is completed", |rotation| rotation.state == "completed").await?;
        Ok(())
    }

    /// The provider's record, the applications' and the audit.
    pub(super) async fn end(&mut self, values: &Values) -> Result<(), Fault> {
        self.screen.step("What the provider's own record says");
        for line in Figures::of(self.provider).lines() {
            self.screen.note(&line);
        }
        let twice = self.provider.charged_twice();
        if twice > 0 {
            return Err(Fault::NotSeen(format!("no charge was made twice: {twice} were")));
        }
        self.tell("no charge was made twice");

        self.screen.step("The audit is verified: every hash is computed anew, up to the signed checkpoint");
        let said = self.node.ask(&["audit", "verify"]).await?;
        self.screen.note(&format!("keyroll audit verify: {said}"));
        let events: Value = self.node.client.get("/v1/audit?limit=500").await?;
        let text = events.to_string();
        let shown = [&values.first, &values.second, &values.wrong].into_iter().any(|value| text.contains(value));
        if shown || self.traffic.values_seen() > 0 {
            return Err(Fault::NotSeen("no application and no audit event ever saw a value".to_owned()));
        }
        self.tell("no application and no audit event ever saw a value");
        self.failed_none()
    }
}
