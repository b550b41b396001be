//! Ports that can be taken again after they were given up.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};

/// Below the ports that the kernel hands out by itself (from 32768): one of those could be gone
/// when a server that was stopped wants it back.
const FIRST: u64 = 20_000;
const COUNT: u64 = 12_000;

/// A free loopback port; different from the latest ones given to this process.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Test processes start at different places, so that they seldom try the same port.
    let own = u64::from(std::process::id()).wrapping_mul(7_919);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + own.wrapping_add(step) % COUNT;
        let port = u16::try_from(port).expect("under 32000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} to {} is free", FIRST + COUNT);
}
