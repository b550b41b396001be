//! Waits until a change is served by every node that can be heard.

use std::time::Duration;

use api::client::Call;
use api::list::{MAX_LIMIT, Page};
use api::node::NodeItem;
use api::path;
use clap::Args;
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::session::Session;

/// How often the nodes are looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// `--wait`, where something takes time.
#[derive(Debug, Clone, Args)]
pub(super) struct WaitArgs {
    /// Wait until every live node serves the change
    #[arg(long)]
    wait: bool,
    /// How many seconds to wait at most; exit code 6 after that
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "wait")]
    wait_timeout: u64,
}

impl WaitArgs {
    /// Waits for this revision where that was asked for, and names the nodes of which nothing is heard.
    pub(super) async fn served(&self, session: &mut Session<'_>, revision: u64) -> Result<(), Fault> {
        if !self.wait {
            return Ok(());
        }
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        let until = Instant::now() + Duration::from_secs(self.wait_timeout);
        loop {
            let nodes = nodes(session).await?;
            let live: Vec<_> = nodes.iter().filter(|node| node.state == "live" && node.role != "control").collect();
            let behind: Vec<_> = live.iter().filter(|node| node.revision.is_none_or(|at| at < revision)).collect();
            let count = |nodes: usize| u64::try_from(nodes).unwrap_or(u64::MAX);
            let done = live.len().saturating_sub(behind.len());
            session.out.progress(count(done), count(live.len()), &format!("nodes serve revision {revision}"));
            if behind.is_empty() {
                session.out.say(&format!("all {} live nodes serve revision {revision}", live.len()));
                for node in nodes.iter().filter(|node| node.state == "silent" && node.role != "control") {
                    let until = node.may_serve_until.as_deref().unwrap_or("now");
                    session.out.say(&format!(
                        "node {} ({}) is silent since {}: it may serve what it had before until {until}",
                        node.name, node.id, node.last_seen_at
                    ));
                }
                return Ok(());
            }
            if Instant::now() >= until {
                let names: Vec<_> = behind.iter().map(|node| node.name.as_str()).collect();
                return Err(Fault::NotServed { revision, nodes: names.join(", ") });
            }
            sleep(PAUSE).await;
        }
    }
}

async fn nodes(session: &Session<'_>) -> Result<Vec<NodeItem>, Fault> {
    // More nodes than fit on one page share no database.
    let call = Call::get(format!("{}?limit={MAX_LIMIT}", path::NODES));
    let page: Page<NodeItem> = session.send(call).await?.json()?;
    Ok(page.items)
}
