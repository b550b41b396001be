//! What is really so: which credentials an upstream takes, and how it is.

use crate::dice::Dice;

/// What providers think of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Valid,
    Invalid,
    /// It works from this moment on.
    Settles(i64),
    /// It works until this moment.
    Dies(i64),
    /// It is known, and may not do this.
    Forbidden,
    /// It works in every other span of this length.
    Flaps(i64),
    /// It works at this upstream alone.
    OnlyAt(usize),
}

/// What an upstream makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Alive,
    Dead,
    Forbidden,
    /// Too many requests, a failure, or none in time.
    Unclear,
}

impl Truth {
    pub(crate) fn draw(dice: &mut Dice, now: i64) -> Self {
        match dice.below(17) {
            0..=2 => Self::Invalid,
            3 => Self::Settles(now + i64::try_from(dice.below(12)).unwrap() * 1_000),
            4 => Self::Dies(now + i64::try_from(dice.below(90)).unwrap() * 60_000),
            5 => Self::Forbidden,
            6 => Self::Flaps(20_000 + i64::try_from(dice.below(200)).unwrap() * 1_000),
            7 | 8 => Self::OnlyAt(dice.below(2)),
            _ => Self::Valid,
        }
    }

    pub(crate) fn at(self, upstream: usize, now: i64) -> Answer {
        let works = match self {
            Self::Valid => true,
            Self::Invalid => false,
            Self::Settles(from) => now >= from,
            Self::Dies(at) => now < at,
            Self::Forbidden => return Answer::Forbidden,
            Self::Flaps(span) => (now / span) % 2 == 0,
            Self::OnlyAt(only) => only == upstream,
        };
        if works { Answer::Alive } else { Answer::Dead }
    }
}
