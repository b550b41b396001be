//! How much of the traffic gets the incoming credential.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A share of the traffic, in hundredths of a percent: `5%`, `0.25%`, `100%`. More than nothing, at most all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

/// Why a text is not a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a share of the traffic: give a percentage above 0% and up to 100%, such as \"5%\"")]
pub struct WeightError;

impl Weight {
    /// All of the traffic.
    pub const ALL: Self = Self(10_000);

    /// Whether a number that is as likely as any other falls into the share.
    #[must_use]
    pub fn includes(self, number: u64) -> bool {
        number % 10_000 < u64::from(self.0)
    }

    /// In hundredths of a percent, 1 to 10,000.
    #[must_use]
    pub fn basis_points(self) -> u16 {
        self.0
    }
}

impl FromStr for Weight {
    type Err = WeightError;

    fn from_str(text: &str) -> Result<Self, WeightError> {
        let number = text.strip_suffix('%').ok_or(WeightError)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=3).contains(&whole.len()) && part.len() <= 2 && digits(whole) && digits(part);
        if !fits || (number.contains('.') && part.is_empty()) {
            return Err(WeightError);
        }
        let hundredths: u16 = format!("{part:0<2}").parse().map_err(|_| WeightError)?;
        let points = whole.parse::<u16>().map_err(|_| WeightError)?.saturating_mul(100).saturating_add(hundredths);
        (1..=Self::ALL.0).contains(&points).then_some(Self(points)).ok_or(WeightError)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}%"),
        }
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_percentages() {
        for (text, points) in
            [("5%", 500), ("100%", 10_000), ("0.25%", 25), ("0.01%", 1), ("12.5%", 1_250), ("1%", 100)]
        {
            let weight: Weight = text.parse().unwrap();
            assert_eq!((weight.basis_points(), weight.to_string().as_str()), (points, text));
        }
        for text in ["", "5", "%", "0%", "0.00%", "100.01%", "101%", "-1%", "5 %", "5.%", ".5%", "1.234%", "1e2%", "٥%"]
        {
            assert_eq!(text.parse::<Weight>(), Err(WeightError), "{text}");
        }
    }

    #[test]
    fn a_weight_includes_its_share_of_all_numbers() {
        let weight: Weight = "12.5%".parse().unwrap();
        assert_eq!((0..10_000).filter(|number| weight.includes(*number)).count(), 1_250);
        assert!((0..10_000).all(|number| Weight::ALL.includes(number)));
    }
}
