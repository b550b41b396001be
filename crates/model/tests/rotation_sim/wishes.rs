//! What operators wish for, drawn; of simulated rotations as of real ones.

use model::name::EnvironmentName;
use model::rotation::{Action, Manner, Per, Reason, Weight, Wish};
use model::time::Span;

use crate::dice::Dice;

/// How a rotation is to go; `first` is one that it may have to wait for.
pub(crate) fn plan(dice: &mut Dice, calm: bool, environments: &[EnvironmentName], first: Option<String>) -> Wish {
    let shares: [&[&str]; 4] = [&["100%"], &["5%", "50%", "100%"], &["20%", "60%"], &["50%", "100%"]];
    let shares = *dice.pick(&shares);
    let canary: Vec<Weight> = shares.iter().map(|share| share.parse().unwrap()).collect();
    let manner = |manual| if manual { Manner::Manual } else { Manner::Automatic };
    let minutes = |minutes: i64| Span::from_secs(60 * minutes);
    let environments = (!calm && dice.falls(200)).then(|| vec![dice.pick(environments).clone()]);
    let after = match dice.below(20) {
        0 if !calm => Some("rot_missing".to_owned()),
        1..=5 if !calm => first,
        _ => None,
    };
    Wish {
        environments,
        canary: Some(Per::All(canary)),
        canary_step: Some(Per::All(minutes(*dice.pick(&[1, 2, 5])))),
        soak: Some(Per::All(minutes(*dice.pick(&[10, 30, 90])))),
        advance: Some(Per::All(manner(!calm && dice.falls(300)))),
        roll_back: Some(manner(!calm && dice.falls(250))),
        delete_outgoing: Some(manner(dice.falls(300))),
        reason: *dice.pick(&[Reason::Scheduled, Reason::Scheduled, Reason::Compromised]),
        after,
        approval: !calm && dice.falls(150),
    }
}

/// What somebody asks of a rotation, whatever its state.
pub(crate) fn action(dice: &mut Dice) -> Action {
    let note = "because".to_owned();
    match dice.below(12) {
        0 | 1 => Action::Approve { reason: note },
        2..=4 => Action::Advance,
        5 => Action::Promote,
        6 => Action::Hold { note },
        7 | 8 => Action::Resume,
        9 => Action::RollBack { note },
        _ => Action::Abandon { note },
    }
}
