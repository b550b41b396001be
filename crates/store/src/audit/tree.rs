//! The Merkle tree over the audit (RFC 9162, section 2.1): as much of it as is needed to go on and to tell its root.

use aws_lc_rs::digest::{Context, SHA256};

/// The tree over the leaves that were added so far. It holds one hash for each complete subtree: 20 for a million leaves.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    /// Complete subtrees from left to right, each with its height.
    subtrees: Vec<(u32, [u8; 32])>,
}

impl Tree {
    /// Adds the hash of a leaf at the end.
    pub fn push(&mut self, leaf: [u8; 32]) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.subtrees.pop_if(|(other, _)| *other == height) {
            hash = node(&left, &hash);
            height += 1;
        }
        self.subtrees.push((height, hash));
        self.size = self.size.saturating_add(1);
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root; of no leaves, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        let mut rest = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        match rest.next() {
            None => sha256(&[]),
            Some(last) => rest.fold(last, |right, left| node(&left, &right)),
        }
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    /// As the standard defines it: by halves.
    fn by_definition(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [] => sha256(&[]),
            [only] => *only,
            more => {
                let half = more.len().next_power_of_two() / 2;
                node(&by_definition(&more[..half]), &by_definition(&more[half..]))
            }
        }
    }

    #[test]
    fn every_size_has_the_root_of_the_definition() {
        let leaves: Vec<[u8; 32]> = (0_u32..70).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        let mut tree = Tree::default();
        for size in 0..=leaves.len() {
            assert_eq!(tree.root(), by_definition(&leaves[..size]), "{size}");
            assert_eq!(tree.size(), size as u64);
            leaves.get(size).into_iter().for_each(|leaf| tree.push(*leaf));
        }
    }

    #[test]
    fn the_known_roots_of_certificate_transparency() {
        // The leaves and roots that implementations of RFC 6962 test with.
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
        let hex: String = tree.root().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }
}
