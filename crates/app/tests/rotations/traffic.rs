//! The traffic of a seed: its mix of what can be sent again, what cannot, and what no credential would save.

use crate::requests::{Body, Request, Sent};
use crate::run::Run;

/// A tick here stands for so many of the simulated ones.
const SIMULATED: usize = 5;

impl Run<'_> {
    /// A tick's requests; what became of them is kept where it is no plain success.
    pub(crate) fn traffic(&mut self) {
        for (route, environment) in self.places.clone() {
            for _ in 0..self.dice.below(self.scenario.rate * 2 + 1) {
                let request = self.request(route, environment);
                let sent = self.send(request);
                self.sent += 1;
                if sent.status != 200 {
                    self.odd.push(sent);
                }
            }
        }
    }

    fn request(&mut self, route: usize, environment: usize) -> Request {
        let scenario = &self.scenario;
        let (share, from) = (scenario.garbage, scenario.garbage_from / SIMULATED);
        let (good, bad) = (scenario.replayable, scenario.garbage_replayable);
        let garbage = self.tick >= from && self.dice.falls(share);
        let replayable = self.dice.falls(if garbage { bad } else { good });
        let body = match (replayable, self.dice.below(8)) {
            (true, 0..=5) => Body::None,
            (true, _) => Body::Short,
            (false, 0) => Body::Long,
            (false, _) => Body::Chunked,
        };
        let name = format!("s{}-{}", self.seed, self.sent);
        Request { name, route, environment, replayable, body, garbage }
    }

    pub(crate) fn send(&mut self, request: Request) -> Sent {
        let target = format!("/{}/v1/x", self.routes[request.route].name);
        let key = self.keys[request.environment].clone();
        self.lines.send(self.hall, request, &target, &key, self.scenario.unclear)
    }
}
