//! What kind of place a network address is, and whether a request with credentials may be sent there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Host, Scheme, Upstream};

/// What kind of place an address is. An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4) is
/// judged by the IPv4 address, because that is where the packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Anywhere on the internet.
    Public,
    /// This machine: 127.0.0.0/8, ::1.
    Loopback,
    /// This link: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// A network of one's own: RFC 1918, fc00::/7, fec0::/10.
    Private,
    /// Shared between a carrier's customers: 100.64.0.0/10 (RFC 6598).
    Shared,
    /// A cloud's metadata service, which hands out that machine's own credentials.
    Metadata,
    /// No address at all: 0.0.0.0/8, ::.
    Unspecified,
    /// A group of machines: 224.0.0.0/4, ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// Set aside by IANA: documentation, benchmarks, protocol assignments, Teredo, the future.
    Reserved,
}

impl AddressClass {
    /// Whether no single server can be there, so that naming it literally does not help either.
    #[must_use]
    pub fn is_unusable(self) -> bool {
        matches!(self, Self::Unspecified | Self::Multicast | Self::Broadcast)
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Metadata => "metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
        })
    }
}

/// Why an address is not dialled. The texts name the kind of the address, never the address: they reach callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A name led to an address that is not public.
    #[error(
        "the upstream's name leads to a {0} address; name the address itself in the route, \
         or allow its network in gateway.allow_private_upstreams"
    )]
    NotPublic(AddressClass),
    /// `localhost` led somewhere else, or an address was dialled that the upstream does not name.
    #[error("the address is not the one that the upstream names")]
    Elsewhere,
    /// No server can be there.
    #[error("the upstream's name leads to an address that no server can have ({0})")]
    Unusable(AddressClass),
    /// Plain text would leave for a public address.
    #[error("plain http is only sent to loopback and private addresses; use https")]
    PlainText,
}

/// What kind of place an address is.
#[must_use]
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(ip) => classify_v4(ip),
        IpAddr::V6(ip) => classify_v6(ip),
    }
}

fn classify_v4(ip: Ipv4Addr) -> AddressClass {
    match ip.octets() {
        // Amazon, Google, Azure and others; Amazon's container credentials; Alibaba; Oracle.
        [169, 254, 169, 254] | [169, 254, 170, 2 | 23] | [100, 100, 100, 200] | [192, 0, 0, 192] => {
            AddressClass::Metadata
        }
        [0, ..] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [169, 254, ..] => AddressClass::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::Shared,
        [255, 255, 255, 255] => AddressClass::Broadcast,
        [224..=239, ..] => AddressClass::Multicast,
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

fn classify_v6(ip: Ipv6Addr) -> AddressClass {
    if let Some(inner) = embedded_v4(ip) {
        return classify_v4(inner);
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        // Amazon's and Google's metadata services.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => AddressClass::Metadata,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => AddressClass::Private,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        // Global unicast is 2000::/3; of it Teredo and other protocol assignments, ORCHID and documentation are not.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressClass::Reserved,
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        _ => AddressClass::Reserved,
    }
}

/// The IPv4 address that an IPv6 address stands for, where it does.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match ip.segments() {
        // :: and ::1 are their own kinds, not IPv4-compatible addresses.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(from(high, low)),
        // Translated (SIIT) and NAT64.
        [0, 0, 0, 0, 0xffff, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        // 6to4.
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// The address in the family in which packets for it are sent.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn covered(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Whether plain text may be sent to the address.
pub(super) fn plain_may_reach(address: IpAddr, allow_private: &[IpNet]) -> bool {
    let private = matches!(classify(address), AddressClass::Loopback | AddressClass::Private | AddressClass::Shared);
    private || covered(canonical(address), allow_private)
}

/// Whether a request for this upstream may be sent to this address: asked for the very address that is dialled,
/// after DNS, so that a name cannot be checked as one address and dialled as another.
///
/// Addresses that are not public are refused unless the upstream names the address itself, or is `localhost` and
/// the address is loopback, or `allow_private` covers it.
///
/// # Errors
/// [`Refused`], saying which rule.
pub fn may_dial(upstream: &Upstream, address: IpAddr, allow_private: &[IpNet]) -> Result<(), Refused> {
    let address = canonical(address);
    let class = classify(address);
    if class.is_unusable() {
        return Err(Refused::Unusable(class));
    }
    match upstream.host() {
        Host::Ip(named) if *named == address => {}
        Host::Ip(_) => return Err(Refused::Elsewhere),
        Host::Name(_) if upstream.is_localhost() => {
            if class != AddressClass::Loopback {
                return Err(Refused::Elsewhere);
            }
        }
        Host::Name(_) => {
            if class != AddressClass::Public && !covered(address, allow_private) {
                return Err(Refused::NotPublic(class));
            }
        }
    }
    if upstream.scheme() == Scheme::Http && !plain_may_reach(address, allow_private) {
        return Err(Refused::PlainText);
    }
    Ok(())
}
