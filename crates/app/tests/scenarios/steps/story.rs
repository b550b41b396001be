//! How a story is told: the process dies at each of its steps, twice, and begins again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::crowd::Crowd;
use super::scene::Scene;

/// How long a step may take to come, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks of the operators.
const LOOK: Duration = Duration::from_millis(150);

/// What happens, and how it ends.
pub(super) struct Story {
    /// The words of the events that the engine commits, or other labels (with a dot), in the order in which they come.
    pub(super) steps: &'static [&'static str],
    /// What the applications call.
    pub(super) paths: &'static [&'static str],
    /// Sets the routes up, and what the providers take.
    pub(super) furnish: fn(&Scene),
    /// What operators do, by what they see: the rotations in their order.
    pub(super) operate: fn(&Scene, &[Value]),
    /// How each rotation ends: its state, and the words of its history.
    pub(super) ends: &'static [(&'static str, &'static str)],
    /// What is named in the end: in staging, in production.
    pub(super) named: [&'static [&'static str]; 2],
}

impl Story {
    /// Where the process dies, one after the other.
    pub(super) fn labels(&self) -> impl Iterator<Item = String> {
        self.steps.iter().flat_map(|step| match step.contains('.') {
            true => vec![(*step).to_owned()],
            false => vec![format!("{step}.before"), format!("{step}.after")],
        })
    }
}

/// Tells it, with applications that call all the time.
pub(super) fn tell(story: &Story) {
    let mut scene = Scene::new();
    (story.furnish)(&scene);
    let keys = scene.keys(story.paths[0]);
    scene.node.kill();
    let crowd = Crowd::default();
    std::thread::scope(|scope| {
        for key in keys.iter().cycle().take(4) {
            scope.spawn(|| crowd.call(key, story.paths));
        }
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live_through(story, &mut scene, &crowd)));
        crowd.end();
        if let Err(panic) = told {
            eprintln!("applications: {:?}; {}", crowd.faults(), scene.node.log());
            std::panic::resume_unwind(panic);
        }
    });
    assert_eq!(crowd.faults(), [""; 0], "{}", scene.node.log());
    assert!(crowd.sent() > 100, "only {} requests were answered: nothing was tried", crowd.sent());
    println!("{} requests were answered, {} cut off", crowd.sent(), crowd.cut());
    end(story, &mut scene);
}

fn live_through(story: &Story, scene: &mut Scene, crowd: &Crowd) {
    let mut seen = BTreeMap::<String, usize>::new();
    for label in story.labels() {
        scene.begin(Some(&label));
        let goal = format!("the process dies at {label}");
        until(story, scene, crowd, &goal, |scene, _| scene.is_dead(crowd));
        let rest = scene.at_rest();
        // Committed or not, as the label says, and nothing in between.
        let (word, place) = label.split_once('.').unwrap();
        let word = if place == "sent" { "probed" } else { word };
        let before = seen.get(word).copied().unwrap_or(0);
        assert_eq!(rest.led_by(word), before + usize::from(place == "after"), "{label}");
        for word in model::rotation::EVENTS {
            seen.insert(word.to_owned(), rest.led_by(word));
        }
    }
    scene.begin(None);
    until(story, scene, crowd, "the story ends", |_, rotations| {
        rotations.len() == story.ends.len() && rotations.iter().all(|rotation| rotation["live"] == false)
    });
    // Until everybody has seen the end, too.
    std::thread::sleep(Duration::from_secs(1));
}

/// Lets the process serve and the operators act, until something is so.
fn until(
    story: &Story,
    scene: &mut Scene,
    crowd: &Crowd,
    what: &str,
    mut is_so: impl FnMut(&mut Scene, &[Value]) -> bool,
) {
    let start = Instant::now();
    let (mut looked, mut serving, mut rotations) = (start, false, Vec::new());
    while !is_so(scene, &rotations) {
        assert!(start.elapsed() < PATIENCE, "it does not happen that {what}: {}", told(&rotations));
        std::thread::sleep(Duration::from_millis(20));
        if !serving && scene.node.is_ready() {
            serving = true;
            crowd.served_at(Some(scene.node.gateway()));
        }
        if serving && looked.elapsed() > LOOK {
            looked = Instant::now();
            if let Some(now) = scene.rotations() {
                (story.operate)(scene, &now);
                rotations = now;
            }
        }
    }
}

/// The end is the same as if nobody had died.
fn end(story: &Story, scene: &mut Scene) {
    scene.node.cli(&["audit", "verify"], "").expect(0);
    let ready = scene.node.api("GET", "/readyz", None).expect(200).json();
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["ready"] == true), "{ready}");
    scene.node.stop();
    let rest = scene.at_rest();
    let ends: Vec<(&str, String)> =
        rest.rotations.iter().map(|lying| (lying.rotation.word(), plain(&lying.words()))).collect();
    let expected: Vec<(&str, String)> = story.ends.iter().map(|(state, words)| (*state, (*words).to_owned())).collect();
    assert_eq!(ends, expected);
    for (environment, named) in ["staging", "production"].into_iter().zip(story.named) {
        assert_eq!(rest.named_in(environment), named, "{environment}");
    }
}

/// The words of a log without what depends on how fast the traffic is, and without the probes that a lost outcome asks for:
/// the first one stays.
fn plain(words: &[&str]) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for word in words {
        let repeated = word.starts_with("probe") && kept.contains(word);
        if *word != "found_healthy" && !repeated {
            kept.push(word);
        }
    }
    kept.join(" ")
}

fn told(rotations: &[Value]) -> String {
    let history = |rotation: &Value| {
        let lines = rotation["history"].as_array().unwrap().iter();
        let words: Vec<&str> = lines.filter_map(|line| line["event"].as_str()).collect();
        format!("{}: {} ({})", rotation["outgoing"], words.join(" "), rotation["next"])
    };
    rotations.iter().map(history).collect::<Vec<_>>().join("; ")
}
