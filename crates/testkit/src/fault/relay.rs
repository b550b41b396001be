//! One connection of the forwarder: two lanes of bytes, which keep to the mode of the moment.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;

use super::{Mode, Shared, TICK};

/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Bytes held back in a lane at most; then the sender has to wait, as with a real network.
const HELD: usize = 1 << 20;

/// Relays until both directions have ended, or the connection fails or is cut.
pub(super) fn run(client: TcpStream, to: SocketAddr, number: u64, shared: &Shared) {
    let mut server = None;
    let _ = relay(&client, &mut server, to, number, shared);
    // What was ended in order is ended by now, and a reset changes nothing.
    for socket in [Some(&client), server.as_ref()].into_iter().flatten() {
        let _ = set_socket_linger(socket, Some(Duration::ZERO));
    }
}

fn relay(
    client: &TcpStream,
    server: &mut Option<TcpStream>,
    to: SocketAddr,
    number: u64,
    shared: &Shared,
) -> io::Result<()> {
    let (mut up, mut down) = (Lane::default(), Lane::default());
    while !(up.ended && down.ended) {
        let (mode, order) = shared.mode();
        let delay = match mode {
            // It is kept to once the reset is on its way, which is when this thread leaves.
            None | Some(Mode::Cut) => return Ok(()),
            Some(Mode::Slow { delay }) => delay,
            Some(_) => Duration::ZERO,
        };
        shared.keeps(number, order);
        if mode == Some(Mode::BlackHole) {
            shared.rest();
            continue;
        }
        let answers = mode != Some(Mode::LoseAnswers);
        let server = match server {
            Some(server) => server,
            None => server.insert(connect(client, to)?),
        };
        up.read(client, delay)?;
        up.write(server)?;
        if answers {
            down.read(server, delay)?;
            down.write(client)?;
        }
        let sleep = up.due().min(down.due());
        let mut from_server = interest(&down, &up);
        from_server.set(PollFlags::IN, answers && down.wants_more());
        wait(&[(client, interest(&up, &down)), (server, from_server)], sleep);
    }
    Ok(())
}

/// To the server, and makes both sockets ready for relaying.
fn connect(client: &TcpStream, to: SocketAddr) -> io::Result<TcpStream> {
    let server = TcpStream::connect_timeout(&to, CONNECT)?;
    for socket in [client, &server] {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
    }
    Ok(server)
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Lane {
    /// Pieces with the time from when they may arrive; an empty one is the end.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    held: usize,
    read_to_end: bool,
    /// The end has arrived, too.
    ended: bool,
}

impl Lane {
    fn read(&mut self, mut from: &TcpStream, delay: Duration) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while self.wants_more() {
            match from.read(&mut buffer) {
                Ok(count) => {
                    self.read_to_end = count == 0;
                    self.held += count;
                    self.pieces.push_back((Instant::now() + delay, buffer[..count].to_vec()));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn write(&mut self, mut to: &TcpStream) -> io::Result<()> {
        let now = Instant::now();
        while let Some((_, piece)) = self.pieces.front_mut().filter(|(due, _)| *due <= now) {
            if piece.is_empty() {
                to.shutdown(Shutdown::Write)?;
                self.ended = true;
            } else {
                match to.write(piece) {
                    Ok(count) => {
                        piece.drain(..count);
                        self.held -= count;
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(e) => return Err(e),
                }
                if !piece.is_empty() {
                    continue;
                }
            }
            self.pieces.pop_front();
        }
        Ok(())
    }

    fn wants_more(&self) -> bool {
        !self.read_to_end && self.held < HELD
    }

    /// How long to wait for the next piece at most.
    fn due(&self) -> Duration {
        let left = self.pieces.front().map(|(due, _)| due.saturating_duration_since(Instant::now()));
        // A piece that is due waits for the receiver, and not for a time.
        left.filter(|l| !l.is_zero()).unwrap_or(TICK).min(TICK)
    }

    fn waits_for_its_receiver(&self) -> bool {
        self.pieces.front().is_some_and(|(due, _)| *due <= Instant::now())
    }
}

/// What to wait for at a socket that the one lane reads and the other writes.
fn interest(reads: &Lane, writes: &Lane) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, reads.wants_more());
    flags.set(PollFlags::OUT, writes.waits_for_its_receiver());
    flags
}

/// Waits until one of the sockets is ready for what is asked of it, or for this time.
pub(super) fn wait<S: AsFd>(sockets: &[(S, PollFlags)], patience: Duration) {
    // One that is asked nothing would be ready all the time once its peer is gone.
    let asked = sockets.iter().filter(|(_, flags)| !flags.is_empty());
    let mut asked: Vec<PollFd<'_>> = asked.map(|(s, flags)| PollFd::new(s, *flags)).collect();
    if asked.is_empty() {
        thread::sleep(patience);
        return;
    }
    let patience = Timespec::try_from(patience).expect("milliseconds");
    // Interrupted or not: the caller looks again.
    let _ = poll(&mut asked, Some(&patience));
}
