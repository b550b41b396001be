//! First starts, later starts, and starts without the right key file.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use model::secret::SecretValue;
use zeroize::Zeroizing;

use super::*;
use crate::ambient::{SystemClock, SystemEntropy};

struct Place {
    dir: tempfile::TempDir,
    store: Store,
    token: Option<BootstrapToken>,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = store::DatabaseUrl::SqliteFile(dir.path().join("keyroll.db"));
        let store = Store::open(&url, SystemClock.now(), "inc_test".to_owned()).await.unwrap();
        Self { dir, store, token: None }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn start(&self) -> Result<Ready, BootstrapError> {
        let bootstrap = Bootstrap {
            store: &self.store,
            clock: &SystemClock,
            entropy: &SystemEntropy,
            kek_file: &self.file("kek"),
            token_file: &self.file("admin-token"),
            token: self.token.as_ref(),
        };
        bootstrap.run().await
    }
}

fn given(text: &str) -> Option<BootstrapToken> {
    Some(BootstrapToken(Zeroizing::new(text.to_owned())))
}

/// `Ready` has no `Debug`, since it holds keys.
fn refused(result: Result<Ready, BootstrapError>) -> BootstrapError {
    result.err().expect("a refusal")
}

#[tokio::test]
async fn the_first_start_makes_everything_and_the_second_nothing() {
    let place = Place::new().await;
    std::fs::write(place.file("admin-token"), "of a start that was interrupted").unwrap();
    let ready = place.start().await.unwrap();
    let first = ready.first.unwrap();
    assert!(first.written);
    for name in ["kek", "admin-token"] {
        let mode = std::fs::metadata(place.file(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    let text = std::fs::read_to_string(place.file("admin-token")).unwrap();
    assert!(model::token::well_formed(text.trim_end(), model::token::ADMIN_TOKEN));

    let read = place.store.read().await.unwrap();
    assert_eq!((read.position().revision, read.position().audit_size), (1, 1));
    let token = read.token_by_digest(&envelope::token::digest(text.trim_end())).await.unwrap().unwrap();
    assert_eq!((token.role, token.expires_at), (Role::Admin, Some(first.expires_at)));
    assert_eq!(Span::between(token.created_at, first.expires_at), Span::from_hours(24));
    let environments: Vec<String> = read
        .environments()
        .await
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {} {}", one.name, one.rank, one.protected, one.default))
        .collect();
    assert_eq!(environments, ["development 0 false false", "staging 1 false false", "production 2 true true"]);
    let events = read.audit_export(0, 10).await.unwrap();
    assert!(events.iter().all(|event| !event.record.contains(text.trim_end())));
    drop(read);

    let again = place.start().await.unwrap();
    assert_eq!(again.first, None);
    assert_eq!(place.store.read().await.unwrap().position().revision, 1);
    let value = SecretValue::new("sk_live_value".to_owned());
    assert_eq!(again.fingerprints.fingerprint(&value), ready.fingerprints.fingerprint(&value));
}

#[tokio::test]
async fn the_environment_may_name_the_first_token() {
    let mut place = Place::new().await;
    for unfit in [
        "31-characters-are-one-too-few..",
        "with a space and long enough for it",
        "línea-de-más-de-treinta-y-dos-bytes",
    ] {
        place.token = given(unfit);
        let error = refused(place.start().await);
        assert!(matches!(error, BootstrapError::Token) && !error.to_string().contains(unfit));
    }
    assert!(!place.file("kek").exists());
    let token = "32-characters-are-just-enough...";
    place.token = given(token);
    let first = place.start().await.unwrap().first.unwrap();
    assert!(!first.written && !place.file("admin-token").exists());
    let read = place.store.read().await.unwrap();
    assert!(read.token_by_digest(&envelope::token::digest(token)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_missing_or_foreign_key_file_is_never_replaced() {
    let place = Place::new().await;
    place.start().await.unwrap();
    let (kek, aside) = (place.file("kek"), place.file("aside"));
    std::fs::rename(&kek, &aside).unwrap();
    let error = refused(place.start().await);
    assert!(matches!(error, BootstrapError::KekMissing { .. }), "{error}");
    assert!(!kek.exists());

    kek_file::create(&kek, &SystemEntropy, SystemClock.now()).unwrap();
    let error = refused(place.start().await);
    assert!(matches!(error, BootstrapError::KekLacks { .. }), "{error}");

    std::fs::rename(&aside, &kek).unwrap();
    assert!(place.start().await.is_ok(), "with its own file it starts again");
}

#[tokio::test]
async fn an_altered_fingerprint_key_is_noticed() {
    let place = Place::new().await;
    place.start().await.unwrap();
    let permit = authorize(&Actor::system("test"), [Need::Administer]).unwrap();
    let event = Event::done(&permit, &Origin::local(), SystemClock.now(), "test", "system".to_owned());
    let mut tx = place.store.begin(&permit).await.unwrap();
    let mut key = tx.fingerprint_key().await.unwrap().unwrap();
    key.bytes[20] ^= 1;
    tx.set_fingerprint_key(&key).await.unwrap();
    tx.commit(event).await.unwrap();
    assert!(matches!(refused(place.start().await), BootstrapError::FingerprintKey { .. }));
}

#[tokio::test]
async fn a_token_from_the_environment_counts_again_only_when_no_admin_is_left() {
    let mut place = Place::new().await;
    place.start().await.unwrap();
    place.token = given("a-second-token-of-more-than-32-characters");
    assert!(place.start().await.unwrap().first.is_none(), "an admin is live");

    let permit = authorize(&Actor::system("test"), [Need::Administer]).unwrap();
    let mut tx = place.store.begin(&permit).await.unwrap();
    let id = tx.tokens().await.unwrap()[0].id.clone();
    tx.revoke_token(&id, SystemClock.now()).await.unwrap();
    let event = Event::done(&permit, &Origin::local(), SystemClock.now(), "test", "token".to_owned());
    tx.commit(event).await.unwrap();

    let first = place.start().await.unwrap().first.unwrap();
    assert!(!first.written);
    let digest = envelope::token::digest("a-second-token-of-more-than-32-characters");
    let token = place.store.read().await.unwrap().token_by_digest(&digest).await.unwrap().unwrap();
    assert_eq!((token.role, token.name.as_str()), (Role::Admin, "recovery"));

    // Once ended, the same token is not taken a second time, and the node starts all the same.
    let mut tx = place.store.begin(&permit).await.unwrap();
    tx.revoke_token(&token.id, SystemClock.now()).await.unwrap();
    let event = Event::done(&permit, &Origin::local(), SystemClock.now(), "test", "token".to_owned());
    tx.commit(event).await.unwrap();
    assert!(place.start().await.unwrap().first.is_none());
}

#[tokio::test]
async fn the_token_of_a_first_start_that_failed_stays_until_the_next() {
    let place = Place::new().await;
    let other = rusqlite::Connection::open(place.file("keyroll.db")).unwrap();
    other
        .execute_batch("CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'on purpose'); END")
        .unwrap();
    assert!(matches!(refused(place.start().await), BootstrapError::Store(_)));
    let token = || std::fs::read_to_string(place.file("admin-token")).unwrap();
    let of_the_failed = token();
    assert_eq!(place.store.read().await.unwrap().position().revision, 0);

    other.execute_batch("DROP TRIGGER refuse").unwrap();
    assert!(place.start().await.unwrap().first.unwrap().written);
    let read = place.store.read().await.unwrap();
    for (text, opens) in [(of_the_failed, false), (token(), true)] {
        let found = read.token_by_digest(&envelope::token::digest(text.trim_end())).await.unwrap();
        assert_eq!(found.is_some(), opens);
    }
}

#[tokio::test]
async fn a_look_tells_whether_a_first_start_was_committed() {
    let place = Place::new().await;
    let ready = place.start().await.unwrap();
    let committed = stored(&place.store.read().await.unwrap()).await.unwrap().unwrap();
    let other = FingerprintKey::generate(&SystemEntropy).wrap(&ready.keyring, &SystemEntropy);
    let unsure = || StoreError::Unavailable("the connection ended".to_owned());
    let (kek_file, token_file) = (&place.file("kek"), &place.file("admin-token"));
    let (clock, entropy) = (&SystemClock, &SystemEntropy);
    let bootstrap = Bootstrap { store: &place.store, clock, entropy, kek_file, token_file, token: None };
    assert!(bootstrap.settle(&committed, unsure()).await.is_ok());
    let error = bootstrap.settle(&other, unsure()).await.unwrap_err();
    assert!(matches!(error, BootstrapError::Store(StoreError::Unavailable(_))), "{error}");
}

/// The fingerprint key `00 01 02 … 1f`, wrapped under a KEK of zeros as it was before rows were sealed.
const WRAPPED_BEFORE_SEALS: &str = "202122232425262728292a2bae432c8cc05eff825333b76cbea78df13ba1b77e5fae9ff27d9bab8143d651a501e67a4e66e95dea398dfd3f5f01f662";

#[tokio::test]
async fn a_database_from_before_there_were_seals_gets_them_once() {
    let place = Place::new().await;
    let kek = format!("kek_a {}=\n", "A".repeat(43));
    write_private(&place.file("kek"), &kek).unwrap();
    place.start().await.unwrap();
    let unseal = async || {
        let raw = rusqlite::Connection::open(place.file("keyroll.db")).unwrap();
        raw.execute_batch("UPDATE environments SET seal = NULL; UPDATE tokens SET seal = NULL").unwrap();
    };
    let tampered = async || place.store.read().await.unwrap().tampered_rows().await.unwrap().len();
    unseal().await;
    let permit = authorize(&Actor::system("test"), [Need::Administer]).unwrap();
    let mut tx = place.store.begin(&permit).await.unwrap();
    let digits = WRAPPED_BEFORE_SEALS.as_bytes().chunks(2);
    let bytes = digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect();
    tx.set_fingerprint_key(&WrappedFingerprintKey { bytes, kek_id: "kek_a".to_owned() }).await.unwrap();
    tx.commit(Event::done(&permit, &Origin::local(), SystemClock.now(), "test", "test".to_owned())).await.unwrap();

    place.start().await.unwrap();
    assert_eq!(tampered().await, 0, "sealed at the first start that knows of seals");
    let revision = place.store.read().await.unwrap().position().revision;
    unseal().await;
    place.start().await.unwrap();
    assert_eq!(tampered().await, 4, "and never again: whoever takes seals away gets no others for it");
    assert_eq!(place.store.read().await.unwrap().position().revision, revision);
}
