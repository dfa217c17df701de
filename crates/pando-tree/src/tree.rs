//! The ratchet tree and the effects of proposals on it (RFC 9420, sections 4, 7.7 and 12.1.1 to
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
    Credential, HpkePublicKey, LeafIndex, LeafNode, NodeIndex, Opaque, ParentNode, SignaturePublicKey,
    TreeSize,
};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A ratchet tree. Cloning a tree is cheap, and a clone does not change when the original changes.
///
/// The nodes of an opened tree ([`Tree::open`]) are loaded on demand. A clone of such a tree is
/// valid until the rows of a later tree are stored, because storing may delete nodes and keys that
/// the clone has not loaded. If [`Tree::rows_since`] computed these rows relative to the clone, no
/// node is lost, and [`Tree::moved_to`] makes the clone valid again.
///
/// # Errors
/// Every operation that may load a node can fail with [`TreeError::Source`] or
/// [`TreeError::Stored`]. A failed operation changes nothing and can be repeated. These errors do
/// not occur for trees that are entirely in memory.
#[derive(Clone)]
pub struct Tree {
    pub(crate) suite: Suite,
    pub(crate) size: TreeSize,
    pub(crate) root: Arc<Subtree>,
    pub(crate) encryption_keys: KeyIndex,
    pub(crate) signature_keys: KeyIndex,
    pub(crate) capability_counts: CapabilityCounts,
    /// The loader for the rows of the tree, if the tree was opened from a store.
    pub(crate) loader: Option<Loader>,
    pub(crate) next_half: NextHalf,
}

/// The blank half by which a tree of a given size is extended. All clones of that size share this
/// half and its cached hashes. Otherwise each rejected Commit that extends the tree would cause the
/// whole half to be hashed again.
pub(crate) type NextHalf = Arc<OnceLock<Arc<Subtree>>>;

impl Tree {
    /// Creates the tree of a group with a single member (section 11).
    ///
    /// # Errors
    /// Returns [`TreeError::Encode`] if the leaf node is too long.
    pub fn new(suite: Suite, leaf_node: &LeafNode) -> Result<Self, TreeError> {
        let mut tree = Self::empty(suite);
        tree.add(leaf_node)?;
        Ok(tree)
    }

    /// Returns a tree without members. The caller must add at least one, because a group always has
    /// a member.
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

    /// Returns the size of the tree, including blank leaves.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// Returns the number of non-blank leaves.
    #[must_use]
    pub fn member_count(&self) -> u32 {
        self.root.summary.members
    }

    /// Returns the cipher suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Returns the number of members that support each capability.
    #[must_use]
    pub const fn capability_counts(&self) -> &CapabilityCounts {
        &self.capability_counts
    }

    /// Returns the leaf node of a member, or `None` if the leaf is blank or does not exist.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn leaf(&self, leaf: LeafIndex) -> Result<Option<LeafNode>, TreeError> {
        Ok(self.leaf_bytes(leaf)?.map(LeafBytes::decode).transpose()?)
    }

    /// Returns the credential of a member, or `None` if the leaf is blank or does not exist.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn credential(&self, leaf: LeafIndex) -> Result<Option<Credential>, TreeError> {
        Ok(self.leaf_bytes(leaf)?.map(LeafBytes::credential).transpose()?)
    }

    /// Returns whether a leaf exists and is not blank.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn is_member(&self, leaf: LeafIndex) -> Result<bool, TreeError> {
        let Some(node) = self.size.node(leaf) else { return Ok(false) };
        Ok(self.find(node)?.is_some_and(|leaf| leaf.summary.members > 0))
    }

    /// Returns the signature key of a member, or `None` if the leaf is blank or does not exist.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn signature_key(&self, leaf: LeafIndex) -> Result<Option<SignaturePublicKey>, TreeError> {
        Ok(self.leaf_bytes(leaf)?.map(|leaf| leaf.signature_key().into()))
    }

    /// Returns the contents of a parent node. Returns `None` if the node is blank, is a leaf, or
    /// does not exist.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn parent(&self, node: NodeIndex) -> Result<Option<ParentNode>, TreeError> {
        let Some(found) = self.find(node)? else { return Ok(None) };
        Ok(found.parent_content()?.map(ParentBytes::decode).transpose()?)
    }

    /// Returns the members in order from left to right.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`]. An error is the last item of the iterator.
    pub fn members(&self) -> impl Iterator<Item = Result<LeafIndex, TreeError>> {
        let mut unvisited = vec![(self.size.root(), &*self.root)];
        std::iter::from_fn(move || {
            while let Some((at, node)) = unvisited.pop() {
                if node.summary.members == 0 {
                    continue;
                }
                let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
                    return at.leaf().map(Ok);
                };
                match node.kind() {
                    Ok(Kind::Parent { left, right, .. }) => {
                        unvisited.push((right_at, &**right));
                        unvisited.push((left_at, &**left));
                    }
                    Ok(Kind::Blank(_) | Kind::Leaf(_)) => {}
                    Err(error) => {
                        unvisited.clear();
                        return Some(Err(error));
                    }
                }
            }
            None
        })
    }

    /// Runs a check on all members, using all cores.
    ///
    /// # Errors
    /// Returns the error of the leftmost member that fails the check, or the error of a node that
    /// cannot be loaded.
    pub fn try_for_each_member<E: From<TreeError> + Send>(
        &self,
        check: impl Fn(LeafIndex, &LeafNode) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let members: Vec<_> = self.members().collect::<Result<_, _>>()?;
        parallel::try_for_each_run(&members, RUN, |leaves| {
            leaves.iter().try_for_each(|&leaf| match self.leaf(leaf)? {
                Some(leaf_node) => check(leaf, &leaf_node),
                None => Ok(()),
            })
        })
    }

    /// Returns the encryption key of a node, or `None` if the node is blank or does not exist.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn encryption_key(&self, node: NodeIndex) -> Result<Option<HpkePublicKey>, TreeError> {
        Ok(self.encryption_key_bytes(node)?.map(HpkePublicKey::from))
    }

    /// Returns the node that has this encryption key, if there is one.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn find_encryption_key(&self, key: &[u8]) -> Result<Option<NodeIndex>, TreeError> {
        self.find_encryption_key_except(None, key)
    }

    /// Returns a node other than `at` that has this encryption key, if there is one.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn find_other_encryption_key(
        &self,
        at: NodeIndex,
        key: &[u8],
    ) -> Result<Option<NodeIndex>, TreeError> {
        self.find_encryption_key_except(Some(at), key)
    }

    fn find_encryption_key_except(
        &self,
        except: Option<NodeIndex>,
        key: &[u8],
    ) -> Result<Option<NodeIndex>, TreeError> {
        for node in self.encryption_keys.candidates(self.suite, key)? {
            if Some(node) != except && is_same_key(self.encryption_key_bytes(node)?, key) {
                return Ok(Some(node));
            }
        }
        Ok(None)
    }

    /// Returns the member that has this signature key, if there is one.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn find_signature_key(&self, key: &[u8]) -> Result<Option<LeafIndex>, TreeError> {
        self.find_signature_key_except(None, key)
    }

    /// Returns a member other than `at` that has this signature key, if there is one.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::leaf`].
    pub fn find_other_signature_key(
        &self,
        at: LeafIndex,
        key: &[u8],
    ) -> Result<Option<LeafIndex>, TreeError> {
        self.find_signature_key_except(Some(at), key)
    }

    fn find_signature_key_except(
        &self,
        except: Option<LeafIndex>,
        key: &[u8],
    ) -> Result<Option<LeafIndex>, TreeError> {
        let candidates = self.signature_keys.candidates(self.suite, key)?;
        for leaf in candidates.into_iter().filter_map(NodeIndex::leaf) {
            if Some(leaf) != except && is_same_key(self.leaf_bytes(leaf)?.map(LeafBytes::signature_key), key)
            {
                return Ok(Some(leaf));
            }
        }
        Ok(None)
    }

    /// Returns the number of encryption keys and the number of signature keys that the indexes hold
    /// in memory. For a tree in memory, the indexes contain all keys; for an opened tree, only the
    /// added and removed ones.
    #[must_use]
    pub fn index_sizes(&self) -> (usize, usize) {
        (self.encryption_keys.len(), self.signature_keys.len())
    }

    /// Returns the tree hash of the root (section 7.8). The GroupContext contains this hash.
    ///
    /// # Errors
    /// Returns [`TreeError::Encode`] if a field in the tree is too long, and [`TreeError::Source`]
    /// or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn tree_hash(&self) -> Result<Opaque, TreeError> {
        Ok(tree_hash(self.suite, self.size.root(), &self.root)?[..].into())
    }

    /// Returns the tree hash of a node (section 7.8), or `None` if the node does not exist.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::tree_hash`].
    pub fn node_hash(&self, node: NodeIndex) -> Result<Option<Opaque>, TreeError> {
        if node.0 >= self.size.node_count() {
            return Ok(None);
        }
        let blank;
        let subtree = match self.find(node)? {
            Some(subtree) => subtree,
            None => {
                blank = Subtree::blank(node);
                &blank
            }
        };
        Ok(Some(tree_hash(self.suite, node, subtree)?[..].into()))
    }

    /// Adds a member at the leftmost blank leaf (section 12.1.1). If no leaf is blank, the tree is
    /// extended. The new leaf becomes unmerged at every non-blank node above it.
    ///
    /// # Errors
    /// Returns [`TreeError::TooLarge`] if the tree cannot be extended, [`TreeError::Encode`] if the
    /// leaf node is too long, and [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot
    /// be loaded.
    pub fn add(&mut self, leaf_node: &LeafNode) -> Result<LeafIndex, TreeError> {
        let leaf = self.place(leaf_node)?;
        Subtree::merge_unmerged(&mut self.root, self.size.root(), &[leaf])?;
        Ok(leaf)
    }

    /// Adds members one after another, in the same way as [`Tree::add`]. Returns their leaves in
    /// increasing order. Each list of unmerged leaves is rewritten only once.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::add`]. If an error is returned, no member has been added.
    pub fn add_all<'a>(
        &mut self,
        leaf_nodes: impl IntoIterator<Item = &'a LeafNode>,
    ) -> Result<Vec<LeafIndex>, TreeError> {
        let contents = leaf_nodes.into_iter().map(|leaf_node| Ok((LeafBytes::new(leaf_node)?, leaf_node)));
        let contents: Vec<_> = contents.collect::<Result<_, TreeError>>()?;
        if contents.is_empty() {
            // The tree may have no members here: the only member of a group may rejoin by an
            // external Commit.
            return Ok(Vec::new());
        }
        // All steps that can fail come before the first change.
        let added = u32::try_from(contents.len()).ok();
        let members = added.and_then(|added| self.member_count().checked_add(added));
        members.and_then(TreeSize::with_leaves).ok_or(TreeError::TooLarge)?;
        self.root.load_blanks(self.size.root(), contents.len())?;
        let leaves = contents.into_iter().map(|(content, leaf_node)| self.place_content(content, leaf_node));
        let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
        Subtree::merge_unmerged(&mut self.root, self.size.root(), &leaves)?;
        Ok(leaves)
    }

    /// Adds a member at the leftmost blank leaf as [`Tree::add`] does, but does not mark it as
    /// unmerged above. Marking would cost time in proportion to the lists of unmerged leaves. Use
    /// this function only to check whether a proposal can add a member, because no group has such a
    /// tree.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::add`].
    pub fn place(&mut self, leaf_node: &LeafNode) -> Result<LeafIndex, TreeError> {
        self.place_content(LeafBytes::new(leaf_node)?, leaf_node)
    }

    fn place_content(&mut self, content: LeafBytes, leaf_node: &LeafNode) -> Result<LeafIndex, TreeError> {
        if self.root.summary.first_blank == NO_LEAF {
            // The new leaf is in the new half, so no node needs to be loaded.
            self.extend()?;
        }
        let leaf = self.root.summary.first_blank;
        self.set(leaf, Some((content, leaf_node)), |_, parent| parent.cloned())?;
        Ok(leaf)
    }

    /// Replaces a member's leaf node and blanks all nodes above the leaf (section 12.1.2).
    ///
    /// # Errors
    /// Returns [`TreeError::NotAMember`] if the leaf is blank or does not exist,
    /// [`TreeError::Encode`] if the leaf node is too long, and [`TreeError::Source`] or
    /// [`TreeError::Stored`] if a node cannot be loaded.
    pub fn update(&mut self, leaf: LeafIndex, leaf_node: &LeafNode) -> Result<(), TreeError> {
        self.check_member(leaf)?;
        let content = LeafBytes::new(leaf_node)?;
        self.set(leaf, Some((content, leaf_node)), |_, _| None)
    }

    /// Blanks a member's leaf and all nodes above it (section 12.1.3). The tree keeps its size
    /// until [`Tree::truncate`] is called, so that other leaf indices in the same Commit stay
    /// valid.
    ///
    /// # Errors
    /// Returns [`TreeError::NotAMember`] if the leaf is blank or does not exist, and
    /// [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn remove(&mut self, leaf: LeafIndex) -> Result<(), TreeError> {
        self.check_member(leaf)?;
        self.set(leaf, None, |_, _| None)
    }

    /// Halves the tree while its right half is blank (section 7.7). A tree without members is
    /// reduced to one leaf.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn truncate(&mut self) -> Result<(), TreeError> {
        let (mut size, mut root) = (self.size, self.root.clone());
        let mut removed = Vec::new();
        while let (Some(half), Some((left, right))) = (size.halved(), root.children(size.root())?) {
            if right.summary.members > 0 {
                break;
            }
            removed.extend(root.parent_content()?.map(|content| (size.root(), content.clone())));
            (size, root) = (half, left);
        }
        // All steps that can fail are done before this first change.
        for (node, content) in removed {
            self.encryption_keys.remove(self.suite, content.encryption_key(), node);
        }
        if size != self.size {
            self.root = root;
            self.resize(size);
        }
        Ok(())
    }

    /// Doubles the size of the tree by adding a blank root above the old one and a blank right half
    /// (section 7.7).
    pub(crate) fn extend(&mut self) -> Result<(), TreeError> {
        let size = self.size.doubled().ok_or(TreeError::TooLarge)?;
        let right = size.root().right().ok_or(TreeError::TooLarge)?;
        let half = self.next_half.get_or_init(|| Subtree::blank(right)).clone();
        self.root = Subtree::parent(None, self.root.clone(), half);
        self.resize(size);
        Ok(())
    }

    /// Sets the size. The caller must set a root of this size.
    pub(crate) fn resize(&mut self, size: TreeSize) {
        self.size = size;
        self.next_half = NextHalf::default();
    }

    /// Changes a leaf and the nodes above it, and updates the indexes and counts accordingly. Each
    /// parent gets the content that the function `parent` returns for its old content. If one of
    /// these nodes cannot be loaded, nothing changes and the function `parent` is not called.
    pub(crate) fn set(
        &mut self,
        leaf: LeafIndex,
        content: Option<(LeafBytes, &LeafNode)>,
        mut parent: impl FnMut(NodeIndex, Option<&ParentBytes>) -> Option<ParentBytes>,
    ) -> Result<(), TreeError> {
        let suite = self.suite;
        let node = self.size.node(leaf).ok_or(TreeError::NotAMember(leaf))?;
        // This lookup loads the leaf and all nodes above it, so no later step can fail.
        let old = match Subtree::find(&self.root, self.size.root(), node)? {
            Some(old) => old.leaf_content()?,
            None => None,
        };
        if let Some((old, leaf_node)) = old.map(|old| Ok::<_, TreeError>((old, old.decode()?))).transpose()? {
            self.encryption_keys.remove(suite, old.encryption_key(), node);
            self.signature_keys.remove(suite, old.signature_key(), node);
            self.capability_counts.remove(&leaf_node);
        }
        let content = content.map(|(content, leaf_node)| {
            self.encryption_keys.insert(suite, content.encryption_key(), node);
            self.signature_keys.insert(suite, content.signature_key(), node);
            self.capability_counts.add(leaf_node);
            content
        });
        let keys = &mut self.encryption_keys;
        Subtree::edit(&mut self.root, self.size.root(), leaf, content, &mut |node, old| {
            let new = parent(node, old);
            let (old_key, new_key) =
                (old.map(ParentBytes::encryption_key), new.as_ref().map(ParentBytes::encryption_key));
            if old_key != new_key {
                old_key.into_iter().for_each(|key| keys.remove(suite, key, node));
                new_key.into_iter().for_each(|key| keys.insert(suite, key, node));
            }
            new
        })
    }

    pub(crate) fn check_member(&self, leaf: LeafIndex) -> Result<(), TreeError> {
        if self.is_member(leaf)? { Ok(()) } else { Err(TreeError::NotAMember(leaf)) }
    }

    pub(crate) fn leaf_bytes(&self, leaf: LeafIndex) -> Result<Option<&LeafBytes>, TreeError> {
        let Some(node) = self.size.node(leaf) else { return Ok(None) };
        self.find(node)?.map_or(Ok(None), Subtree::leaf_content)
    }

    pub(crate) fn encryption_key_bytes(&self, node: NodeIndex) -> Result<Option<&[u8]>, TreeError> {
        self.find(node)?.map_or(Ok(None), Subtree::encryption_key)
    }

    /// Returns the node at an index, or `None` if the index is outside the tree or inside a blank
    /// subtree.
    pub(crate) fn find(&self, node: NodeIndex) -> Result<Option<&Subtree>, TreeError> {
        Ok(self.find_shared(node)?.map(AsRef::as_ref))
    }

    /// Returns the shared node at an index, or `None` in the same cases as [`Tree::find`].
    pub(crate) fn find_shared(&self, node: NodeIndex) -> Result<Option<&Arc<Subtree>>, TreeError> {
        if node.0 >= self.size.node_count() {
            return Ok(None);
        }
        Subtree::find(&self.root, self.size.root(), node)
    }
}

/// Returns whether `found` is present and equal to `key`.
fn is_same_key(found: Option<&[u8]>, key: &[u8]) -> bool {
    #[cfg(test)]
    crate::counters::KEYS_COMPARED.count();
    found == Some(key)
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tree({} members, {} leaves)", self.member_count(), self.size.leaf_count())
    }
}
