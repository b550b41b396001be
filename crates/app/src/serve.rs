//! `keyroll serve`: a node is put together here, in the order in which its parts need each other.

mod admin;
mod database;
mod error;
mod identity;
mod reload;
mod standing;
mod stop;
mod words;

use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use control::{Control, Keys, Policy};
use engine::{Engine, EngineOptions, NodeIdentity, Pace};
use gateway::{Gateway, GatewayOptions, Limits};
use ipnet::IpNet;
use model::snapshot::Snapshot;
use model::time::{Clock, Entropy};
use outbound::{Forwarder, PoolLimits, Tls};
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::ambient::{SystemClock, SystemEntropy};
use crate::config::{self, Config, Flags, Loaded};
use crate::logging::{Logging, chain};
use crate::process::{
    self, Addresses, BootstrapToken, Certificate, DataDir, Environment, Listener, Notifier, Signals, say,
};

use admin::AdminListener;
use database::Opening;
use error::ServeError;
use reload::Reload;
use standing::Standing;
use stop::Stopping;
use words::{announce, warn_of_exposure};

/// Threads of the admin API and the engine together; traffic has threads of its own.
const CONTROL_THREADS: usize = 2;

/// Runs a node until a signal ends it.
pub(crate) fn serve(flags: &Flags, environment: Environment) -> ExitCode {
    prepare(flags, environment).unwrap_or_else(|error| {
        say(&chain(&error));
        ExitCode::FAILURE
    })
}

/// What a node is made of before anything runs.
struct Parts {
    config: Config,
    data: DataDir,
    bootstrap_token: Option<BootstrapToken>,
    node: NodeIdentity,
    /// None where the role has no gateway.
    gateway: Option<Listener>,
    gateway_tls: Option<Arc<ServerConfig>>,
    admin: Listener,
    admin_tls: Option<Arc<ServerConfig>>,
    reload: Reload,
}

/// Everything that can be done, and can fail, while there is one thread.
fn prepare(flags: &Flags, environment: Environment) -> Result<ExitCode, ServeError> {
    let Environment { variables, bootstrap_token } = environment;
    let Loaded { config, data_dir, origins, .. } = config::load(flags, &variables)?;
    let logging = Logging::start(&config.log);
    for (setting, origin) in &origins {
        tracing::debug!(setting, %origin, "a setting is not at its default");
    }
    process::hide_memory().map_err(ServeError::Memory)?;
    process::allow_many_files();
    let data = DataDir::open(&data_dir)?;
    let certificate =
        |section, tls| Certificate::load(tls).map_err(|source| ServeError::Tls { section, source: Box::new(source) });
    let gateway_certificate = certificate("gateway", &config.gateway.tls)?;
    let admin_certificate = certificate("admin", &config.admin.tls)?;
    let node = identity::identity(&config.node, &data, &SystemClock, &SystemEntropy).map_err(ServeError::Identity)?;
    let (gateway, admin) = Listener::of_role(node.role, &config, &variables)?;
    let server_config =
        |certificate: &Option<Arc<Certificate>>| certificate.clone().map(Certificate::server_config).transpose();
    let parts = Parts {
        gateway_tls: server_config(&gateway_certificate)?,
        admin_tls: server_config(&admin_certificate)?,
        reload: Reload {
            flags: flags.clone(),
            variables,
            config: config.clone(),
            logging,
            certificates: gateway_certificate.into_iter().chain(admin_certificate).collect(),
            notifier: Notifier,
        },
        config,
        data,
        bootstrap_token,
        node,
        gateway,
        admin,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let ended = runtime.block_on(run(parts));
    // What still runs now was told to end and did not: nobody waits for it.
    runtime.shutdown_background();
    ended
}

/// Puts the parts together and waits for the end.
async fn run(parts: Parts) -> Result<ExitCode, ServeError> {
    let Parts { config, data, bootstrap_token, node, gateway, gateway_tls, admin, admin_tls, mut reload } = parts;
    // From here on a signal finds a handler, also while the node is still starting.
    let mut signals = Signals::listen().map_err(ServeError::Runtime)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let allow_private: Vec<_> = config.gateway.allow_private_upstreams.iter().map(|network| network.0).collect();
    let snapshot = Arc::new(ArcSwapOption::empty());
    let role = node.role;
    let urls = Urls {
        gateway: gateway.as_ref().map(|listener| listener.url(gateway_tls.is_some())),
        admin: admin.url(admin_tls.is_some()),
    };
    let mut traffic = gateway.map(|listener| Traffic {
        listener,
        tls: gateway_tls,
        snapshot: Arc::clone(&snapshot),
        allow_private: allow_private.clone(),
        trusted_proxies: config.gateway.trusted_proxies.iter().map(|network| network.0).collect(),
    });
    let drain = CancellationToken::new();
    let answers = Arc::new(ArcSwap::from_pointee(control::waiting()));
    let admin =
        AdminListener::new(admin, admin_tls, Arc::clone(&answers), drain.clone()).map_err(ServeError::Runtime)?;

    let url = database::url(&config, &data);
    let kek_file = config.keys.kek_file.clone().unwrap_or_else(|| data.file("kek"));
    let token_file = data.file("admin-token");
    let opening = Opening {
        url: &url,
        clock: clock.as_ref(),
        entropy: entropy.as_ref(),
        kek_file: &kek_file,
        token_file: &token_file,
        token: bootstrap_token.as_ref(),
    };
    let (mut admin, mut gateway, mut addresses) = (Some(admin), None, None);
    let mut serving = None;
    let (store, ready) = match opening.open().await {
        Err(error) if opening.is_worth_waiting(&error) => {
            // Whoever calls meanwhile is told how it is, at once, rather than left to wait at a closed door.
            gateway = traffic.take().map(|traffic| traffic.start(&clock, &entropy)).transpose()?;
            serving = admin.take().map(|admin| tokio::spawn(admin.serve()));
            addresses = Some(urls.write(&data)?);
            reload.notifier.ready();
            tokio::select! {
                opened = opening.wait(error) => opened?,
                () = signals.until_stop(|| reload.run()) => return Ok(ExitCode::SUCCESS),
            }
        }
        opened => opened?,
    };
    // It has done its work; the sooner it is zeroed the better.
    drop(bootstrap_token);
    let exposure = warn_of_exposure(&data, &kek_file, &url);

    let keyring = Arc::new(ready.keyring);
    let engine_shutdown = CancellationToken::new();
    let engine = Engine::start(EngineOptions {
        store: store.clone(),
        keyring: Arc::clone(&keyring),
        signing_keys: Arc::new(ready.fingerprints.signing_keys()),
        snapshot,
        node,
        clock: Arc::clone(&clock),
        allow_private: allow_private.clone(),
        max_staleness: config.policy.max_staleness,
        pace: Pace::default(),
        shutdown: engine_shutdown.clone(),
    });
    // Without a snapshot every request would be answered with an error: nothing is accepted before there is one.
    if let Some(traffic) = traffic {
        tokio::select! {
            _ = engine.ready() => {}
            () = signals.until_stop(|| ()) => return Ok(ExitCode::SUCCESS),
        }
        gateway = Some(traffic.start(&clock, &entropy)?);
    }
    let standing = Arc::new(Standing::new(role, engine.standing(), exposure));
    let control = Arc::new(Control::new(
        store,
        Keys { keyring, fingerprints: ready.fingerprints },
        Policy { retention: config.policy.retention, allow_private },
        clock,
        entropy,
        Arc::clone(&standing) as Arc<dyn control::Standing>,
    ));
    let router = if role.has_control() { control::router(control) } else { control::status_router(control) };
    answers.store(Arc::new(router));
    let admin = match (serving, admin) {
        (Some(serving), _) => serving,
        (None, Some(admin)) => tokio::spawn(admin.serve()),
        (None, None) => tokio::spawn(async {}),
    };

    // Said before it is written: whoever waits for the file finds everything said.
    announce(&config, &urls, ready.first, &token_file);
    let addresses = addresses.map_or_else(|| urls.write(&data), Ok)?;
    reload.notifier.ready();
    tokio::spawn(reload.notifier.watchdog());
    signals.until_stop(|| reload.run()).await;

    let gateway = gateway.map(Arc::new);
    let stopping = Stopping { standing, gateway, admin, drain, engine, engine_shutdown, notifier: reload.notifier };
    let code = stopping.run(config.gateway.drain_timeout.as_std(), &mut signals).await;
    drop(addresses);
    Ok(code)
}

/// Where the listeners can be reached.
struct Urls {
    gateway: Option<String>,
    admin: String,
}

impl Urls {
    fn write(&self, data: &DataDir) -> Result<Addresses, ServeError> {
        Addresses::write(data, self.gateway.as_deref(), &self.admin).map_err(ServeError::Addresses)
    }
}

/// What the gateway needs besides the clock and randomness.
struct Traffic {
    listener: Listener,
    tls: Option<Arc<ServerConfig>>,
    snapshot: Arc<ArcSwapOption<Snapshot>>,
    allow_private: Vec<IpNet>,
    trusted_proxies: Vec<IpNet>,
}

impl Traffic {
    fn start(self, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Result<gateway::Running, ServeError> {
        Gateway::start(GatewayOptions {
            listener: self.listener.socket,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            tls: self.tls,
            snapshot: self.snapshot,
            forwarder: Forwarder::pooled(Arc::new(Tls::new()), PoolLimits::default()),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            allow_private: self.allow_private,
            trusted_proxies: self.trusted_proxies,
            limits: Limits::default(),
        })
        .map_err(ServeError::Runtime)
    }
}
