//! The admin listener: HTTP/1.1, with TLS or without, in front of the router of the admin API.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::ConnectInfo;
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::process::Listener;

/// How many connections are served at a time; others wait in the socket's queue.
const CONNECTIONS: usize = 1024;
/// How long a client may take for a TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection is idle before it is closed for draining: what a client sends at that moment would be lost.
const PARTING: Duration = Duration::from_secs(1);
/// So many looks in a row have to find it idle.
const LOOKS: u32 = 10;
/// How long to wait after an accept that failed, as when the process is out of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// The admin listener before it serves.
pub(super) struct AdminListener {
    socket: TcpListener,
    door: Door,
}

/// What each connection is served with.
#[derive(Clone)]
struct Door {
    tls: Option<TlsAcceptor>,
    /// What answers, looked up for each request: while the database is awaited it is another one than afterwards.
    router: Arc<ArcSwap<Router>>,
    drain: CancellationToken,
}

/// Waits until it is time to drain and the connection has been idle for a while since.
async fn parted(drain: &CancellationToken, busy: &AtomicBool) {
    drain.cancelled().await;
    let mut idle = 0;
    while idle < LOOKS {
        tokio::time::sleep(PARTING / LOOKS).await;
        idle = if busy.load(Ordering::Acquire) { 0 } else { idle.saturating_add(1) };
    }
}

impl AdminListener {
    /// Takes the socket over. Once `drain` is cancelled no connection is accepted and the open ones end after their
    /// current request. Needs the runtime's context.
    ///
    /// # Errors
    /// Where the socket cannot be registered with the runtime.
    pub(super) fn new(
        listener: Listener,
        tls: Option<Arc<ServerConfig>>,
        router: Arc<ArcSwap<Router>>,
        drain: CancellationToken,
    ) -> io::Result<Self> {
        let socket = TcpListener::from_std(listener.socket)?;
        Ok(Self { socket, door: Door { tls: tls.map(TlsAcceptor::from), router, drain } })
    }

    /// Serves until everything is drained.
    pub(super) async fn serve(self) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let open = TaskTracker::new();
        while let Some((stream, peer)) = self.accept().await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let door = self.door.clone();
            open.spawn(async move {
                door.connection(stream, peer).await;
                drop(place);
            });
        }
        drop(self.socket);
        open.close();
        open.wait().await;
    }

    /// The next connection; `None` when draining.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        loop {
            let accepted = tokio::select! {
                () = self.door.drain.cancelled() => return None,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok(connection) => return Some(connection),
                Err(error) => {
                    tracing::warn!(%error, "the admin listener could not accept a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

impl Door {
    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        // Answers are small and written whole; waiting for more only delays them.
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.requests(TokioIo::new(stream), peer).await,
            Some(tls) => match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.requests(TokioIo::new(stream), peer).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            },
        }
    }

    async fn requests<S>(self, stream: S, peer: SocketAddr)
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let Self { router, drain, .. } = self;
        let busy = Arc::new(AtomicBool::new(false));
        let (running, told) = (Arc::clone(&busy), drain.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            running.store(true, Ordering::Release);
            let answer = Router::clone(&router.load()).oneshot(request);
            let (running, told) = (Arc::clone(&running), told.clone());
            async move {
                let answer = answer.await.map(|mut answer| {
                    if told.is_cancelled() {
                        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    }
                    answer
                });
                running.store(false, Ordering::Release);
                answer.map_err(|never: Infallible| never)
            }
        });
        let mut builder = http1::Builder::new();
        // Without a timer the time-out for the head would silently not be there.
        builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = parted(&drain, &busy) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection to the admin listener broke off");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn listening(router: Router) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, drain) = (listener.address, CancellationToken::new());
        let admin = AdminListener::new(listener, None, Arc::new(ArcSwap::from_pointee(router)), drain.clone()).unwrap();
        (address, drain, tokio::spawn(admin.serve()))
    }

    #[tokio::test]
    async fn a_request_in_flight_outlives_the_drain_and_an_idle_connection_does_not() {
        let (entered, started) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let (entering, starting) = (Arc::clone(&entered), Arc::clone(&started));
        let slow = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
            entering.notify_one();
            starting.notified().await;
            format!("hello {}", peer.ip())
        };
        let (address, drain, serving) = listening(Router::new().route("/", get(slow))).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        entered.notified().await;

        drain.cancel();
        let mut nothing = Vec::new();
        idle.read_to_end(&mut nothing).await.unwrap();
        assert!(nothing.is_empty());
        assert!(!serving.is_finished());
        started.notify_one();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello 127.0.0.1"), "{answer}");
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }
    /// The certificate that a client sees, and what it is answered.
    async fn ask(address: SocketAddr, trusted: &std::path::Path) -> Option<String> {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        Some(answer)
    }

    #[tokio::test]
    async fn tls_is_served_and_a_new_certificate_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            let (cert, key) = (dir.path().join(name), dir.path().join(format!("{name}.key")));
            std::fs::write(&cert, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            (cert, key)
        });
        let (cert, key) = (dir.path().join("cert"), dir.path().join("key"));
        let install = |(from_cert, from_key): &(std::path::PathBuf, std::path::PathBuf)| {
            std::fs::copy(from_cert, &cert).unwrap();
            std::fs::copy(from_key, &key).unwrap();
        };
        install(&one);
        let tls = crate::config::Tls { cert: Some(cert.clone()), key: Some(key.clone()), more: Vec::new() };
        let certificates = crate::process::Certificates::load(&tls).unwrap().unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.address;
        let config = Arc::clone(&certificates).admin().unwrap();
        let router = Router::new().route("/", get(|| async { "hello" }));
        let admin = AdminListener::new(
            listener,
            Some(config),
            Arc::new(ArcSwap::from_pointee(router)),
            CancellationToken::new(),
        )
        .unwrap();
        tokio::spawn(admin.serve());

        assert!(ask(address, &one.0).await.unwrap().ends_with("hello"));
        assert_eq!(ask(address, &two.0).await, None, "another certificate is not trusted");
        install(&two);
        certificates.exchange(crate::process::Set::read(&tls).unwrap().unwrap());
        assert!(ask(address, &two.0).await.unwrap().ends_with("hello"));
    }
}
