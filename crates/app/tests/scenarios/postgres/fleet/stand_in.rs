//! A stand-in for a third party that knows at any moment which credentials it takes, and remembers each that it was shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use testkit::{Answer, Recorded, Upstream};

/// What a value is worth at the stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It opens its account.
    Valid,
    /// It never did: somebody mistyped it.
    Wrong,
    /// It did, and does no more.
    Revoked,
}

/// A value that the stand-in has heard of.
struct Known {
    /// The route that may show it.
    route: String,
    worth: Worth,
    /// What an answer tells instead of the value, which the guard would mask.
    number: usize,
}

/// What requests have shown.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Shown {
    /// A value that was valid at that moment.
    pub(super) valid: u64,
    /// A wrong one of a rotation, from which the gateway has to save its client.
    pub(super) wrong: u64,
}

#[derive(Default)]
struct Book {
    values: RwLock<HashMap<String, Known>>,
    shown: Mutex<Shown>,
    faults: Mutex<Vec<String>>,
}

/// The server with its book.
pub(super) struct StandIn {
    upstream: Upstream,
    book: Arc<Book>,
}

impl StandIn {
    pub(super) fn start() -> Self {
        let book = Arc::new(Book::default());
        let answering = Arc::clone(&book);
        Self { upstream: Upstream::start(move |request| answering.answer(request)), book }
    }

    pub(super) fn url(&self) -> String {
        self.upstream.url()
    }

    /// Takes up a value, and answers its number.
    pub(super) fn learn(&self, route: &str, value: &str, worth: Worth) -> usize {
        let mut values = self.book.values.write().unwrap();
        let number = values.len();
        values.insert(value.to_owned(), Known { route: route.to_owned(), worth, number });
        number
    }

    /// From now on whoever shows this value is refused, and noted.
    pub(super) fn revoke(&self, value: &str) {
        self.book.values.write().unwrap().get_mut(value).unwrap().worth = Worth::Revoked;
    }

    pub(super) fn shown(&self) -> Shown {
        *self.book.shown.lock().unwrap()
    }

    /// What nobody should ever have been shown.
    pub(super) fn faults(&self) -> Vec<String> {
        self.book.faults.lock().unwrap().clone()
    }

    /// Forgets the bytes that were received; what they have shown stays noted.
    pub(super) fn forget_bytes(&self) {
        self.upstream.clear();
    }
}

impl Book {
    /// The request's target is `/ROUTE/…`. What a value is worth is looked up once, so that it is one moment's.
    fn answer(&self, request: &Recorded) -> Answer {
        let route = request.target.split('/').nth(1).unwrap_or_default();
        let bearer = request.header("authorization").unwrap_or_default();
        let value = bearer.trim_start_matches("Bearer ");
        let found =
            self.values.read().unwrap().get(value).map(|known| (known.worth, known.number, known.route == route));
        match found {
            Some((Worth::Valid, number, true)) => {
                self.shown.lock().unwrap().valid += 1;
                Answer::text(200, number.to_string())
            }
            Some((Worth::Wrong, _, true)) => {
                self.shown.lock().unwrap().wrong += 1;
                Answer::text(401, "who are you?")
            }
            other => {
                let fault = format!("{} was shown {other:?} in {:?}", request.target, request.all("authorization"));
                self.faults.lock().unwrap().push(fault);
                Answer::text(401, "who are you?")
            }
        }
    }
}
