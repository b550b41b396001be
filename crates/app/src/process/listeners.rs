//! The listening sockets: inherited from the service manager, or bound here.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use model::node::NodeRole;

use crate::config::{Config, Tls, Variables};

/// How many connections may wait to be accepted. The standard library's 128 overflow when many clients return at once.
const BACKLOG: i32 = 4096;

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenerError {
    /// The address cannot be bound.
    #[error("{name}.listen: cannot listen on {address}")]
    Bind {
        /// `gateway` or `admin`.
        name: &'static str,
        /// The address as configured.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What the service manager handed over is no listening socket.
    #[error("the socket that was handed over for {name} cannot be used")]
    Inherited {
        /// `gateway` or `admin`.
        name: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What the service manager handed over can be reached from other machines in plain text.
    #[error(
        "the socket that was handed over for {name} listens on {address}, which can be reached from other machines: \
         set {name}.tls, or {name}.allow_plaintext = true if plain text is meant"
    )]
    Plaintext {
        /// `gateway` or `admin`.
        name: &'static str,
        /// The address of the socket.
        address: SocketAddr,
    },
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The socket, in non-blocking mode.
    pub(crate) socket: TcpListener,
    /// The address in use, its port never 0.
    pub(crate) address: SocketAddr,
}

impl Listener {
    /// The gateway's listener, where the role has one, and that of the admin API: those that the service manager handed
    /// over, by the names `gateway` and `admin` or else in this order; for the others the configured addresses are bound.
    ///
    /// # Errors
    /// [`ListenerError`].
    pub(crate) fn of_role(
        role: NodeRole,
        config: &Config,
        variables: &Variables,
    ) -> Result<(Option<Self>, Self), ListenerError> {
        let mut handed = ListenFd::from_env();
        let names = variables.get("LISTEN_FDNAMES");
        let mut take = |name: &'static str, position, listen, tls: &Tls, allow_plaintext| {
            let inherited = |source| ListenerError::Inherited { name, source };
            let found = handed.take_tcp_listener(index(name, position, names)).map_err(inherited)?;
            let Some(socket) = found else {
                return Self::bind(listen).map_err(|source| ListenerError::Bind { name, address: listen, source });
            };
            let listener = Self::adopt(socket).map_err(inherited)?;
            let address = listener.address;
            if address.ip().is_loopback() || tls.files().is_some() || allow_plaintext {
                Ok(listener)
            } else {
                Err(ListenerError::Plaintext { name, address })
            }
        };
        let (gateway, admin) = (&config.gateway, &config.admin);
        let gateway = || take("gateway", 0, gateway.listen, &gateway.tls, gateway.allow_plaintext);
        let gateway = role.has_gateway().then(gateway).transpose()?;
        Ok((gateway, take("admin", 1, admin.listen, &admin.tls, admin.allow_plaintext)?))
    }

    /// Binds and listens.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        // Listening once more on the same socket only changes the length of its queue.
        rustix::net::listen(&socket, BACKLOG)?;
        Self::adopt(socket)
    }

    fn adopt(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The base URL to connect to: where the socket listens on every address, by way of loopback.
    pub(crate) fn url(&self, tls: bool) -> String {
        let scheme = if tls { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let loopback = SocketAddr::from(([127, 0, 0, 1], 0)).ip();
            let loopback6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0)).ip();
            address.set_ip(if address.is_ipv4() { loopback } else { loopback6 });
        }
        format!("{scheme}://{address}")
    }
}

/// Which of the handed sockets is the one called `name`. Unnamed sockets are called `unknown` by systemd.
fn index(name: &str, position: usize, names: Option<&str>) -> usize {
    let names = names.unwrap_or_default();
    let named = names.split(':').any(|one| one == "gateway" || one == "admin");
    if named { names.split(':').position(|one| one == name).unwrap_or(usize::MAX) } else { position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_zero_becomes_a_port() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(listener.address.port(), 0);
        assert_eq!(listener.url(false), format!("http://127.0.0.1:{}", listener.address.port()));
        let taken = Listener::bind(listener.address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let every = Listener::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        assert_eq!(every.url(true), format!("https://127.0.0.1:{}", every.address.port()));
    }

    #[test]
    fn handed_sockets_go_by_name_or_by_order() {
        let table = [
            (None, (0, 1)),
            (Some("unknown:unknown"), (0, 1)),
            (Some("admin:gateway"), (1, 0)),
            (Some("metrics:admin"), (usize::MAX, 1)),
        ];
        for (names, expected) in table {
            assert_eq!((index("gateway", 0, names), index("admin", 1, names)), expected, "{names:?}");
        }
    }
}
