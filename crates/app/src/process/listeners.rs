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
    /// The process that runs listens elsewhere.
    #[error(
        "{name}.listen is {configured}, and the running process listens on {actual}, which a take-over keeps: restart, or \
         set the address back"
    )]
    Moved {
        /// `gateway` or `admin`.
        name: &'static str,
        /// The address as configured.
        configured: SocketAddr,
        /// The address of the socket.
        actual: SocketAddr,
    },
    /// The process that runs has another role.
    #[error("node.role was changed: one of the two processes has a gateway and the other has none, so restart")]
    Role,
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The socket, in non-blocking mode.
    pub(crate) socket: TcpListener,
    /// The address in use, its port never 0.
    pub(crate) address: SocketAddr,
    /// Whether a service manager chose the address.
    pub(crate) managed: bool,
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
            let listener = Self { managed: true, ..Self::adopt(socket).map_err(inherited)? };
            listener.checked(name, tls, allow_plaintext)
        };
        let (gateway, admin) = (&config.gateway, &config.admin);
        let gateway = || take("gateway", 0, gateway.listen, &gateway.tls, gateway.allow_plaintext);
        let gateway = role.has_gateway().then(gateway).transpose()?;
        Ok((gateway, take("admin", 1, admin.listen, &admin.tls, admin.allow_plaintext)?))
    }

    /// The same for the sockets of a process that this one takes over from.
    ///
    /// # Errors
    /// [`ListenerError`], also where the configuration asks for others.
    pub(crate) fn of_another(
        role: NodeRole,
        config: &Config,
        given: Given,
    ) -> Result<(Option<Self>, Self), ListenerError> {
        let Given { gateway, admin, managed } = given;
        if role.has_gateway() != gateway.is_some() {
            return Err(ListenerError::Role);
        }
        let take = |name: &'static str, socket, configured: SocketAddr, tls: &Tls, allow_plaintext| {
            let adopted = Self::adopt(socket).map_err(|source| ListenerError::Inherited { name, source })?;
            let actual = adopted.address;
            if !managed && !fits(configured, actual) {
                return Err(ListenerError::Moved { name, configured, actual });
            }
            Self { managed, ..adopted }.checked(name, tls, allow_plaintext)
        };
        let of_gateway = &config.gateway;
        let gateway = gateway
            .map(|socket| take("gateway", socket, of_gateway.listen, &of_gateway.tls, of_gateway.allow_plaintext));
        let of_admin = &config.admin;
        let admin = take("admin", admin, of_admin.listen, &of_admin.tls, of_admin.allow_plaintext)?;
        Ok((gateway.transpose()?, admin))
    }

    fn checked(self, name: &'static str, tls: &Tls, allow_plaintext: bool) -> Result<Self, ListenerError> {
        let address = self.address;
        if address.ip().is_loopback() || tls.files().is_some() || allow_plaintext {
            Ok(self)
        } else {
            Err(ListenerError::Plaintext { name, address })
        }
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
        // A successor is given the sockets over the hand-over alone: a second copy would outlive their use there.
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, managed: false })
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

/// The sockets of a process that runs.
#[derive(Debug)]
pub(crate) struct Given {
    /// The gateway's, where it has one.
    pub(crate) gateway: Option<TcpListener>,
    /// That of the admin API.
    pub(crate) admin: TcpListener,
    /// Whether a service manager chose their addresses, rather than the configuration.
    pub(crate) managed: bool,
}

impl Given {
    /// Copies of the sockets of this process.
    ///
    /// # Errors
    /// Where there are too many open files.
    pub(crate) fn copies(gateway: Option<&Listener>, admin: &Listener) -> io::Result<Self> {
        let gateway = gateway.map(|listener| listener.socket.try_clone()).transpose()?;
        Ok(Self { gateway, admin: admin.socket.try_clone()?, managed: admin.managed })
    }
}

/// Whether a socket that listens on `actual` is what a configuration with `configured` asks for.
fn fits(configured: SocketAddr, actual: SocketAddr) -> bool {
    configured.ip() == actual.ip() && (configured.port() == 0 || configured.port() == actual.port())
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
    fn port_zero_fits_every_port_and_nothing_else_does() {
        let table = [
            ("127.0.0.1:0", "127.0.0.1:81", true),
            ("127.0.0.1:81", "127.0.0.1:81", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("0.0.0.0:0", "127.0.0.1:81", false),
        ];
        for (configured, actual, expected) in table {
            assert_eq!(fits(configured.parse().unwrap(), actual.parse().unwrap()), expected, "{configured} {actual}");
        }
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
