//! `keyroll serve`: a node is put together here, in the order in which its parts need each other.

mod admin;
mod database;
mod error;
mod hand_over;
mod identity;
mod policy;
mod reload;
mod standing;
mod stop;
mod traffic;
mod words;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use control::{Control, Keys};
use engine::{Engine, EngineOptions, NodeIdentity, Pace};
use model::time::{Clock, Entropy};
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::ambient::{SteadyClock, SystemClock, SystemEntropy};
use crate::config::{self, Config, Flags, Loaded};
use crate::logging::{Logging, chain};
use crate::process::{
    self, Addresses, BootstrapToken, Certificates, DataDir, DataDirError, Environment, Given, Listener, Notifier,
    Signal, Signals, say,
};

use admin::AdminListener;
use database::Opening;
use error::ServeError;
use hand_over::{Holdings, Offer, Offering, Program, TakeOver};
use reload::Reload;
use standing::Standing;
use stop::{LAST_WORDS, Stopping};
use traffic::Traffic;
use words::{announce, warn_of_exposure};

/// Threads of the admin API and the engine together; traffic has threads of its own.
const CONTROL_THREADS: usize = 2;

/// Runs a node until a signal ends it, or another process takes over.
pub(crate) fn serve(flags: &Flags, take_over: bool, environment: Environment) -> ExitCode {
    prepare(flags, take_over, environment).unwrap_or_else(|error| {
        say(&chain(&error));
        ExitCode::FAILURE
    })
}

/// What a node is made of before anything runs.
struct Parts {
    config: Config,
    data: DataDir,
    /// From the process that runs.
    take_over: Option<TakeOver>,
    program: Program,
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
fn prepare(flags: &Flags, take_over: bool, environment: Environment) -> Result<ExitCode, ServeError> {
    let Environment { variables, bootstrap_token } = environment;
    let program = Program::of_this_process().map_err(ServeError::Runtime)?;
    let Loaded { config, data_dir, origins, .. } = config::load(flags, &variables)?;
    let logging = Logging::start(&config.log);
    for (setting, origin) in &origins {
        tracing::debug!(setting, %origin, "a setting is not at its default");
    }
    process::hide_memory().map_err(ServeError::Memory)?;
    process::allow_many_files();
    let certificates =
        |section, tls| Certificates::load(tls).map_err(|source| ServeError::Tls { section, source: Box::new(source) });
    let gateway_certificates = certificates("gateway", &config.gateway.tls)?;
    let admin_certificates = certificates("admin", &config.admin.tls)?;
    let running = if take_over { running(&config, &data_dir)? } else { None };
    let (data, take_over, given) = match running {
        Some((data, take_over, given)) => (data, Some(take_over), Some(given)),
        None => (open(&data_dir, take_over)?, None, None),
    };
    let node = identity::identity(&config.node, &data, &SystemClock, &SystemEntropy).map_err(ServeError::Identity)?;
    let (gateway, admin) = match given {
        Some(given) => Listener::of_another(node.role, &config, given)?,
        None => Listener::of_role(node.role, &config, &variables)?,
    };
    let parts = Parts {
        gateway_tls: gateway_certificates.clone().map(Certificates::gateway).transpose()?,
        admin_tls: admin_certificates.clone().map(Certificates::admin).transpose()?,
        reload: Reload {
            flags: flags.clone(),
            variables,
            config: config.clone(),
            logging,
            gateway: gateway_certificates,
            admin: admin_certificates,
            notifier: Notifier,
        },
        config,
        data,
        take_over,
        program,
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

/// The directory, for this process alone.
fn open(path: &Path, take_over: bool) -> Result<DataDir, ServeError> {
    DataDir::open(path).map_err(|error| match error {
        // Whoever has said so already need not be told.
        DataDirError::InUse { .. } if !take_over => ServeError::InUse(error),
        error => ServeError::DataDir(error),
    })
}

/// The process that runs on the directory, where one does.
fn running(config: &Config, path: &Path) -> Result<Option<(DataDir, TakeOver, Given)>, ServeError> {
    // Where there is none yet, this is a first start.
    let Ok(data) = DataDir::of_another(path) else { return Ok(None) };
    let database = database::url(config, &data).to_string();
    Ok(TakeOver::begin(data.path(), &database)?.map(|(take_over, given)| (data, take_over, given)))
}

/// Puts the parts together and waits for the end.
async fn run(parts: Parts) -> Result<ExitCode, ServeError> {
    let Parts { config, mut data, take_over, program, bootstrap_token, node, gateway, gateway_tls, admin, .. } = parts;
    let Parts { admin_tls, mut reload, .. } = parts;
    // From here on a signal finds a handler, also while the node is still starting.
    let mut signals = Signals::listen().map_err(ServeError::Runtime)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rotation_clock: Arc<dyn Clock> = Arc::new(SteadyClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let allow_private: Vec<_> = config.gateway.allow_private_upstreams.iter().map(|network| network.0).collect();
    let snapshot = Arc::new(ArcSwapOption::empty());
    let role = node.role;
    let urls = Urls {
        gateway: gateway.as_ref().map(|listener| listener.url(gateway_tls.is_some())),
        admin: admin.url(admin_tls.is_some()),
    };
    let sockets = Given::copies(gateway.as_ref(), &admin).map_err(ServeError::Runtime)?;
    let mut traffic = gateway.map(|listener| Traffic {
        listener,
        tls: gateway_tls,
        snapshot: Arc::clone(&snapshot),
        allow_private: allow_private.clone(),
        stream_grace: config.policy.stream_grace.as_std(),
        trusted_proxies: config.gateway.trusted_proxies.iter().map(|network| network.0).collect(),
    });
    let drain = CancellationToken::new();
    let answers = Arc::new(ArcSwap::from_pointee(control::waiting()));
    let admin =
        AdminListener::new(admin, admin_tls, Arc::clone(&answers), drain.clone()).map_err(ServeError::Runtime)?;

    if let Some(take_over) = &take_over {
        // Everything that can be prepared is. From here on the other process writes nothing, until this one serves or ends.
        data.own(take_over.claim()?)?;
    }
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
        // A process that takes over ends instead: the other one serves, and has the snapshot that this one lacks.
        Err(error) if opening.is_worth_waiting(&error) && take_over.is_none() => {
            // Whoever calls meanwhile is told how it is, at once, rather than left to wait at a closed door.
            gateway = traffic.take().map(|traffic| traffic.start(&clock, &entropy)).transpose()?;
            serving = admin.take().map(|admin| tokio::spawn(admin.serve()));
            addresses = Some(urls.write(&data)?);
            reload.notifier.ready();
            tokio::select! {
                opened = opening.wait(error) => opened?,
                () = signals.until_stop(|signal| if signal == Signal::Reload { reload.run() }) => return Ok(ExitCode::SUCCESS),
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
        rotation_clock: Arc::clone(&rotation_clock),
        entropy: Arc::clone(&entropy),
        stop_at: policy::stop_at(),
        allow_private: allow_private.clone(),
        max_staleness: config.policy.max_staleness,
        rotations: policy::rotations(&config.policy),
        pace: Pace::default(),
        shutdown: engine_shutdown.clone(),
    });
    // Without a snapshot every request would be answered with an error: nothing is accepted before there is one.
    if let Some(traffic) = traffic {
        tokio::select! {
            _ = engine.ready() => {}
            () = signals.until_stop(|_| ()) => return Ok(ExitCode::SUCCESS),
        }
        gateway = Some(traffic.start(&clock, &entropy)?);
    }
    let standing = Arc::new(Standing::new(role, engine.standing(), exposure));
    let control = Arc::new(Control::new(
        store.clone(),
        Keys { keyring, fingerprints: ready.fingerprints },
        policy::control(&config.policy, allow_private),
        [Arc::clone(&clock), rotation_clock],
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

    let follower = match take_over {
        Some(take_over) => match take_over.ready() {
            Ok(()) => Some(take_over.follow(engine.counts())),
            Err(error) => {
                // What was accepted meanwhile is answered; the rest is for the other process.
                drop(tokio::task::spawn_blocking(move || gateway.map(|gateway| gateway.drain(LAST_WORDS))).await);
                return Err(error.into());
            }
        },
        None => None,
    };

    // Said before it is written: whoever waits for the file finds everything said.
    announce(&config, &urls, ready.first, &token_file);
    let addresses = addresses.map_or_else(|| urls.write(&data), Ok)?;
    let notifier = reload.notifier;
    let lock = data.lock().map_err(ServeError::Runtime)?;
    let database = url.to_string();
    let holdings = Some(Holdings { sockets, lock });
    let counts = engine.counts();
    let mut offering = match (Offer { holdings, database, store, counts, clock, notifier }).stand(data.path()) {
        Ok(offering) => Some(offering),
        Err(error) => {
            tracing::warn!(%error, "no other process will be able to take over from this one");
            None
        }
    };
    notifier.ready();
    tokio::spawn(notifier.watchdog());
    let stop = signals.until_stop(|signal| match signal {
        Signal::Reload => reload.run(),
        Signal::Succeed => program.start(),
        Signal::Stop => {}
    });
    let handed_over = tokio::select! {
        () = stop => false,
        () = taken(&mut offering) => true,
    };
    let fate = offering.as_ref().map(Offering::fate);
    // The directory is the other process's alone, also when that is started anew.
    let data = (!handed_over).then_some(data);
    offering.iter().filter(|_| !handed_over).for_each(Offering::close);

    let gateway = gateway.map(Arc::new);
    let stopping = Stopping {
        standing,
        gateway,
        admin,
        drain,
        engine,
        engine_shutdown,
        notifier,
        handed_over,
        offering,
        follower,
    };
    let code = stopping.run(config.gateway.drain_timeout.as_std(), &mut signals).await;
    // One that had begun to take over may have done so while this one was stopping.
    if fate.is_some_and(|fate| fate.is_taken()) {
        addresses.leave();
    }
    drop(data);
    Ok(code)
}

/// Waits until another process has taken over.
async fn taken(offering: &mut Option<Offering>) {
    match offering {
        Some(offering) => offering.taken().await,
        None => std::future::pending().await,
    }
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
