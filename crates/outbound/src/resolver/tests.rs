//! What is remembered for how long, by moments; and that a name is looked up once for all who ask.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;

fn addresses(text: &str) -> Arc<[IpAddr]> {
    text.split(' ').map(|address| address.parse().unwrap()).collect()
}

/// What is to be done, in a word, and what serves meanwhile.
fn word(ask: &Ask) -> (&'static str, Option<Arc<[IpAddr]>>) {
    match ask {
        Ask::Known(answer) => (if answer.is_ok() { "known" } else { "failed" }, answer.clone().ok()),
        Ask::Wait { stale, .. } => ("wait", stale.clone()),
        Ask::LookUp { stale, .. } => ("look up", stale.clone()),
        Ask::Full => ("full", None),
    }
}

#[tokio::test]
async fn answers_have_their_time() {
    let mut names = Names::default();
    let start = Instant::now();
    let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
    let one = addresses("192.0.2.1 2001:db8::1");
    let failed = Err(io::ErrorKind::NotFound);
    let mut ask = |seconds: f64| word(&names.ask("a.example", at(seconds)));
    assert_eq!(ask(0.0), ("look up", None));
    assert_eq!(ask(0.1), ("wait", None), "somebody looks it up already");
    names.landed("a.example", &failed, at(1.0));
    let mut ask = |seconds: f64| word(&names.ask("a.example", at(seconds)));
    assert_eq!(ask(1.9), ("failed", None));
    assert_eq!(ask(2.0), ("look up", None));
    names.landed("a.example", &Ok(Arc::clone(&one)), at(10.0));
    let mut ask = |seconds: f64| word(&names.ask("a.example", at(seconds)));
    assert_eq!(ask(39.9), ("known", Some(Arc::clone(&one))));
    assert_eq!(ask(40.0), ("look up", Some(Arc::clone(&one))));
    assert_eq!(ask(40.1), ("wait", Some(Arc::clone(&one))));
    names.landed("a.example", &failed, at(41.0));
    let mut ask = |seconds: f64| word(&names.ask("a.example", at(seconds)));
    assert_eq!(ask(41.5), ("known", Some(Arc::clone(&one))), "older ones serve while it fails");
    assert_eq!(ask(309.9), ("look up", Some(one)));
    names.landed("a.example", &failed, at(310.0));
    let mut ask = |seconds: f64| word(&names.ask("a.example", at(seconds)));
    assert_eq!(ask(310.5), ("failed", None), "but not for ever");
    assert_eq!(word(&names.ask("b.example", at(310.5))), ("look up", None), "a name is not another one");
}

#[tokio::test]
async fn the_names_asked_for_least_lately_are_forgotten() {
    let mut names = Names::default();
    let now = Instant::now();
    for number in 0..1024_u32 {
        let name = format!("{number}.example");
        assert_eq!(word(&names.ask(&name, now + Duration::from_millis(number.into()))).0, "look up");
    }
    assert_eq!(word(&names.ask("new.example", now)).0, "full", "those that are being looked up stay");
    let found = addresses("192.0.2.1");
    for number in [7_u32, 5, 9] {
        names.landed(&format!("{number}.example"), &Ok(Arc::clone(&found)), now);
    }
    assert_eq!(word(&names.ask("5.example", now + Duration::from_secs(2))).0, "known");
    assert_eq!(word(&names.ask("new.example", now)).0, "look up");
    assert_eq!(names.len(), 1024);
    assert_eq!(word(&names.ask("5.example", now)).0, "known");
    assert_eq!(word(&names.ask("9.example", now)).0, "known");
    // What lands for a name that was forgotten is nobody's.
    names.landed("7.example", &Ok(found), now);
    assert_eq!(names.len(), 1024);
}

/// Answers when it is allowed to, and counts how often it was asked.
struct Slow {
    asked: AtomicUsize,
    allowed: Semaphore,
    answer: Mutex<Vec<IpAddr>>,
}

impl Resolve for Slow {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.allowed.acquire().await.unwrap().forget();
            Ok(self.answer.lock().unwrap().clone())
        })
    }
}

fn slow(text: &str) -> (Arc<Slow>, CachingResolver) {
    let answer = Mutex::new(addresses(text).to_vec());
    let slow = Arc::new(Slow { asked: AtomicUsize::new(0), allowed: Semaphore::new(0), answer });
    let resolver = CachingResolver::new(Arc::clone(&slow) as Arc<dyn Resolve>);
    (slow, resolver)
}

#[tokio::test]
async fn many_askers_are_one_look_up() {
    let (slow, resolver) = slow("192.0.2.1 2001:db8::1");
    let ask = || {
        let resolver = resolver.clone();
        tokio::spawn(async move { resolver.resolve("a.example").await })
    };
    let asking: Vec<_> = (0..50).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    // Who began the look-up gives up; it goes on for the others.
    asking[0].abort();
    while slow.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    slow.allowed.add_permits(1);
    for (number, answer) in asking.into_iter().enumerate() {
        match answer.await {
            Ok(answer) => assert_eq!(answer.unwrap(), addresses("192.0.2.1 2001:db8::1").to_vec()),
            Err(error) => assert!(number == 0 && error.is_cancelled()),
        }
    }
    assert_eq!(resolver.resolve("a.example").await.unwrap().len(), 2);
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_look_up_that_ends_with_its_thread_keeps_nobody_waiting() {
    let (slow, resolver) = slow("192.0.2.1");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let asked = resolver.clone();
        tokio::spawn(async move { asked.resolve("a.example").await });
        while slow.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    });
    let second = runtime();
    let waiting = {
        let resolver = resolver.clone();
        second.spawn(async move { resolver.resolve("a.example").await })
    };
    second.block_on(tokio::task::yield_now());
    drop(first);
    assert!(second.block_on(waiting).unwrap().is_err(), "it is told");
    slow.allowed.add_permits(1);
    // It failed a moment ago; once that is over it is looked up again.
    second.block_on(async {
        while resolver.resolve("a.example").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(slow.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_name_without_addresses_is_a_failure() {
    let (slow, resolver) = slow("192.0.2.1");
    slow.answer.lock().unwrap().clear();
    slow.allowed.add_permits(1);
    for _ in 0..2 {
        assert_eq!(resolver.resolve("a.example").await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
    assert_eq!(format!("{resolver:?}"), "CachingResolver");
}
