//! What a client program tells the test and asks of it, beside the gateway.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use testkit::{Answer, Feed, Recorded, Upstream};

/// The place that client programs call.
pub(crate) struct Signals {
    upstream: Upstream,
    shared: Arc<Shared>,
}

/// The end that a stand-in holds: it tells stories.
#[derive(Clone)]
pub(crate) struct Teller(Arc<Shared>);

#[derive(Default)]
struct Shared {
    story: Mutex<Option<Story>>,
    log: Mutex<Vec<String>>,
    asked: AtomicUsize,
    over: AtomicBool,
}

/// A stream under way.
struct Story {
    feed: Feed,
    events: VecDeque<String>,
    end: String,
    sent: usize,
}

impl Signals {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let here = Arc::clone(&shared);
        Self { upstream: Upstream::start(move |request| here.answer(request)), shared }
    }

    pub(crate) fn url(&self) -> String {
        self.upstream.url()
    }

    pub(crate) fn teller(&self) -> Teller {
        Teller(Arc::clone(&self.shared))
    }

    /// How often a client asked whether to go on.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// A client that asks from now on makes no more calls.
    pub(crate) fn enough(&self) {
        self.shared.over.store(true, Ordering::SeqCst);
    }

    /// What was sent and seen of a story, in its order.
    pub(crate) fn log(&self) -> Vec<String> {
        self.shared.log.lock().unwrap().clone()
    }
}

impl Teller {
    /// A stream that holds each event back until the client has said that the one before it arrived. `end` follows the
    /// last of them.
    pub(crate) fn tell(&self, events: Vec<String>, end: &str) -> Answer {
        let (feed, answer) = Answer::fed(200);
        let mut story = Story { feed, events: events.into(), end: end.to_owned(), sent: 0 };
        self.0.send(&mut story);
        *self.0.story.lock().unwrap() = Some(story);
        answer.header("Content-Type", "text/event-stream; charset=utf-8").header("Cache-Control", "no-cache")
    }
}

impl Shared {
    fn answer(&self, request: &Recorded) -> Answer {
        if request.target == "/more" {
            self.asked.fetch_add(1, Ordering::SeqCst);
            return Answer::text(200, if self.over.load(Ordering::SeqCst) { "no" } else { "yes" });
        }
        let number = request.target.strip_prefix("/seen/").and_then(|number| number.parse().ok());
        number.map_or_else(|| Answer::text(404, "there is no such signal"), |number| self.seen(number))
    }

    fn seen(&self, number: usize) -> Answer {
        let mut story = self.story.lock().unwrap();
        let Some(under_way) = story.as_mut().filter(|story| story.sent == number + 1) else {
            return Answer::text(409, "that event is not the last one sent");
        };
        self.log.lock().unwrap().push(format!("seen {number}"));
        if !self.send(under_way) {
            // Without its feed the stream ends.
            *story = None;
        }
        Answer::text(200, "thank you")
    }

    /// Sends the next event, or the end: then it answers `false`.
    fn send(&self, story: &mut Story) -> bool {
        let Some(event) = story.events.pop_front() else {
            story.feed.send(&*story.end);
            return false;
        };
        self.log.lock().unwrap().push(format!("sent {}", story.sent));
        story.sent += 1;
        // In two pieces: the borders of pieces are no borders of events.
        let (head, tail) = event.as_bytes().split_at(event.len() / 2);
        story.feed.send(head);
        story.feed.send(tail);
        true
    }
}
