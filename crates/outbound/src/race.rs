//! TCP to the first of several addresses that answers: both families, each with a short head start (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::{Failure, Phase};

/// So long an address is waited for before the next one is tried beside it: what a family costs that is broken without
/// saying so (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the address that answers first; the others are let go. All are tried before the deadline, however many
/// they are.
pub(crate) async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut failure = Failure::Resolve;
    let mut attempts: JoinSet<(SocketAddr, io::Result<TcpStream>)> = JoinSet::new();
    let mut waiting = alternate(addresses).into_iter();
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            attempts.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let left = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left.saturating_add(1);
        let wait = if left == 0 { share } else { share.min(HEAD_START) };
        match timeout(wait, attempts.join_next()).await {
            Ok(Some(Ok((peer, Ok(tcp))))) => {
                // Without this a small request waits for the acknowledgement of the one before.
                let _ = tcp.set_nodelay(true);
                return Ok((tcp, peer));
            }
            // The next one need not wait for its turn.
            Ok(Some(Ok((_, Err(error))))) => failure = Failure::Connect(error.kind()),
            Ok(Some(Err(_))) => failure = Failure::Connect(io::ErrorKind::Interrupted),
            Ok(None) => return Err(failure),
            Err(_) if left == 0 => return Err(Failure::Timeout(Phase::Connect)),
            Err(_) => {}
        }
    }
}

/// The addresses with their families taking turns, each family in its order and the first address first (RFC 8305
/// section 4).
fn alternate(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = addresses.first().map(SocketAddr::is_ipv6);
    let (mut ones, mut others): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for address in addresses {
        if Some(address.is_ipv6()) == first { &mut ones } else { &mut others }.push(*address);
    }
    let mut others = others.into_iter();
    let mut all = Vec::with_capacity(addresses.len());
    for one in ones {
        all.push(one);
        all.extend(others.next());
    }
    all.extend(others);
    all
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    fn all(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(|address| SocketAddr::new(address.parse().unwrap(), 1)).collect()
    }

    #[test]
    fn families_take_turns() {
        for (given, expected) in [
            ("", ""),
            ("::1", "::1"),
            ("::1 ::2 ::3 1.0.0.1 1.0.0.2", "::1 1.0.0.1 ::2 1.0.0.2 ::3"),
            ("1.0.0.1 1.0.0.2 ::1", "1.0.0.1 ::1 1.0.0.2"),
            ("1.0.0.1 ::1 ::2 ::3", "1.0.0.1 ::1 ::2 ::3"),
        ] {
            assert_eq!(alternate(&all(given)), all(expected), "{given}");
        }
    }

    /// Listens, but takes no connection: whoever comes after the first few hears nothing.
    async fn deaf(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut taken = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            taken.push(stream);
        }
        (listener, taken)
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_costs_a_head_start() {
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = good.local_addr().map(|address| (good, address)).unwrap();
        let silent = SocketAddr::new("127.0.0.2".parse().unwrap(), good.1.port());
        let _deaf = deaf(silent).await;
        let start = Instant::now();
        let (_, peer) = connect(&[silent, good.1], start + Duration::from_secs(20)).await.unwrap();
        assert_eq!(peer, good.1);
        assert!(start.elapsed() >= HEAD_START && start.elapsed() < Duration::from_secs(10));
        // With little time, the share of each is shorter than a head start.
        let many = [silent, silent, silent, silent, good.1];
        assert_eq!(connect(&many, Instant::now() + Duration::from_millis(600)).await.unwrap().1, good.1);
        let late = connect(&[silent], Instant::now() + Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(late, Failure::Timeout(Phase::Connect));
    }

    #[tokio::test]
    async fn an_address_that_refuses_costs_nothing() {
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = good.local_addr().map(|address| (good, address)).unwrap();
        let refusing = SocketAddr::new("127.0.0.3".parse().unwrap(), good.1.port());
        let start = Instant::now();
        assert_eq!(connect(&[refusing, refusing, good.1], start + Duration::from_secs(20)).await.unwrap().1, good.1);
        assert!(start.elapsed() < HEAD_START);
        let refused = connect(&[refusing], start + Duration::from_secs(20)).await.unwrap_err();
        assert_eq!(refused, Failure::Connect(io::ErrorKind::ConnectionRefused));
        assert_eq!(connect(&[], start).await.unwrap_err(), Failure::Resolve);
    }
}
