//! Reads a plan as it is asked for.

use std::collections::BTreeMap;

use api::rotation::{Manner as WireManner, PerEnvironment, PlanWish};
use model::name::EnvironmentName;
use model::problem::token;
use model::rotation::{Per, Reason, Weight, Wish};
use model::time::Span;

use super::wire;
use crate::members::Members;

/// The wish; what cannot be read is noted and left out.
pub(super) fn read(members: &mut Members, wish: &PlanWish) -> Wish {
    let names = wish.environments.as_ref();
    Wish {
        environments: names.map(|names| members.read_all("/plan/environments", "name-invalid", names)),
        canary: per(members, "/plan/canary", wish.canary.as_ref(), |members, pointer, texts| {
            let weights: Vec<Weight> = members.read_all(pointer, "weight-invalid", texts);
            // One that cannot be read must not look as if there were none.
            (weights.len() == texts.len()).then_some(weights)
        }),
        canary_step: per(members, "/plan/canary_step", wish.canary_step.as_ref(), |members, pointer, text: &String| {
            span(members, pointer, text)
        }),
        soak: per(members, "/plan/soak", wish.soak.as_ref(), |members, pointer, text: &String| {
            span(members, pointer, text)
        }),
        advance: per(members, "/plan/advance", wish.advance.as_ref(), |_, _, word: &WireManner| {
            Some(wire::manner_of(*word))
        }),
        roll_back: wish.roll_back.map(wire::manner_of),
        delete_outgoing: wish.delete_outgoing.map(wire::manner_of),
        reason: wish.reason.map_or(Reason::default(), wire::reason_of),
        after: wish.after.clone(),
        approval: wish.approval.unwrap_or(false),
    }
}

fn span(members: &mut Members, pointer: &str, text: &str) -> Option<Span> {
    members.read(pointer, "duration-invalid", text)
}

/// A member that is given once or by environment.
fn per<W, T>(
    members: &mut Members,
    pointer: &str,
    wish: Option<&PerEnvironment<W>>,
    mut read: impl FnMut(&mut Members, &str, &W) -> Option<T>,
) -> Option<Per<T>> {
    match wish? {
        PerEnvironment::All(one) => read(members, pointer, one).map(Per::All),
        PerEnvironment::Each(each) => {
            let mut found = BTreeMap::new();
            for (name, one) in each {
                let here = format!("{pointer}/{}", token(name));
                let name: Option<EnvironmentName> = members.read(&here, "name-invalid", name);
                let one = read(members, &here, one);
                found.extend(name.zip(one));
            }
            Some(Per::Each(found))
        }
    }
}
