//! A server of HTTP/2 that a test scripts frame by frame. It reads no heads: what is in them, others test.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const ACK: u8 = 1;
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;

/// `:status: 200`, from the static table.
pub(crate) const OK: &[u8] = &[0x88];

/// A server's side of a connection.
pub(crate) struct Peer(TcpStream);

impl Peer {
    /// Reads the preface, and says these settings.
    pub(crate) async fn accept(mut stream: TcpStream, settings: &[(u16, u32)]) -> Option<Self> {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.ok()?;
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut peer = Self(stream);
        let settings = settings.iter().map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        peer.send(SETTINGS, 0, 0, &settings.collect::<Vec<_>>().concat()).await;
        Some(peer)
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.0.write_all(&frame).await.ok();
    }

    /// The next frame: kind, flags, stream, payload.
    pub(crate) async fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        self.0.read_exact(&mut payload).await.ok()?;
        if head[3] == SETTINGS && head[4] & ACK == 0 {
            self.send(SETTINGS, ACK, 0, &[]).await;
        }
        Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    /// Waits for the next frame of this kind; answers its stream and its payload.
    pub(crate) async fn await_frame(&mut self, kind: u8) -> Option<(u32, Vec<u8>)> {
        loop {
            let (found, _, stream, payload) = self.next().await?;
            if found == kind {
                return Some((stream, payload));
            }
        }
    }

    pub(crate) async fn request(&mut self) -> Option<u32> {
        self.await_frame(HEADERS).await.map(|(stream, _)| stream)
    }

    pub(crate) async fn reset(&mut self, stream: u32, code: u32) {
        self.send(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    pub(crate) async fn ok(&mut self, stream: u32) {
        self.send(HEADERS, END_HEADERS, stream, OK).await;
        self.send(DATA, END_STREAM, stream, b"ok").await;
    }

    /// Answers every further request.
    pub(crate) async fn go_on(mut self) {
        while let Some(stream) = self.request().await {
            self.ok(stream).await;
        }
    }
}
