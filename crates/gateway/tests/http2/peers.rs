//! The `h2` library as a client of the gateway, and as an upstream behind it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::Request;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::common::key;

/// One request, as an upstream has it.
pub(crate) struct Call {
    pub(crate) request: Request<RecvStream>,
    pub(crate) respond: SendResponse<Bytes>,
}

/// An upstream that speaks HTTP/2 without TLS.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Runs `serve` for every request.
    pub(crate) async fn start<F, R>(serve: F) -> Self
    where
        F: Fn(Call) -> R + Clone + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(serve(Call { request, respond }));
                    }
                });
            }
        });
        Self { address, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("h2c://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A client with one connection.
pub(crate) struct Client {
    sender: SendRequest<Bytes>,
    ended: watch::Receiver<bool>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            let _ = connection.await;
            let _ = end.send(true);
        });
        Self { sender, ended }
    }

    /// A request with the key.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request<()> {
        let request = Request::builder().method(method).uri(format!("http://gateway.test{path}"));
        request.header("keyroll-key", key(1)).body(()).unwrap()
    }

    pub(crate) async fn send(&self, request: Request<()>, ends: bool) -> (ResponseFuture, SendStream<Bytes>) {
        self.sender.clone().ready().await.unwrap().send_request(request, ends).unwrap()
    }

    /// Waits until the gateway takes no more on this connection.
    pub(crate) async fn is_told_to_go(&self) {
        while self.sender.clone().ready().await.is_ok() && !*self.ended.borrow() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// Reads to the end; answers how much came.
pub(crate) async fn collect(mut body: RecvStream) -> Result<usize, h2::Error> {
    let mut length = 0;
    while let Some(piece) = body.data().await {
        let piece = piece?;
        length += piece.len();
        let _ = body.flow_control().release_capacity(piece.len());
    }
    body.trailers().await?;
    Ok(length)
}

/// Sends so many bytes, as the other side takes them.
pub(crate) async fn send_all(mut out: SendStream<Bytes>, size: usize) {
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let mut left = size;
    while left > 0 {
        out.reserve_capacity(left.min(piece.len()));
        let capacity = std::future::poll_fn(|cx| out.poll_capacity(cx)).await.unwrap().unwrap();
        let now = capacity.min(left).min(piece.len());
        left -= now;
        out.send_data(piece.slice(..now), left == 0).unwrap();
    }
}
