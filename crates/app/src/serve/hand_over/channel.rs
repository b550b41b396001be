//! The way between two processes of one user: whole messages, and file descriptors along with them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::process::geteuid;

use super::Message;

/// The longest message; a full batch of counters is about a third of it.
const LONGEST: usize = 192 * 1024;

/// The most descriptors that come along with a message.
const DESCRIPTORS: usize = 2;

/// How long a message may take to go out.
const SEND: Duration = Duration::from_secs(10);

/// Where a running process can be found.
#[derive(Debug)]
pub(super) struct Door {
    socket: OwnedFd,
    path: PathBuf,
}

impl Door {
    /// Opens the door in place of one that a process before has left. For the holder of the directory's lock alone.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = socket()?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        rustix::net::listen(&socket, 8)?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// The next process of the same user that comes.
    pub(super) fn accept(&self) -> io::Result<Channel> {
        loop {
            let socket = rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC)?;
            match Channel::between(socket) {
                Ok(channel) => return Ok(channel),
                Err(error) => tracing::warn!(%error, "somebody else knocked at the door of the hand-over"),
            }
        }
    }

    /// Removes the name; only while nobody else can have taken it.
    pub(super) fn unlink(path: &Path) {
        // The next start removes what is left.
        let _ = std::fs::remove_file(path);
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A connection to the other process.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    peer: u32,
}

impl Channel {
    /// Knocks; `None` where nobody is there.
    pub(super) fn connect(path: &Path) -> io::Result<Option<Self>> {
        let socket = socket()?;
        match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
            Ok(()) => Self::between(socket).map(Some),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::CONNREFUSED) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sockets and counts go to processes of the same user, and come from such.
    fn between(socket: OwnedFd) -> io::Result<Self> {
        let peer = socket_peercred(&socket)?;
        if peer.uid != geteuid() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
        }
        set_socket_timeout(&socket, Timeout::Send, Some(SEND))?;
        Ok(Self { socket, peer: peer.pid.as_raw_nonzero().get().unsigned_abs() })
    }

    /// The id of the other process.
    pub(super) fn peer(&self) -> u32 {
        self.peer
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &Message, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("more descriptors than a message takes"));
        }
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next message; `None` where the other process is gone. Waits for ever without a `patience`.
    pub(super) fn receive(&self, patience: Option<Duration>) -> io::Result<Option<(Message, Vec<OwnedFd>)>> {
        set_socket_timeout(&self.socket, Timeout::Recv, patience)?;
        let mut bytes = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let flags = RecvFlags::CMSG_CLOEXEC;
            match rustix::net::recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Ok(None),
                received => break received?,
            }
        };
        if received.bytes == 0 {
            return Ok(None);
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::other("a message was cut off"));
        }
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(found) = message {
                descriptors.extend(found);
            }
        }
        let message = serde_json::from_slice(bytes.get(..received.bytes).unwrap_or_default())?;
        Ok(Some((message, descriptors)))
    }
}

fn socket() -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_socket_goes_through_the_door_and_a_silent_end_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door");
        assert!(Channel::connect(&path).unwrap().is_none());
        let door = Door::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let one = Channel::connect(&path).unwrap().unwrap();
        let other = door.accept().unwrap();
        assert_eq!((one.peer(), other.peer()), (std::process::id(), std::process::id()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let offer = Message::Offer { version: "1".to_owned(), gateway: false, managed: false };
        one.send(&offer, &[listener.as_fd()]).unwrap();
        one.send(&Message::Done, &[]).unwrap();
        let (message, mut descriptors) = other.receive(None).unwrap().unwrap();
        assert!(matches!(message, Message::Offer { gateway: false, .. }));
        let copy = TcpListener::from(descriptors.pop().unwrap());
        assert_eq!(copy.local_addr().unwrap(), listener.local_addr().unwrap());
        assert!(matches!(other.receive(None).unwrap(), Some((Message::Done, none)) if none.is_empty()));
        assert!(other.receive(Some(Duration::from_millis(50))).is_err(), "nothing came in time");
        drop(one);
        assert!(other.receive(None).unwrap().is_none());
        assert!(other.send(&Message::Done, &[]).is_err());
        drop(door);
        assert!(Channel::connect(&path).unwrap().is_none(), "a name that a process left behind is nobody's door");
        Door::open(&path).unwrap();
    }
}
