//! A body that the test writes piece by piece, while the answer is already under way.

use std::fmt;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long an answer waits for its next piece before it breaks off.
const PATIENCE: Duration = Duration::from_secs(30);

/// The test's end of an answer made by [`Answer::fed`](super::Answer::fed); dropping it ends the body.
#[derive(Debug)]
pub struct Feed(Sender<Vec<u8>>);

impl Feed {
    /// A feed and the pieces that will be sent through it.
    pub(super) fn new() -> (Self, Pieces) {
        let (sender, receiver) = mpsc::channel();
        (Self(sender), Pieces(Arc::new(Mutex::new(receiver))))
    }

    /// Sends this piece at once, as one chunk. That nobody reads any more shows at the reader's end.
    pub fn send(&self, piece: impl Into<Vec<u8>>) {
        let _ = self.0.send(piece.into());
    }
}

/// The answer's end: an answer is sent once, whatever number of clones it has.
#[derive(Clone)]
pub(super) struct Pieces(Arc<Mutex<Receiver<Vec<u8>>>>);

impl Pieces {
    /// The next piece; `None` once the feed was dropped.
    pub(super) fn next(&self) -> io::Result<Option<Vec<u8>>> {
        match self.0.lock().expect("no holder panics").recv_timeout(PATIENCE) {
            Ok(piece) => Ok(Some(piece)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pieces(…)")
    }
}
