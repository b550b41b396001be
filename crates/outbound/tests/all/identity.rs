//! The certificate that an upstream is shown: read whole or not at all, and never by a connection of another one.

use std::collections::HashMap;
use std::sync::Arc;

use model::secret::{Class, Kind, Limits, Secret, SecretValue, State};
use model::snapshot::{Bound, Opened, bind, opened};
use model::time::Timestamp;
use outbound::{Failure, Forwarder, IdentityError, PoolLimits, Tls, TlsFailure, TlsSettings, check_identity, prepare};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::tls::{Authority, send};

/// A certificate of its own, and its key.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["app".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn secret(id: &str, value: &str) -> Arc<Opened> {
    let secret = Secret {
        id: id.to_owned(),
        name: "cert".parse().unwrap(),
        kind: Kind::Certificate,
        class: Class::Standard,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: Limits { environments: None, allowed_hosts: None, sensitive: true },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: None,
        state: State::Active,
        fingerprint: String::new(),
        created_at: Timestamp::from_millis(0),
        created_by: String::new(),
        deleted_at: None,
        last_referenced_at: None,
        version: 1,
    };
    opened(secret, Some(SecretValue::new(value.to_owned())))
}

#[test]
fn a_chain_and_one_key_that_fit_can_be_shown() {
    let ((cert, key), (other, other_key)) = (pair(), pair());
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    let table = [
        (format!("{cert}{key}"), Ok(())),
        (format!("{key}{cert}{other}"), Ok(())),
        (format!("Bag Attributes\n{cert}\nwords\n{key}\n"), Ok(())),
        (format!("{other}{cert}{key}"), Err(IdentityError::OtherKey)),
        (format!("{cert}{other_key}"), Err(IdentityError::OtherKey)),
        (cert.clone(), Err(IdentityError::NoKey)),
        (format!("{cert}{key}{other_key}"), Err(IdentityError::NoKey)),
        (key.clone(), Err(IdentityError::NoCertificate)),
        ("text".to_owned(), Err(IdentityError::NoCertificate)),
        (format!("{key}{broken}"), Err(IdentityError::Unreadable)),
        (
            format!("{cert}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            Err(IdentityError::Unreadable),
        ),
    ];
    for (number, (text, expected)) in table.into_iter().enumerate() {
        assert_eq!(check_identity(&SecretValue::new(text)), expected, "{number}");
    }
}

#[test]
fn a_binding_whose_certificate_cannot_be_shown_sends_nothing() {
    let bound = |value: &str| -> Bound {
        let spec = json!({"name": "r", "base": {"upstream": "https://a.example", "tls": {"client_certificate": "cert"}},
            "environments": {"e": {}}});
        let secrets = HashMap::from([("cert".parse().unwrap(), secret("sec_1", value))]);
        let spec = serde_json::from_value(spec).unwrap();
        let mut bound = bind(&spec, &"e".parse().unwrap(), &secrets, &[], |_| Arc::default()).unwrap();
        prepare(&mut bound);
        bound
    };
    let (cert, key) = pair();
    assert!(bound(&format!("{cert}{key}")).injection.is_ok());
    assert_eq!(bound(&cert).injection.unwrap_err().code(), "secret-unusable");
}

#[tokio::test]
async fn connections_are_of_one_identity() {
    let authority = Authority::new("known");
    let server = authority.server("h.example", None).await;
    let forwarder = Forwarder::pooled(Arc::new(Tls::new()), PoolLimits::default())
        .with_resolver(super::server::fixed(&["127.0.0.1"]));
    let ((one, one_key), (two, two_key)) = (pair(), pair());
    let as_secret = |id, value: String| TlsSettings { identity: Some(secret(id, &value)), ..authority.settings() };
    let nobody = authority.settings();
    let (first, second) =
        (as_secret("sec_1", format!("{one}{one_key}")), as_secret("sec_2", format!("{two}{two_key}")));
    // The same secret in a later snapshot.
    let again = as_secret("sec_1", format!("{one}{one_key}"));
    for (tls, connections) in [(&nobody, 1), (&first, 2), (&first, 2), (&second, 3), (&again, 3), (&nobody, 3)] {
        send(&forwarder, &server, "h.example", tls).await.unwrap();
        assert_eq!(server.seen.connections(), connections, "{tls:?}");
    }
    let unusable = as_secret("sec_3", "nonsense".to_owned());
    let failed = send(&forwarder, &server, "h.example", &unusable).await;
    assert_eq!(failed, Err(Failure::Tls(TlsFailure::Identity)));
    assert!(!format!("{first:?}").contains("BEGIN"));
}

#[tokio::test]
async fn nothing_keeps_a_secret_that_its_snapshot_has_let_go() {
    let authority = Authority::new("known");
    let server = authority.server("h.example", None).await;
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new())).with_resolver(super::server::fixed(&["127.0.0.1"]));
    let (cert, key) = pair();
    for _ in 0..2 {
        let opened = secret("sec_1", &format!("{cert}{key}"));
        let held = Arc::downgrade(&opened);
        let tls = TlsSettings { identity: Some(opened), ..authority.settings() };
        send(&forwarder, &server, "h.example", &tls).await.unwrap();
        drop(tls);
        assert!(held.upgrade().is_none());
    }
}
