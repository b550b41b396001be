//! Tables for upstreams and addresses.

use super::*;

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn upstreams_are_read_and_written() {
    // text, written, Host, base path
    for (text, written, host, base) in [
        ("https://api.stripe.com", "https://api.stripe.com", "api.stripe.com", ""),
        ("HTTPS://API.Stripe.COM/", "https://api.stripe.com", "api.stripe.com", ""),
        ("https://api.stripe.com:443/v1/", "https://api.stripe.com/v1", "api.stripe.com", "/v1"),
        ("https://api.stripe.com:8443/v1/x", "https://api.stripe.com:8443/v1/x", "api.stripe.com:8443", "/v1/x"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "127.0.0.1:9000", ""),
        ("http://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1", ""),
        ("http://[::1]:9000/a%20b", "http://[::1]:9000/a%20b", "[::1]:9000", "/a%20b"),
        ("http://localhost:9000", "http://localhost:9000", "localhost:9000", ""),
        ("http://10.1.2.3", "http://10.1.2.3", "10.1.2.3", ""),
        ("http://[fd12::7]", "http://[fd12::7]", "[fd12::7]", ""),
        ("https://169.254.169.254", "https://169.254.169.254", "169.254.169.254", ""),
        ("https://my_service-1.internal", "https://my_service-1.internal", "my_service-1.internal", ""),
        ("https://abc.de/~x/a;b=1", "https://abc.de/~x/a;b=1", "abc.de", "/~x/a;b=1"),
    ] {
        let upstream = Upstream::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(upstream.to_string(), written);
        assert_eq!(upstream.host_header(), host);
        assert_eq!(upstream.base_path(), base);
        assert_eq!(Upstream::parse(&upstream.to_string(), &[]).unwrap(), upstream);
    }
}

#[test]
fn a_request_target_is_the_base_path_and_its_own() {
    let upstream = Upstream::parse("https://h.example/base/", &[]).unwrap();
    assert_eq!(upstream.target("/v1/x?a=%2F"), "/base/v1/x?a=%2F");
    assert_eq!(Upstream::parse("https://h.example/", &[]).unwrap().target("/"), "/");
}

#[test]
fn what_is_no_upstream_is_refused() {
    use UpstreamError as E;
    for (text, error) in [
        ("", E::Scheme),
        ("api.stripe.com", E::Scheme),
        ("ftp://api.stripe.com", E::Scheme),
        ("https:api.stripe.com", E::Scheme),
        ("https://", E::HostMissing),
        ("https:///v1", E::HostMissing),
        ("https://:443", E::HostMissing),
        ("https://user@h.example", E::UserInfo),
        ("https://user:pw@h.example", E::UserInfo),
        ("https://h.example?x=1", E::Query),
        ("https://h.example/#x", E::Fragment),
        ("https://h.example /x", E::Character),
        ("https://bücher.example", E::Character),
        ("https://h.example/\n", E::Character),
        ("https://h.example.", E::TrailingDot),
        ("http://localhost.", E::TrailingDot),
        ("https://h..example", E::Host),
        ("https://-h.example", E::Host),
        ("https://h%2eexample", E::Host),
        ("https://h.example:1:2", E::Host),
        ("https://::1", E::Host),
        ("https://[::1", E::Host),
        ("https://[::1]x", E::Host),
        ("https://[fe80::1%eth0]", E::Host),
        ("https://h.example:", E::Port),
        ("https://h.example:0", E::Port),
        ("https://h.example:080", E::Port),
        ("https://h.example:+80", E::Port),
        ("https://h.example:65536", E::Port),
        // One address in another spelling.
        ("http://127.1", E::NotCanonical),
        ("http://2130706433", E::NotCanonical),
        ("http://0x7f000001", E::NotCanonical),
        ("http://0x7f.0.0.1", E::NotCanonical),
        ("http://127.0.0.0x1", E::NotCanonical),
        ("http://0177.0.0.1", E::NotCanonical),
        ("http://127.0.0.01", E::NotCanonical),
        ("http://127.0.0.256", E::NotCanonical),
        ("https://1.2.3.4.5", E::NotCanonical),
        ("https://example.123", E::NotCanonical),
        ("http://[::ffff:127.0.0.1]", E::NotCanonical),
        ("http://[::ffff:7f00:1]", E::NotCanonical),
        ("http://[0:0:0:0:0:0:0:1]", E::NotCanonical),
        ("http://127.0.0.1.", E::TrailingDot),
        ("http://0.0.0.0", E::Unusable(AddressClass::Unspecified)),
        ("https://[::]", E::Unusable(AddressClass::Unspecified)),
        ("https://224.0.0.1", E::Unusable(AddressClass::Multicast)),
        ("https://255.255.255.255", E::Unusable(AddressClass::Broadcast)),
        ("https://h.example/a/../b", E::Path),
        ("https://h.example/a/%2E%2e/b", E::Path),
        ("https://h.example/..;x/b", E::Path),
        ("https://h.example/.", E::Path),
        ("https://h.example/a%2fb", E::Path),
        ("https://h.example/a%5Cb", E::Path),
        ("https://h.example/a%252fb", E::Path),
        ("https://h.example\\x", E::Path),
        ("https://h.example/%zz", E::Path),
        ("https://h.example/%2", E::Path),
        ("https://h.example/{{x}}", E::Path),
        ("http://api.stripe.com", E::PlainToName),
        ("http://8.8.8.8", E::PlainToPublic),
        ("http://169.254.169.254", E::PlainToPublic),
        ("http://[2606:4700::1111]", E::PlainToPublic),
    ] {
        assert_eq!(Upstream::parse(text, &[]).map(|found| found.to_string()), Err(error), "{text}");
    }
    assert_eq!(Upstream::parse(&format!("https://h.example/{}", "a".repeat(2048)), &[]), Err(E::TooLong));
}

#[test]
fn own_networks_allow_plain_text_by_name() {
    let own = nets(&["10.0.0.0/8", "8.8.8.0/24"]);
    assert!(Upstream::parse("http://billing.internal", &own).is_ok());
    assert!(Upstream::parse("http://8.8.8.8", &own).is_ok());
    assert_eq!(Upstream::parse("http://8.8.4.4", &own), Err(UpstreamError::PlainToPublic));
}

#[test]
fn addresses_are_classified() {
    use AddressClass as C;
    for (address, class) in [
        ("8.8.8.8", C::Public),
        ("127.0.0.1", C::Loopback),
        ("127.255.0.9", C::Loopback),
        ("10.0.0.1", C::Private),
        ("172.15.0.1", C::Public),
        ("172.16.0.1", C::Private),
        ("172.31.255.255", C::Private),
        ("172.32.0.1", C::Public),
        ("192.168.1.1", C::Private),
        ("169.254.1.1", C::LinkLocal),
        ("169.254.169.254", C::Metadata),
        ("169.254.170.2", C::Metadata),
        ("100.100.100.200", C::Metadata),
        ("100.63.0.1", C::Public),
        ("100.64.0.1", C::Shared),
        ("100.127.255.255", C::Shared),
        ("100.128.0.1", C::Public),
        ("0.0.0.0", C::Unspecified),
        ("0.1.2.3", C::Unspecified),
        ("224.0.0.1", C::Multicast),
        ("255.255.255.255", C::Broadcast),
        ("240.0.0.1", C::Reserved),
        ("192.0.2.1", C::Reserved),
        ("198.18.0.1", C::Reserved),
        ("203.0.113.9", C::Reserved),
        ("::", C::Unspecified),
        ("::1", C::Loopback),
        ("fe80::1", C::LinkLocal),
        ("febf::1", C::LinkLocal),
        ("fc00::1", C::Private),
        ("fdff::1", C::Private),
        ("fec0::1", C::Private),
        ("fd00:ec2::254", C::Metadata),
        ("ff02::1", C::Multicast),
        ("2606:4700::1111", C::Public),
        ("2001:db8::1", C::Reserved),
        ("2001:0:7f00:1::", C::Reserved),
        ("100::1", C::Reserved),
        // An IPv4 address inside is what counts.
        ("::ffff:127.0.0.1", C::Loopback),
        ("::ffff:169.254.169.254", C::Metadata),
        ("::ffff:8.8.8.8", C::Public),
        ("::127.0.0.1", C::Loopback),
        ("::ffff:0:10.0.0.1", C::Private),
        ("64:ff9b::10.0.0.1", C::Private),
        ("64:ff9b::169.254.169.254", C::Metadata),
        ("64:ff9b::8.8.8.8", C::Public),
        ("64:ff9b:1::10.0.0.1", C::Reserved),
        ("2002:7f00:1::", C::Loopback),
        ("2002:a00:1::", C::Private),
        ("2002:808:808::", C::Public),
    ] {
        assert_eq!(classify(ip(address)), class, "{address}");
    }
}

#[test]
fn what_may_be_dialled() {
    use AddressClass as C;
    const OWN: &[&str] = &["10.0.0.0/8", "fd12::/16"];
    // upstream, address, own networks, verdict
    type Row = (&'static str, &'static str, &'static [&'static str], Result<(), Refused>);
    let table: &[Row] = &[
        ("https://h.example", "8.8.8.8", &[], Ok(())),
        ("https://h.example", "2606:4700::1111", &[], Ok(())),
        ("https://h.example", "127.0.0.1", &[], Err(Refused::NotPublic(C::Loopback))),
        ("https://h.example", "::ffff:127.0.0.1", &[], Err(Refused::NotPublic(C::Loopback))),
        ("https://h.example", "64:ff9b::7f00:1", &[], Err(Refused::NotPublic(C::Loopback))),
        ("https://h.example", "64:ff9b::a9fe:a9fe", &[], Err(Refused::NotPublic(C::Metadata))),
        ("https://h.example", "64:ff9b::808:808", &[], Ok(())),
        ("https://h.example", "64:ff9b:1::808:808", &[], Err(Refused::NotPublic(C::Reserved))),
        ("https://h.example", "2002:a9fe:a9fe::1", &[], Err(Refused::NotPublic(C::Metadata))),
        ("https://h.example", "2002:c0a8:101::1", &[], Err(Refused::NotPublic(C::Private))),
        ("https://h.example", "2002:808:808::1", &[], Ok(())),
        // Teredo hides a client's address in its last bits: none of it is dialled.
        ("https://h.example", "2001:0:808:808::f5ff:fffe", &[], Err(Refused::NotPublic(C::Reserved))),
        ("https://h.example", "::10.0.0.1", &[], Err(Refused::NotPublic(C::Private))),
        ("https://h.example", "::ffff:0:169.254.169.254", &[], Err(Refused::NotPublic(C::Metadata))),
        ("https://h.example", "64:ff9b::a01:203", OWN, Err(Refused::NotPublic(C::Private))),
        ("https://h.example", "10.1.2.3", &[], Err(Refused::NotPublic(C::Private))),
        ("https://h.example", "169.254.169.254", &[], Err(Refused::NotPublic(C::Metadata))),
        ("https://h.example", "100.64.0.1", &[], Err(Refused::NotPublic(C::Shared))),
        ("https://h.example", "0.0.0.0", &["0.0.0.0/0"], Err(Refused::Unusable(C::Unspecified))),
        ("https://h.example", "10.1.2.3", OWN, Ok(())),
        ("https://h.example", "::ffff:10.1.2.3", OWN, Ok(())),
        ("https://h.example", "fd12::1", OWN, Ok(())),
        ("https://h.example", "192.168.0.1", OWN, Err(Refused::NotPublic(C::Private))),
        ("https://10.1.2.3", "10.1.2.3", &[], Ok(())),
        ("https://10.1.2.3", "10.1.2.4", OWN, Err(Refused::Elsewhere)),
        ("https://169.254.169.254", "169.254.169.254", &[], Ok(())),
        ("http://127.0.0.1:1", "127.0.0.1", &[], Ok(())),
        ("http://127.0.0.1:1", "127.0.0.2", &[], Err(Refused::Elsewhere)),
        ("http://localhost:1", "127.0.0.1", &[], Ok(())),
        ("http://localhost:1", "::1", &[], Ok(())),
        ("http://localhost:1", "10.1.2.3", OWN, Err(Refused::Elsewhere)),
        ("http://localhost:1", "8.8.8.8", &[], Err(Refused::Elsewhere)),
        ("http://h.internal", "10.1.2.3", OWN, Ok(())),
        ("http://h.internal", "8.8.8.8", OWN, Err(Refused::PlainText)),
        ("http://h.internal", "127.0.0.1", OWN, Err(Refused::NotPublic(C::Loopback))),
    ];
    for (upstream, address, networks, verdict) in table {
        // A route saved while more was allowed is checked against what is allowed now.
        let parsed = Upstream::parse(upstream, &nets(OWN)).unwrap();
        assert_eq!(may_dial(&parsed, ip(address), &nets(networks)), *verdict, "{upstream} at {address}");
    }
}
