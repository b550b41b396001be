//! The unambiguous encoding of associated data (no two different lists of fields give the same bytes), and hex.

use std::collections::BTreeSet;

/// Fields one after the other, each with its length in front.
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    /// Begins with a label, so that bytes made for one purpose never serve another.
    pub(crate) fn new(label: &str) -> Self {
        Self(Vec::new()).text(label)
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// A set of texts; sorted here, so that the bytes do not hang on how a caller's type compares.
    pub(crate) fn set(mut self, members: Option<BTreeSet<&str>>) -> Self {
        let Some(members) = members else {
            self.0.push(0);
            return self;
        };
        self.0.push(1);
        self.number(members.len());
        members.into_iter().fold(self, Self::text)
    }

    pub(crate) fn flag(mut self, flag: bool) -> Self {
        self.0.push(u8::from(flag));
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_be_bytes());
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_fields_agree() {
        let set = |members: &[&'static str]| Some(members.iter().copied().collect::<BTreeSet<_>>());
        let table = [
            Fields::new("l").text("ab").text("c"),
            Fields::new("l").text("a").text("bc"),
            Fields::new("l").text("abc"),
            Fields::new("l").text("abc").text(""),
            Fields::new("la").text("bc"),
            Fields::new("l").set(None).set(set(&["a"])),
            Fields::new("l").set(set(&["a"])).set(None),
            Fields::new("l").set(None).set(set(&[])),
            Fields::new("l").set(set(&[])).set(None),
            Fields::new("l").set(set(&["a", "b"])),
            Fields::new("l").set(set(&["ab"])),
            Fields::new("l").set(set(&[""])),
            Fields::new("l").flag(true),
            Fields::new("l").flag(false),
        ];
        let different: BTreeSet<_> = table.iter().map(Fields::bytes).collect();
        assert_eq!(different.len(), table.len());
    }

    #[test]
    fn the_order_of_a_set_is_not_encoded() {
        let one = Fields::new("l").set(Some(["b", "a"].into_iter().collect()));
        let other = Fields::new("l").set(Some(["a", "b", "a"].into_iter().collect()));
        assert_eq!(one.bytes(), other.bytes());
    }
}
