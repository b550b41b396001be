//! `keyroll serve`: a node is put together here, in the order in which its parts need each other.

mod admin;
mod error;
mod reload;
mod standing;
mod stop;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use control::{Control, Keys, Policy};
use engine::{Engine, EngineOptions, Pace};
use gateway::{Gateway, GatewayOptions, Limits};
use model::time::{Clock, Entropy};
use outbound::{Forwarder, PoolLimits, Tls};
use rustls::ServerConfig;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::ambient::{SystemClock, SystemEntropy};
use crate::bootstrap::{Bootstrap, FirstToken};
use crate::config::{self, Config, DatabaseUrl, Flags, Format, Loaded};
use crate::logging::{Logging, chain};
use crate::process::{
    self, Addresses, BootstrapToken, Certificate, DataDir, Environment, Listener, Notifier, Signals, say,
};

use admin::AdminListener;
use error::ServeError;
use reload::Reload;
use standing::Standing;
use stop::Stopping;

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
    gateway: Listener,
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
    let (gateway, admin) = Listener::both(&config, &variables)?;
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
    let Parts { config, data, bootstrap_token, gateway, gateway_tls, admin, admin_tls, mut reload } = parts;
    // From here on a signal finds a handler, also while the node is still starting.
    let mut signals = Signals::listen().map_err(ServeError::Runtime)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);

    let database = database(&config, &data);
    let incarnation = model::id::new("inc", clock.now(), entropy.as_ref());
    let store = Store::open(&database.0, clock.now(), incarnation).await.map_err(ServeError::Store)?;
    let kek_file = config.keys.kek_file.clone().unwrap_or_else(|| data.file("kek"));
    let token_file = data.file("admin-token");
    let bootstrap = Bootstrap {
        store: &store,
        clock: clock.as_ref(),
        entropy: entropy.as_ref(),
        kek_file: &kek_file,
        token_file: &token_file,
        token: bootstrap_token.as_ref(),
    };
    let ready = bootstrap.run().await?;
    // It has done its work; the sooner it is zeroed the better.
    drop(bootstrap_token);
    warn_of_exposure(&data, &kek_file, &database);

    let allow_private: Vec<_> = config.gateway.allow_private_upstreams.iter().map(|network| network.0).collect();
    let (keyring, snapshot) = (Arc::new(ready.keyring), Arc::new(ArcSwapOption::empty()));
    let engine_shutdown = CancellationToken::new();
    let engine = Engine::start(EngineOptions {
        store: store.clone(),
        keyring: Arc::clone(&keyring),
        snapshot: Arc::clone(&snapshot),
        clock: Arc::clone(&clock),
        allow_private: allow_private.clone(),
        max_staleness: config.policy.max_staleness,
        pace: Pace::default(),
        shutdown: engine_shutdown.clone(),
    });
    // Without a snapshot every request would be answered with an error.
    tokio::select! {
        _ = engine.ready() => {}
        () = signals.until_stop(|| ()) => return Ok(ExitCode::SUCCESS),
    }

    let urls = (gateway.url(gateway_tls.is_some()), admin.url(admin_tls.is_some()));
    let gateway = Gateway::start(GatewayOptions {
        listener: gateway.socket,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        tls: gateway_tls,
        snapshot,
        forwarder: Forwarder::pooled(Arc::new(Tls::new()), PoolLimits::default()),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        allow_private: allow_private.clone(),
        limits: Limits::default(),
    })
    .map_err(ServeError::Runtime)?;
    let standing = Arc::new(Standing::new(engine.standing()));
    let control = Arc::new(Control::new(
        store,
        Keys { keyring, fingerprints: ready.fingerprints },
        Policy { retention: config.policy.retention, allow_private },
        clock,
        entropy,
        Arc::clone(&standing) as Arc<dyn control::Standing>,
    ));
    let drain = CancellationToken::new();
    let admin = AdminListener::new(admin, admin_tls, control::router(control), drain.clone());
    let admin = tokio::spawn(admin.map_err(ServeError::Runtime)?.serve());

    // Said before it is written: whoever waits for the file finds everything said.
    announce(&config, [&urls.0, &urls.1], ready.first, &token_file);
    let addresses = Addresses::write(&data, &urls.0, &urls.1).map_err(ServeError::Addresses)?;
    reload.notifier.ready();
    tokio::spawn(reload.notifier.watchdog());
    signals.until_stop(|| reload.run()).await;

    let gateway = Arc::new(gateway);
    let stopping = Stopping { standing, gateway, admin, drain, engine, engine_shutdown, notifier: reload.notifier };
    let code = stopping.run(config.gateway.drain_timeout.as_std(), &mut signals).await;
    drop(addresses);
    Ok(code)
}

fn database(config: &Config, data: &DataDir) -> DatabaseUrl {
    let file = || DatabaseUrl(store::DatabaseUrl::SqliteFile(data.file("keyroll.db")));
    config.database.url.clone().unwrap_or_else(file)
}

/// Says at every start what makes a stolen copy worth more than it should be.
fn warn_of_exposure(data: &DataDir, kek_file: &Path, database: &DatabaseUrl) {
    if data.is_open_to_others() {
        let path = data.path().display();
        tracing::warn!(%path, "other users of this machine may look into the data directory; chmod 700 it");
    }
    let place = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    let beside = match &database.0 {
        store::DatabaseUrl::SqliteFile(file) => place(kek_file).is_some_and(|at| Some(at) == place(file)),
        store::DatabaseUrl::SqliteMemory => false,
    };
    if beside {
        tracing::warn!(
            kek_file = %kek_file.display(),
            "the KEK file lies beside the database: a copy of the directory can be opened; keep it elsewhere, with --kek-file"
        );
    }
}

/// Tells the operator what they need now: where to connect, and on the first start where the token is.
fn announce(config: &Config, [gateway, admin]: [&str; 2], first: Option<FirstToken>, token_file: &Path) {
    let token = first.map(|first| match first.written {
        true => format!("first start: an admin token that ends at {} is in {}", first.expires_at, token_file.display()),
        false => format!("first start: the admin token is that of KEYROLL_BOOTSTRAP_TOKEN, until {}", first.expires_at),
    });
    match config.log.format {
        // Whoever reads JSON wants nothing else between the lines.
        Format::Json => tracing::info!(gateway, admin, token, "serving"),
        Format::Text => {
            token.iter().for_each(|token| say(token));
            say(&format!("gateway on {gateway}, admin API on {admin}"));
        }
    }
}
