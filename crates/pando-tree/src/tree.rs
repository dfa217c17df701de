//! The ratchet tree and the changes that proposals make to it (RFC 9420, sections 4, 7.7 and 12.1.1 to
//! 12.1.3).

use crate::TreeError;
use crate::capability_counts::CapabilityCounts;
use crate::content::{LeafBytes, ParentBytes};
use crate::hash::tree_hash;
use crate::key_index::KeyIndex;
use crate::loader::Loader;
use crate::parallelism::RUN;
use crate::subtree::{Kind, Subtree};
use crate::summary::NO_LEAF;
use pando_crypto::{Suite, parallel};
use pando_wire::{
    Credential, EncodeError, HpkePublicKey, LeafIndex, LeafNode, NodeIndex, Opaque, ParentNode,
    SignaturePublicKey, TreeSize,
};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A ratchet tree. Cloning it is cheap, and the clone does not change when the tree does. Of a tree that was opened
/// ([`Tree::open`]), a clone is good until what the tree has become is stored: then nodes and keys may be gone that it has
/// not read.
#[derive(Clone)]
pub struct Tree {
    pub(crate) suite: Suite,
    pub(crate) size: TreeSize,
    pub(crate) root: Arc<Subtree>,
    pub(crate) encryption_keys: KeyIndex,
    pub(crate) signature_keys: KeyIndex,
    pub(crate) capability_counts: CapabilityCounts,
    /// Where nodes come from that are not in memory.
    pub(crate) loader: Option<Arc<Loader>>,
    pub(crate) next_half: NextHalf,
}

/// The blank half that a tree of some size is extended by. All clones of that size have the same one, with the hashes that it
/// has got: a Commit that extends the tree and is refused, again and again, costs what the size of the tree is once.
pub(crate) type NextHalf = Arc<OnceLock<Arc<Subtree>>>;

impl Tree {
    /// The tree of a group with a single member (section 11).
    ///
    /// # Errors
    /// [`TreeError::Encode`] if the leaf node is too long.
    pub fn new(suite: Suite, leaf_node: &LeafNode) -> Result<Self, TreeError> {
        let mut tree = Self::empty(suite);
        tree.add(leaf_node)?;
        Ok(tree)
    }

    /// A tree to be filled: a group always has a member.
    pub(crate) fn empty(suite: Suite) -> Self {
        let size = TreeSize::ONE;
        Self {
            suite,
            size,
            root: Subtree::blank(size.root()),
            encryption_keys: KeyIndex::default(),
            signature_keys: KeyIndex::default(),
            capability_counts: CapabilityCounts::default(),
            loader: None,
            next_half: NextHalf::default(),
        }
    }

    /// The size, blank leaves included.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// How many leaves are not blank.
    #[must_use]
    pub fn member_count(&self) -> u32 {
        self.root.summary.members
    }

    /// The cipher suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Returns how many members support each capability.
    #[must_use]
    pub const fn capability_counts(&self) -> &CapabilityCounts {
        &self.capability_counts
    }

    /// The leaf node at a leaf; `None` if it is blank or does not exist.
    #[must_use]
    pub fn leaf(&self, leaf: LeafIndex) -> Option<LeafNode> {
        self.leaf_bytes(leaf)?.decode()
    }

    /// The credential of a member; `None` if the leaf is blank or does not exist.
    #[must_use]
    pub fn credential(&self, leaf: LeafIndex) -> Option<Credential> {
        self.leaf_bytes(leaf)?.credential()
    }

    /// Whether a leaf exists and is not blank.
    #[must_use]
    pub fn is_member(&self, leaf: LeafIndex) -> bool {
        self.leaf_bytes(leaf).is_some()
    }

    /// The signature key of a member; `None` if the leaf is blank or does not exist.
    #[must_use]
    pub fn signature_key(&self, leaf: LeafIndex) -> Option<SignaturePublicKey> {
        self.leaf_bytes(leaf).map(|leaf| leaf.signature_key().into())
    }

    /// The parent node at a node; `None` if it is blank, a leaf, or does not exist.
    #[must_use]
    pub fn parent(&self, node: NodeIndex) -> Option<ParentNode> {
        self.find(node)?.parent_content()?.decode()
    }

    /// The members, from left to right.
    pub fn members(&self) -> impl Iterator<Item = LeafIndex> {
        let mut unvisited = vec![(self.size.root(), &*self.root)];
        std::iter::from_fn(move || {
            while let Some((at, node)) = unvisited.pop() {
                match node.kind() {
                    Kind::Leaf(_) => return at.leaf(),
                    Kind::Parent { left, right, .. } => {
                        unvisited.extend(at.right().map(|at| (at, &**right)));
                        unvisited.extend(at.left().map(|at| (at, &**left)));
                    }
                    Kind::Blank(_) => {}
                }
            }
            None
        })
    }

    /// Looks at all members, on all cores.
    ///
    /// # Errors
    /// The error of the first member, from the left, that has one.
    pub fn try_for_each_member<E: Send>(
        &self,
        check: impl Fn(LeafIndex, &LeafNode) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let members: Vec<_> = self.members().collect();
        parallel::try_for_each_run(&members, RUN, |leaves| {
            let mut leaves = leaves.iter().filter_map(|&leaf| Some((leaf, self.leaf(leaf)?)));
            leaves.try_for_each(|(leaf, leaf_node)| check(leaf, &leaf_node))
        })
    }

    /// The encryption key of a node; `None` if it is blank or does not exist.
    #[must_use]
    pub fn encryption_key(&self, node: NodeIndex) -> Option<HpkePublicKey> {
        self.find(node).and_then(Subtree::encryption_key).map(HpkePublicKey::from)
    }

    /// The node that has an encryption key, if there is one.
    #[must_use]
    pub fn find_encryption_key(&self, key: &[u8]) -> Option<NodeIndex> {
        let mut candidates = self.encryption_keys.candidates(self.suite, key).into_iter();
        candidates.find(|&node| same_key(self.find(node).and_then(Subtree::encryption_key), key))
    }

    /// Another node than `at` that has an encryption key.
    #[must_use]
    pub fn find_other_encryption_key(&self, at: NodeIndex, key: &[u8]) -> Option<NodeIndex> {
        let mut others =
            self.encryption_keys.candidates(self.suite, key).into_iter().filter(|node| *node != at);
        others.find(|&node| same_key(self.find(node).and_then(Subtree::encryption_key), key))
    }

    /// The member that has a signature key, if there is one.
    #[must_use]
    pub fn find_signature_key(&self, key: &[u8]) -> Option<LeafIndex> {
        let candidates = self.signature_keys.candidates(self.suite, key);
        let mut leaves = candidates.into_iter().filter_map(NodeIndex::leaf);
        leaves.find(|&leaf| same_key(self.leaf_bytes(leaf).map(LeafBytes::signature_key), key))
    }

    /// Another member than the one at `at` that has a signature key.
    #[must_use]
    pub fn find_other_signature_key(&self, at: LeafIndex, key: &[u8]) -> Option<LeafIndex> {
        let candidates = self.signature_keys.candidates(self.suite, key);
        let mut others = candidates.into_iter().filter_map(NodeIndex::leaf).filter(|leaf| *leaf != at);
        others.find(|&leaf| same_key(self.leaf_bytes(leaf).map(LeafBytes::signature_key), key))
    }

    /// How many encryption keys and how many signature keys the indexes have in memory: as many as there are nodes that
    /// are not blank, and members, unless the tree was opened from a store. Then those that have changed, and those that are gone.
    #[must_use]
    pub fn index_sizes(&self) -> (usize, usize) {
        (self.encryption_keys.len(), self.signature_keys.len())
    }

    /// The tree hash of the root (section 7.8), which is what a GroupContext has.
    ///
    /// # Errors
    /// [`TreeError::Encode`] if something in the tree is too long, and what [`Tree::intact`] says.
    pub fn tree_hash(&self) -> Result<Opaque, TreeError> {
        let hash = tree_hash(self.suite, self.size.root(), &self.root)?;
        self.intact()?;
        Ok(hash[..].into())
    }

    /// The tree hash of a node (section 7.8); `None` if it does not exist.
    ///
    /// # Errors
    /// [`TreeError::Encode`] if something in the tree is too long; what [`Tree::intact`] says.
    pub fn node_hash(&self, node: NodeIndex) -> Result<Option<Opaque>, TreeError> {
        if node.0 >= self.size.node_count() {
            return Ok(None);
        }
        let blank;
        let subtree = match self.find(node) {
            Some(subtree) => subtree,
            None => {
                blank = Subtree::blank(node);
                &blank
            }
        };
        let hash = tree_hash(self.suite, node, subtree)?;
        self.intact()?;
        Ok(Some(hash[..].into()))
    }

    /// Adds a member at the leftmost blank leaf (section 12.1.1): the tree is extended if there is none, and
    /// the leaf is unmerged at every node above that is not blank.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`] if there is no room, [`TreeError::Encode`] if the leaf node is too long.
    pub fn add(&mut self, leaf_node: &LeafNode) -> Result<LeafIndex, TreeError> {
        let leaf = self.place(leaf_node)?;
        Subtree::merge_unmerged(&mut self.root, self.size.root(), &[leaf])?;
        Ok(leaf)
    }

    /// Adds members as [`Tree::add`] does, one after the other: their leaves, in increasing order. The lists of
    /// unmerged leaves are written once for all, and not once for each.
    ///
    /// # Errors
    /// As [`Tree::add`]; the tree has some of the members then.
    pub fn add_all<'a>(
        &mut self,
        leaf_nodes: impl IntoIterator<Item = &'a LeafNode>,
    ) -> Result<Vec<LeafIndex>, TreeError> {
        let leaves = leaf_nodes.into_iter().map(|leaf_node| self.place(leaf_node));
        let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
        Subtree::merge_unmerged(&mut self.root, self.size.root(), &leaves)?;
        Ok(leaves)
    }

    /// Puts a member at the leftmost blank leaf as [`Tree::add`] does, without making it unmerged above: that costs as much
    /// as are unmerged there already. For finding out who could be added, and nothing else: no group has such a tree.
    ///
    /// # Errors
    /// As [`Tree::add`].
    pub fn place(&mut self, leaf_node: &LeafNode) -> Result<LeafIndex, TreeError> {
        let content = LeafBytes::new(leaf_node)?;
        if self.root.summary.first_blank == NO_LEAF {
            self.extend()?;
        }
        let leaf = self.root.summary.first_blank;
        self.set(leaf, Some((content, leaf_node)), |_, parent| Ok(parent.cloned()))?;
        Ok(leaf)
    }

    /// Replaces a member's leaf node and blanks everything above (section 12.1.2).
    ///
    /// # Errors
    /// [`TreeError::NotAMember`] if the leaf is blank or does not exist, [`TreeError::Encode`] if the leaf
    /// node is too long.
    pub fn update(&mut self, leaf: LeafIndex, leaf_node: &LeafNode) -> Result<(), TreeError> {
        self.check_member(leaf)?;
        let content = LeafBytes::new(leaf_node)?;
        self.set(leaf, Some((content, leaf_node)), |_, _| Ok(None))
    }

    /// Blanks a member's leaf and everything above (section 12.1.3). The tree keeps its size until
    /// [`Tree::truncate`], so that the indices of other leaves in the same Commit mean what they did.
    ///
    /// # Errors
    /// [`TreeError::NotAMember`] if the leaf is blank or does not exist.
    pub fn remove(&mut self, leaf: LeafIndex) -> Result<(), TreeError> {
        self.check_member(leaf)?;
        self.set(leaf, None, |_, _| Ok(None))
    }

    /// Halves the tree while its right half is blank (section 7.7): down to one leaf if nobody is left.
    pub fn truncate(&mut self) {
        while let (Some(half), Some((left, right))) =
            (self.size.halved(), self.root.children(self.size.root()))
        {
            if right.summary.members > 0 {
                break;
            }
            if let Some(key) = self.root.encryption_key() {
                self.encryption_keys.remove(self.suite, key, self.size.root());
            }
            self.root = left;
            self.resize(half);
        }
    }

    /// Doubles the tree: a blank root above the old one and a blank right half (section 7.7).
    pub(crate) fn extend(&mut self) -> Result<(), TreeError> {
        let size = self.size.doubled().ok_or(TreeError::TooLarge)?;
        let right = size.root().right().ok_or(TreeError::TooLarge)?;
        let half = self.next_half.get_or_init(|| Subtree::blank(right)).clone();
        self.root = Subtree::parent(None, self.root.clone(), half);
        self.resize(size);
        Ok(())
    }

    /// The root is to be, or is, that of a tree of another size.
    pub(crate) fn resize(&mut self, size: TreeSize) {
        self.size = size;
        self.next_half = NextHalf::default();
    }

    /// Changes a leaf and everything above it, and the indexes with them.
    pub(crate) fn set(
        &mut self,
        leaf: LeafIndex,
        content: Option<(LeafBytes, &LeafNode)>,
        mut parent: impl FnMut(NodeIndex, Option<&ParentBytes>) -> Result<Option<ParentBytes>, EncodeError>,
    ) -> Result<(), TreeError> {
        let suite = self.suite;
        let node = self.size.node(leaf).ok_or(TreeError::NotAMember(leaf))?;
        let old = Subtree::find(&self.root, self.size.root(), node);
        if let Some(old) = old.and_then(|old| old.leaf_content()) {
            self.encryption_keys.remove(suite, old.encryption_key(), node);
            self.signature_keys.remove(suite, old.signature_key(), node);
            self.capability_counts.remove(&old.decode().ok_or(TreeError::NotAMember(leaf))?);
        }
        let content = content.map(|(content, leaf_node)| {
            self.encryption_keys.insert(suite, content.encryption_key(), node);
            self.signature_keys.insert(suite, content.signature_key(), node);
            self.capability_counts.add(leaf_node);
            content
        });
        let keys = &mut self.encryption_keys;
        Subtree::edit(&mut self.root, self.size.root(), leaf, content, &mut |node, old| {
            let new = parent(node, old)?;
            let (old_key, new_key) =
                (old.map(ParentBytes::encryption_key), new.as_ref().map(ParentBytes::encryption_key));
            if old_key != new_key {
                old_key.into_iter().for_each(|key| keys.remove(suite, key, node));
                new_key.into_iter().for_each(|key| keys.insert(suite, key, node));
            }
            Ok(new)
        })?;
        Ok(())
    }

    /// The node at an index, to be shared; `None` as for [`Tree::find`].
    pub(crate) fn find_shared(&self, node: NodeIndex) -> Option<&Arc<Subtree>> {
        let found = || Subtree::find(&self.root, self.size.root(), node);
        (node.0 < self.size.node_count()).then(found).flatten()
    }

    pub(crate) fn check_member(&self, leaf: LeafIndex) -> Result<(), TreeError> {
        if self.is_member(leaf) { Ok(()) } else { Err(TreeError::NotAMember(leaf)) }
    }

    pub(crate) fn leaf_bytes(&self, leaf: LeafIndex) -> Option<&LeafBytes> {
        self.find(self.size.node(leaf)?)?.leaf_content()
    }

    /// The node at an index; `None` outside of the tree and within blank subtrees.
    pub(crate) fn find(&self, node: NodeIndex) -> Option<&Subtree> {
        self.find_shared(node).map(AsRef::as_ref)
    }
}

/// Whether a node has a key.
fn same_key(found: Option<&[u8]>, key: &[u8]) -> bool {
    #[cfg(test)]
    crate::counters::KEYS_COMPARED.count();
    found == Some(key)
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tree({} members, {} leaves)", self.member_count(), self.size.leaf_count())
    }
}
