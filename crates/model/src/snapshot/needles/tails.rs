//! How forms go on that are too long to be found as a whole: each byte of them is kept once and can be zeroized.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use zeroize::Zeroizing;

/// What was read of a longer form: its beginning at least.
pub(super) type Node = u32;

/// The longer forms as a tree that begins where their beginnings end. A node is followed by the next number unless
/// noted otherwise, since forms that have so much in common seldom part.
#[derive(Default)]
pub(super) struct Tails {
    /// The byte that leads to a node; of no meaning at the end of a beginning.
    bytes: Zeroizing<Vec<u8>>,
    /// The nodes that the next number does not follow.
    ends: BTreeSet<Node>,
    /// What follows a node beside that, by byte.
    branches: BTreeMap<(Node, u8), Node>,
    /// The node of a beginning, by the order of beginnings.
    roots: Vec<Option<Node>>,
    /// Where the end of what leads to a node leads to a node by itself: only in forms that repeat themselves or each
    /// other.
    back: HashMap<Node, Node>,
}

impl Tails {
    /// The rest of all `longer` forms, each of which begins with one of `beginnings`, these being sorted and none longer
    /// than `window`. `None` where there is more than can be numbered.
    pub(super) fn new(beginnings: &[&[u8]], longer: &[&[u8]], window: usize) -> Option<Self> {
        // At its full size from the first: bytes that are moved leave a copy behind.
        let most = longer.iter().map(|form| form.len().saturating_sub(window).saturating_add(1)).sum();
        let bytes = Zeroizing::new(Vec::with_capacity(most));
        let mut tails = Self { bytes, roots: vec![None; beginnings.len()], ..Self::default() };
        for form in longer {
            let (beginning, rest) = form.split_at_checked(window)?;
            let pattern = beginnings.binary_search(&beginning).ok()?;
            let mut node = match tails.of(pattern) {
                Some(root) => root,
                None => {
                    let root = tails.add(None, 0)?;
                    *tails.roots.get_mut(pattern)? = Some(root);
                    root
                }
            };
            for byte in rest {
                node = match tails.child(node, *byte) {
                    Some(child) => child,
                    None => tails.add(Some(node), *byte)?,
                };
            }
        }
        Some(tails)
    }

    fn add(&mut self, parent: Option<Node>, byte: u8) -> Option<Node> {
        let node = Node::try_from(self.bytes.len()).ok()?;
        let last = node.checked_sub(1);
        if parent.is_none() || parent != last {
            self.ends.extend(last);
            self.branches.extend(parent.map(|parent| ((parent, byte), node)));
        }
        self.bytes.push(byte);
        Some(node)
    }

    /// The node of the beginning with this number, where a longer form has it.
    pub(super) fn of(&self, beginning: usize) -> Option<Node> {
        self.roots.get(beginning).copied().flatten()
    }

    /// What the byte leads to from the node, if the form has it there.
    pub(super) fn child(&self, node: Node, byte: u8) -> Option<Node> {
        let next = node.checked_add(1)?;
        let follows = self.bytes.get(usize::try_from(next).ok()?) == Some(&byte) && !self.ends.contains(&node);
        if follows { Some(next) } else { self.branches.get(&(node, byte)).copied() }
    }

    /// The same, also where the form breaks off and another one goes on that its end belongs to.
    pub(super) fn after(&self, mut node: Node, byte: u8) -> Option<Node> {
        loop {
            match self.child(node, byte) {
                Some(child) => return Some(child),
                None => node = *self.back.get(&node)?,
            }
        }
    }

    /// The node itself where something follows it; at the end of a form, what its own end belongs to.
    pub(super) fn lasting(&self, mut node: Node) -> Option<Node> {
        loop {
            if self.goes_on(node) {
                return Some(node);
            }
            node = *self.back.get(&node)?;
        }
    }

    fn goes_on(&self, node: Node) -> bool {
        let next = usize::try_from(node).unwrap_or(usize::MAX).saturating_add(1);
        (next < self.bytes.len() && !self.ends.contains(&node))
            || self.branches.range((node, u8::MIN)..=(node, u8::MAX)).next().is_some()
    }

    /// Notes where the end of what leads to `node` leads by itself. `to` is always the shorter one, so that every way
    /// back has an end.
    pub(super) fn set_back(&mut self, node: Node, to: Node) {
        self.back.insert(node, to);
    }

    /// About how many bytes of memory this takes.
    #[cfg(test)]
    pub(super) fn memory_usage(&self) -> usize {
        self.bytes.capacity() + 48 * (self.ends.len() + self.branches.len()) + 16 * (self.roots.len() + self.back.len())
    }
}
