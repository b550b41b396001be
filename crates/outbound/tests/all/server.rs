//! A scripted server, a resolver that says what a test wants, and requests in one line.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use ipnet::IpNet;
use model::upstream::Upstream;
use outbound::{
    AnswerError, ForwardError, Forwarded, Forwarder, OutBody, PoolLimits, Resolve, Resolving, Target, Timeouts, Tls,
    TlsSettings,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server saw.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Reads one request, head and body, and keeps it. Nothing where the peer closed before its first byte.
    pub(crate) async fn read<S: AsyncRead + Unpin>(&self, stream: &mut S) -> Option<String> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => text.push(byte),
                Err(_) => return None,
            }
        }
        let head = String::from_utf8_lossy(&text).to_ascii_lowercase();
        if let Some((_, rest)) = head.split_once("content-length: ") {
            let length: usize = rest.split("\r\n").next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.ok()?;
            text.extend(body);
        } else if head.contains("transfer-encoding: chunked") {
            // The last chunk, perhaps trailers, an empty line; no body in these tests has such a line itself.
            let head = text.len();
            while !(text.ends_with(b"\r\n\r\n") && text[head..].windows(3).any(|window| window == b"0\r\n")) {
                text.push(stream.read_u8().await.ok()?);
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        self.requests.lock().unwrap().push(text.clone());
        Some(text)
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Seen,
}

impl Server {
    /// Runs `script` for each connection, with its number from 0.
    pub(crate) async fn start<F, R>(script: F) -> Self
    where
        F: Fn(usize, TcpStream, Seen) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(number, stream, shared.clone()));
            }
        });
        Self { address, seen }
    }

    /// Answers every request on every connection with `answer`.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |_, mut stream, seen| async move {
            while seen.read(&mut stream).await.is_some() {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    pub(crate) fn upstream(&self) -> Upstream {
        upstream(&format!("http://{}", self.address))
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) fn upstream(text: &str) -> Upstream {
    Upstream::parse(text, &nets(&["10.0.0.0/8"])).unwrap()
}

pub(crate) fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

pub(crate) fn pooled() -> Forwarder {
    Forwarder::pooled(Arc::new(Tls::new()), PoolLimits::default())
}

pub(crate) fn quick() -> Timeouts {
    let second = Duration::from_secs(5);
    Timeouts { connect: second, response: second, idle: second }
}

/// A resolver that answers every name with these addresses.
pub(crate) struct Fixed(pub(crate) Vec<IpAddr>);

impl Resolve for Fixed {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(
            async move { if self.0.is_empty() { Err(io::Error::other("no such name")) } else { Ok(self.0.clone()) } },
        )
    }
}

pub(crate) fn fixed(addresses: &[&str]) -> Arc<Fixed> {
    Arc::new(Fixed(addresses.iter().map(|address| address.parse().unwrap()).collect()))
}

pub(crate) fn request(method: Method, path: &str, body: OutBody) -> Request<OutBody> {
    Request::builder().method(method).uri(path).body(body).unwrap()
}

pub(crate) fn get(path: &str) -> Request<OutBody> {
    request(Method::GET, path, OutBody::empty())
}

/// Sends with default settings.
pub(crate) async fn send(
    forwarder: &Forwarder,
    upstream: &Upstream,
    request: Request<OutBody>,
) -> Result<Forwarded, ForwardError> {
    send_within(forwarder, upstream, quick(), request).await
}

pub(crate) async fn send_within(
    forwarder: &Forwarder,
    upstream: &Upstream,
    timeouts: Timeouts,
    request: Request<OutBody>,
) -> Result<Forwarded, ForwardError> {
    let tls = TlsSettings::default();
    forwarder.forward(Target { upstream, tls: &tls, allow_private: &[], timeouts }, request).await
}

pub(crate) async fn text(forwarded: Forwarded) -> Result<String, AnswerError> {
    let bytes: Bytes = forwarded.response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
