//! A fleet of two nodes under traffic, while a script replaces its secrets by the hundred and nodes are killed: no request
//! fails, each carries what was valid at that moment.

mod dice;
mod doors;
mod figures;
mod script;
mod silent;
mod stand_in;
mod traffic;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Cluster, database};
use crate::house::{client, eventually, secret};
use dice::Dice;
use doors::{Caller, Doors, Listener};
use figures::Figures;
use script::{Script, Slot};
use stand_in::{StandIn, Worth};
use traffic::{Place, Traffic};

const ENVIRONMENTS: [&str; 2] = ["staging", "production"];
const DRIVERS: u32 = 16;
const OPERATORS: usize = 4;

/// How large it all is.
struct Size {
    /// Routes, each with a secret of its own; as many rotations are live at once.
    routes: usize,
    rotations: usize,
    /// Requests a second.
    rate: u32,
}

#[test]
fn a_hundred_rotations_while_each_node_is_killed_fail_no_request() {
    rotate_under_load(&Size { routes: 30, rotations: 100, rate: 200 });
}

#[test]
#[ignore = "soak"]
fn a_thousand_rotations_while_each_node_is_killed_fail_no_request() {
    rotate_under_load(&Size { routes: 200, rotations: 1_000, rate: 400 });
}

#[test]
#[ignore = "soak"]
fn a_thousand_rotations_at_once_fail_no_request() {
    rotate_under_load(&Size { routes: 1_000, rotations: 1_000, rate: 400 });
}

/// A route for each number; all but one in three are served in both environments.
fn environments(number: usize) -> &'static [&'static str] {
    if number.is_multiple_of(3) { &ENVIRONMENTS[1..] } else { &ENVIRONMENTS }
}

fn furnish(cluster: &Cluster, stand_in: &StandIn, size: &Size) -> (Vec<Slot>, Vec<Place>) {
    let (mut slots, mut places) = (Vec::new(), Vec::new());
    for number in 0..size.routes {
        let route = format!("fleet-{number:04}");
        let (name, value) = (route.replace('-', "_"), format!("sk_fleet_{route}_0"));
        let node = cluster.node(number % 2);
        secret(node, &name, &value);
        let served: serde_json::Map<String, Value> =
            environments(number).iter().map(|environment| ((*environment).to_owned(), json!({}))).collect();
        let mut base = json!({"upstream": stand_in.url(), "alive": ["2xx"], "dead": [401],
            "inject": {"headers": {"Authorization": format!("Bearer {{{{{name}}}}}")}}});
        // Some can be tried out before any traffic moves.
        if number % 4 == 0 {
            base["probe"] = json!({"method": "GET", "path": format!("/{route}/probe")});
        }
        let body = json!({"name": route, "base": base, "environments": served});
        node.api("POST", "/v1/routes", Some(&body)).expect(201);
        let known = stand_in.learn(&route, &value, Worth::Valid);
        places.extend(environments(number).iter().map(|environment| Place { route: route.clone(), environment }));
        slots.push(Slot::new(route, name, value, known));
    }
    (slots, places)
}

fn rotate_under_load(size: &Size) {
    let database = database();
    let url = database.url();
    let mut cluster = Cluster { nodes: Vec::new(), folder: tempfile::tempdir().unwrap() };
    for _ in 0..2 {
        let node = cluster.options(&url).env("KEYROLL_LOG__LEVEL", "info").start();
        cluster.nodes.push(node);
    }
    let stand_in = StandIn::start();
    let (mut slots, places) = furnish(&cluster, &stand_in, size);
    let keys = ENVIRONMENTS.map(|environment| (environment, client(cluster.node(0), environment, environment)));
    let revision = |cluster: &Cluster| {
        let nodes = cluster.node(0).api("GET", "/v1/nodes", None).expect(200).json();
        nodes["items"].as_array().unwrap().iter().all(|node| node["lag_ms"] == 0)
    };
    eventually("both serve all of it", || revision(&cluster));
    let doors = Doors::new(cluster);
    let traffic = Traffic::new(&doors, &places, &keys, size.rate);
    let script = Script::new(&doors, &stand_in, size.rotations);
    let begun = Instant::now();

    std::thread::scope(|scope| {
        let (traffic, script) = (&traffic, &script);
        for _ in 0..DRIVERS {
            scope.spawn(|| traffic.drive(DRIVERS));
        }
        scope.spawn(|| script.look());
        scope.spawn(|| Figures::new(&doors, database).follow(script, traffic));
        let share = slots.len().div_ceil(OPERATORS);
        let operators: Vec<_> = slots
            .chunks_mut(share)
            .enumerate()
            .map(|(number, slots)| {
                let mut dice = Dice(u64::try_from(number).unwrap());
                scope.spawn(move || script.operate(slots, &mut dice))
            })
            .collect();
        let ending = Ending { traffic, script };
        for (node, part) in [(0, 3), (1, 2)] {
            // In the middle: once a third has ended, and the other one once half has.
            while script.ended() * part < size.rotations && operators.iter().all(|operator| !operator.is_finished()) {
                std::thread::sleep(Duration::from_millis(50));
            }
            doors.kill_and_restart(node, Duration::from_secs(3));
        }
        for operator in operators {
            operator.join().unwrap();
        }
        drop(ending);
    });

    let (shown, sent) = (stand_in.shown(), traffic.sent.load(Ordering::Relaxed));
    let again = doors.again.load(Ordering::Relaxed);
    let ends = script.ends.lock().unwrap();
    println!(
        "{} rotations, {} at most at once, in {:?}",
        size.rotations,
        script.most_live.load(Ordering::Relaxed),
        begun.elapsed()
    );
    println!(
        "{sent} requests, {again} of them and of the script's sent again; {shown:?}; slowest {:?}",
        traffic.slowest.read().unwrap()
    );
    for (state, times) in &ends.by_state {
        let mut times = times.clone();
        times.sort_unstable();
        println!("{state}: {}, median {:?}, slowest {:?}", times.len(), times[times.len() / 2], times[times.len() - 1]);
    }
    println!("{:?}", ends.acts);
    let faults = traffic.faults.lock().unwrap();
    assert!(faults.is_empty(), "{} requests failed: {:#?}", faults.len(), &faults[..faults.len().min(10)]);
    let strange = stand_in.faults();
    assert!(strange.is_empty(), "{} strange values: {:#?}", strange.len(), &strange[..strange.len().min(10)]);
    assert!(shown.valid >= sent && shown.wrong > 0, "{shown:?}");
    for state in ["completed", "rolled_back", "abandoned"] {
        assert!(ends.by_state.contains_key(state), "none is {state}");
    }
    each_place_is_where_its_last_rotation_left_it(&doors, &traffic, &slots);
    let ready = doors.with(0, |node| node.api("GET", "/readyz", None).expect(200).json());
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["ready"] == true), "{ready}");
}

/// Ends everything, also on a panic.
struct Ending<'a> {
    traffic: &'a Traffic<'a>,
    script: &'a Script<'a>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.traffic.ending.store(true, Ordering::Relaxed);
        self.script.done.store(true, Ordering::Relaxed);
    }
}

fn each_place_is_where_its_last_rotation_left_it(doors: &Doors, traffic: &Traffic<'_>, slots: &[Slot]) {
    // The last change reaches the other node within a second.
    std::thread::sleep(Duration::from_secs(2));
    let mut caller = Caller::new(doors, Listener::Gateway);
    for (number, slot) in slots.iter().enumerate() {
        for environment in environments(number) {
            for node in 0..2 {
                let place = Place { route: slot.route.clone(), environment };
                let found = traffic.caller_says(&mut caller, node, &place, 1).unwrap();
                assert_eq!(found, slot.number, "{place:?} at node {node}, {}", slot.name);
            }
        }
        let route = doors.with(0, |node| node.api("GET", &format!("/v1/routes/{}", slot.route), None).expect(200));
        assert!(route.text().contains(&format!("{{{{{}}}}}", slot.name)), "{}: {}", slot.name, route.text());
    }
}
