//! A resolver behind a cache: names that are asked for often are looked up seldom, and a name server that is away for a
//! while stops nobody.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::names::{Answer, Ask, Flight, Names};
use crate::{Resolve, Resolving, SystemResolver};

mod names;

/// A resolver that remembers what another one found.
///
/// Addresses are kept for 30 s whatever their records say, since the operating system does not tell; that a name has
/// none, for 1 s. While a fresh look-up fails or takes longer than a second, addresses serve that are up to 5 minutes
/// old. A name that many ask for is looked up once. What is remembered are addresses alone, and never that one of them
/// may be dialled: that is asked each time.
///
/// It is shared by all threads. Only a request that needs a new connection comes here, and it holds the lock for no
/// longer than it takes to read an entry.
#[derive(Clone)]
pub struct CachingResolver {
    inner: Arc<dyn Resolve>,
    names: Arc<Mutex<Names>>,
}

impl CachingResolver {
    /// A cache, still empty, before this resolver.
    #[must_use]
    pub fn new(inner: Arc<dyn Resolve>) -> Self {
        Self { inner, names: Arc::default() }
    }

    /// A cache before the operating system's resolver.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemResolver))
    }

    /// Looks a name up on a task of its own, so that it goes on when the request that began it is given up.
    fn look_up(&self, name: &str, landing: watch::Sender<Option<Answer>>) {
        let landing = Landing { names: Arc::clone(&self.names), name: name.to_owned(), landing: Some(landing) };
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let answer = match inner.resolve(&landing.name).await {
                Ok(addresses) if addresses.is_empty() => Err(io::ErrorKind::NotFound),
                Ok(addresses) => Ok(Arc::from(addresses)),
                Err(error) => Err(error.kind()),
            };
            landing.land(answer);
        });
    }
}

impl Resolve for CachingResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let ask = lock(&self.names).ask(name, Instant::now());
            let (flight, stale) = match ask {
                Ask::Known(answer) => return plain(answer),
                Ask::Full => return self.inner.resolve(name).await,
                Ask::Wait { flight, stale } => (flight, stale),
                Ask::LookUp { landing, flight, stale } => {
                    self.look_up(name, landing);
                    (flight, stale)
                }
            };
            match stale {
                None => plain(landed(flight).await),
                Some(stale) => match timeout_at(flight.patience, landed(flight)).await {
                    Ok(Ok(fresh)) => plain(Ok(fresh)),
                    Ok(Err(_)) | Err(_) => plain(Ok(stale)),
                },
            }
        })
    }
}

impl fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachingResolver")
    }
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    // Every change of an entry is whole before the lock is given back, a panic or not.
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plain(answer: Answer) -> io::Result<Vec<IpAddr>> {
    answer.map(|addresses| addresses.to_vec()).map_err(io::Error::from)
}

/// What a look-up brings that somebody began.
async fn landed(mut flight: Flight) -> Answer {
    match flight.landing.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or(Err(io::ErrorKind::NotFound)),
        Err(_) => Err(io::ErrorKind::Interrupted),
    }
}

/// Brings the answer to the cache and to all who wait, and that there is none where the task ends without one (with its
/// thread, say): nobody may wait for a look-up that is gone.
struct Landing {
    names: Arc<Mutex<Names>>,
    name: String,
    landing: Option<watch::Sender<Option<Answer>>>,
}

impl Landing {
    fn land(mut self, answer: Answer) {
        self.bring(answer);
    }

    fn bring(&mut self, answer: Answer) {
        let Some(landing) = self.landing.take() else { return };
        lock(&self.names).landed(&self.name, &answer, Instant::now());
        landing.send_replace(Some(answer));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.bring(Err(io::ErrorKind::Interrupted));
    }
}

#[cfg(test)]
mod tests;
