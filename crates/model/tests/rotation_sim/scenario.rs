//! What a run is like: how much traffic, how much trouble.

use crate::dice::Dice;

/// How a run treats its rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// One rotation, enough traffic, nobody interferes.
    Calm,
    /// Everything that can happen.
    Wild,
}

/// Chances are in thousandths.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) temper: Temper,
    /// Requests per tick for each route and environment.
    pub(crate) rate: usize,
    /// How many of them can be sent again.
    pub(crate) replayable: u32,
    /// How many no credential would save, and from when on.
    pub(crate) garbage: u32,
    pub(crate) garbage_from: usize,
    /// How many of those can be sent again.
    pub(crate) garbage_replayable: u32,
    /// How many answers are 429, 5xx or none.
    pub(crate) unclear: u32,
    /// How often a node takes up a new revision only later, falls silent, dies.
    pub(crate) late: u32,
    pub(crate) silent: u32,
    pub(crate) dies: u32,
    /// How often the deciding process dies, and its clock jumps.
    pub(crate) killed: u32,
    pub(crate) jumps: u32,
    /// How often an operator does something.
    pub(crate) acts: u32,
    pub(crate) least_gap: i64,
    pub(crate) windows: bool,
    /// Whether somebody has to attest something before the deletion.
    pub(crate) checklist: bool,
}

impl Scenario {
    pub(crate) fn draw(temper: Temper, dice: &mut Dice) -> Self {
        let wild = temper == Temper::Wild;
        let chance = |dice: &mut Dice, of: &[u32]| if wild { *dice.pick(of) } else { 0 };
        Self {
            temper,
            rate: if wild { *dice.pick(&[0, 1, 3, 6]) } else { *dice.pick(&[5, 8]) },
            replayable: *dice.pick(&[1_000, 900, 500]),
            garbage: *dice.pick(if wild { &[0, 0, 50, 500, 900] } else { &[0, 10, 50, 300] }),
            garbage_from: if wild { *dice.pick(&[0, 0, 20, 40, 60]) } else { 0 },
            garbage_replayable: *dice.pick(&[1_000, 500, 0]),
            unclear: *dice.pick(if wild { &[0, 20, 500, 1_000] } else { &[0, 20] }),
            late: chance(dice, &[0, 100, 500]),
            silent: chance(dice, &[0, 0, 10]),
            dies: chance(dice, &[0, 0, 10]),
            killed: chance(dice, &[0, 50, 200]),
            jumps: chance(dice, &[0, 0, 20]),
            acts: chance(dice, &[20, 60, 120, 250]),
            least_gap: if wild { *dice.pick(&[0, 0, 600_000]) } else { 0 },
            windows: wild && dice.falls(250),
            checklist: wild && dice.falls(250),
        }
    }
}
