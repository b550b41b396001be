//! What is about to happen by itself, in words.

use model::rotation::{Event, WaitFor, said};

/// The event that follows next.
pub(super) fn about_to(event: &Event) -> String {
    match event {
        Event::StageBegan { environment, weight, .. } => {
            format!("enter {environment}: give the incoming secret {weight} of its traffic")
        }
        Event::CanaryStep { environment, weight, .. } => {
            format!("give the incoming secret {weight} of the traffic of {environment}")
        }
        Event::ProbeSkipped => "go on without a probe, since there is nothing to try with".to_owned(),
        Event::Waiting(WaitFor::Operator) => "wait for an operator, as the plan says".to_owned(),
        Event::Completed => "complete".to_owned(),
        Event::Advanced => "take the next step".to_owned(),
        Event::NeedsOperator { why } => format!("ask for an operator: {}", why.in_words()),
        other => format!("write down: {}", said(other)),
    }
}
