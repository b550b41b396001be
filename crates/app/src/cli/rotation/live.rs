//! A rotation as it is seen while one waits: the shares of the traffic, both credentials, and what comes next.

use api::rotation::{CanaryItem, RotationItem};
use model::rotation::Weight;
use model::time::Timestamp;

use super::super::table::grid;
use super::{counts, moment, page};

/// How wide a share of all the traffic is.
const WIDTH: u16 = 24;

/// The lines that are drawn over and over.
pub(super) fn view(item: &RotationItem, now: Timestamp) -> String {
    let state = format!("{} for {}", page::state(item), moment::ago(&item.state_since, now));
    let mut text = format!("{}  {} → {}  {state}\n", item.id, item.outgoing, item.incoming);
    let stages = item.plan.environments.iter().map(|name| {
        let (weight, remark) = share(item, name, now);
        vec![
            format!("  {name}"),
            bar(weight),
            weight.map_or_else(|| "0%".to_owned(), |weight| weight.to_string()),
            remark,
        ]
    });
    text.push_str(&grid(None, stages.collect()));
    let current = item.environment.as_ref().or(item.promoted.last());
    let rows = counts::rows(item, current.map(String::as_str));
    if !rows.is_empty() {
        let without = |row: Vec<String>| {
            let mut row: Vec<String> = row.into_iter().skip(1).collect();
            if let Some(first) = row.first_mut() {
                first.insert_str(0, "  ");
            }
            row
        };
        let head = without(counts::HEAD.map(str::to_owned).to_vec());
        text.push_str(&grid(Some(head), rows.into_iter().map(without).collect()));
    }
    text.push_str(&format!("  {}\n  next: {}", page::verdict(item), page::next(item, now)));
    if let Some(waits) = &item.next.waits_for {
        text.push_str(&format!("\n  waits for: {waits}"));
    }
    text
}

/// Which step a canary is at, and for how long.
pub(super) fn step(canary: &CanaryItem, now: Timestamp) -> String {
    format!("step {} of {}, for {}", canary.step, canary.steps.len(), moment::ago(&canary.since, now))
}

/// How much of an environment's traffic the incoming credential gets, and why.
fn share(item: &RotationItem, environment: &str, now: Timestamp) -> (Option<Weight>, String) {
    if let Some(canary) = item.canary.as_ref().filter(|canary| canary.environment == environment) {
        return (canary.weight.parse().ok(), step(canary, now));
    }
    if item.promoted.iter().any(|promoted| promoted == environment) {
        return (Some(Weight::ALL), "promoted".to_owned());
    }
    let here = item.environment.as_deref() == Some(environment);
    (None, if here && item.live { "next".to_owned() } else { String::new() })
}

/// A share as a bar: the smallest one can be seen, and only all of the traffic fills it.
fn bar(weight: Option<Weight>) -> String {
    let points = u32::from(weight.map_or(0, Weight::basis_points));
    let filled = match (points, points * u32::from(WIDTH) / u32::from(Weight::ALL.basis_points())) {
        (0, _) => 0,
        (_, filled) => filled.max(1),
    };
    (0..u32::from(WIDTH)).map(|place| if place < filled { '█' } else { '░' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_smallest_share_can_be_seen_and_only_all_of_it_is_full() {
        let filled = |text: &str| bar(text.parse().ok()).chars().filter(|found| *found == '█').count();
        for (weight, expected) in [("0.01%", 1), ("5%", 1), ("50%", 12), ("99.99%", 23), ("100%", 24), ("none", 0)] {
            assert_eq!(filled(weight), expected, "{weight}");
        }
    }

    #[test]
    fn both_credentials_and_what_comes_next_are_seen_at_once() {
        insta::assert_snapshot!(view(&sample::in_canary(), sample::now()), @r"
        rot_1  stripe_api_key → stripe_api_key_v2  canary for 1m 12s
          staging     ████████████████████████  100%  promoted
          production  █░░░░░░░░░░░░░░░░░░░░░░░  5%    step 1 of 3, for 1m 12s
          CREDENTIAL         ACCEPTED  REJECTED  FORBIDDEN  OTHER
          stripe_api_key     240       0         -          3
          stripe_api_key_v2  12        1         2          1
          undecided: 12 answers say something, of 30
          next: give the incoming secret 50% of the traffic of production, in 3m 48s (2026-11-26T12:13:48Z)
          waits for: answers that show that the incoming credential works
        ");
    }
}
