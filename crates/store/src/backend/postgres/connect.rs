//! How connections are made: their settings, and the pool that keeps them.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::PostgresUrl;
use super::{CONNECTIONS, LIMITS};
use crate::error::StoreError;

/// What the server is asked to do by itself, so that a node which falls silent holds up nobody for long. The lock's limit
/// is below that of silence, so that waiting for others is told apart from a dead connection.
const OPTIONS: &str = "-c lock_timeout=3500 -c idle_in_transaction_session_timeout=6000 -c statement_timeout=120000";

/// The settings of a connection.
pub(super) fn config(url: &PostgresUrl, application: &str) -> Config {
    let mut config = url.config().clone();
    let options = [OPTIONS, config.get_options().unwrap_or_default()].join(" ");
    config.options(options.trim());
    if config.get_application_name().is_none() {
        config.application_name(application);
    }
    // A server that only repeats what another one writes would refuse the first change.
    if config.get_target_session_attrs() == TargetSessionAttrs::Any {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    config.connect_timeout(LIMITS.begin);
    // Below these, a peer that vanished without a word is noticed by the kernel, even while nobody asks.
    config.keepalives(true).keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
    config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(8));
    config
}

pub(super) fn pool(url: &PostgresUrl, tls: MakeRustlsConnect) -> Result<Pool, StoreError> {
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config(url, "keyroll"), tls, manager);
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(LIMITS.begin))
        .create_timeout(Some(LIMITS.begin))
        .recycle_timeout(Some(LIMITS.begin))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                // `off` would acknowledge what a loss of power takes away. Anything stricter than `on` is left alone.
                let sql = "SELECT set_config('synchronous_commit', 'on', false) \
                     WHERE current_setting('synchronous_commit') = 'off'";
                client.batch_execute(sql).await.map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|error| StoreError::away(error.to_string()))
}
