//! Restoration of trees from stored rows, and the row changes between two trees.
//!
//! Stored rows are trusted: keys and signatures are not checked again. A node loaded on demand must
//! have the tree hash recorded in its parent's row, because an outdated row could restore a former
//! member. If all rows are read at once, their hashes are trusted too, because a store has already
//! verified them.

use crate::TreeError;
use crate::changes::Differing;
use crate::content::{LeafBytes, ParentBytes};
use crate::hash::tree_hash;
use crate::key_index::{Entry, KeyIndex};
use crate::loader::Loader;
use crate::node_index::children_of;
use crate::parallelism::{RUN, join};
use crate::row::{ChildRow, NodeRow, Shape};
use crate::source::TreeSource;
use crate::subtree::{Kind, Subtree};
use crate::tree::{NextHalf, Tree};
use crate::tree_key::{KeyKind, RowChange, TreeKey};
use pando_crypto::{Suite, parallel};
use pando_wire::NodeIndex;
use std::sync::Arc;

/// A change of a row: its new contents, or `None` if it is deleted.
pub type StoredRow<'a> = (TreeKey, Option<&'a [u8]>);

/// A decoded row of a node.
type ReadRow<'a> = (NodeIndex, NodeRow<'a>);

impl Tree {
    /// Returns the row changes from an older tree to this one, or all rows if there is no older
    /// tree. The cost grows with the number of nodes that the two trees do not share.
    ///
    /// # Errors
    /// Returns [`TreeError::Encode`] if a field in the tree is too long, and [`TreeError::Source`]
    /// or [`TreeError::Stored`] if a row cannot be loaded.
    pub fn rows_since(&self, older: Option<&Self>) -> Result<Vec<RowChange>, TreeError> {
        let shape = |tree: &Self| {
            Shape { size: tree.size, capability_counts: tree.capability_counts.clone() }.encode()
        };
        let mut rows = Vec::new();
        if older.is_none_or(|older| {
            (older.size, &older.capability_counts) != (self.size, &self.capability_counts)
        }) {
            rows.push((TreeKey::Shape, Some(shape(self))));
        }
        // If the whole tree is in memory, its indexes contain the fingerprints of all keys and thus
        // all index rows.
        let from_indexes = older.is_none() && self.loader.is_none();
        if from_indexes {
            rows.extend(self.encryption_keys.rows_since(KeyKind::Encryption, None)?);
            rows.extend(self.signature_keys.rows_since(KeyKind::Signature, None)?);
        }
        for Differing { at, old, new } in self.differing(older)? {
            let row = new.map(|new| node_row(self.suite, at, new)).transpose()?.flatten();
            let was_there = old.is_some_and(|old| old.summary.members > 0);
            if row.is_some() || was_there {
                rows.push((TreeKey::Node(at), row));
            }
            if from_indexes {
                continue;
            }
            // These rows are derived from the nodes, because the indexes of an opened tree do not
            // contain all stored entries.
            let row = |kind, key: &[u8]| Entry::new(self.suite, key, at).key(kind);
            let (old, new) = (node_keys(old)?, node_keys(new)?);
            let kinds = [KeyKind::Encryption, KeyKind::Signature].into_iter();
            for (kind, (old, new)) in kinds.zip(old.into_iter().zip(new)).filter(|(_, (old, new))| old != new)
            {
                rows.extend(old.map(|key| (row(kind, key), None)));
                rows.extend(new.map(|key| (row(kind, key), Some(Vec::new()))));
            }
        }
        Ok(rows)
    }

    /// Returns this tree with its nodes replaced by those of `target`, and the row changes as
    /// [`Tree::rows_since`] does. `target` is an earlier version of this tree, or is derived from
    /// this tree or from an earlier version.
    ///
    /// The index of an opened tree contains only the changes since the tree was opened, and reads
    /// all other entries from the store. Once this tree is stored, the index of `target` is
    /// incomplete: it lacks the changes that led to this tree. The index of the returned tree
    /// contains the changes of both trees.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::rows_since`].
    pub fn moved_to(&self, target: &Self) -> Result<(Self, Vec<RowChange>), TreeError> {
        let changes = target.rows_since(Some(self))?;
        let (encryption_keys, signature_keys) = (self.encryption_keys.clone(), self.signature_keys.clone());
        let mut tree = Self { encryption_keys, signature_keys, ..target.clone() };
        changes.iter().for_each(|(key, row)| tree.patch_index(*key, row.is_some()));
        Ok((tree, changes))
    }

    /// Applies the change of one row to the indexes.
    fn patch_index(&mut self, key: TreeKey, is_there: bool) {
        let TreeKey::Key(kind, fingerprint, node) = key else { return };
        let index = match kind {
            KeyKind::Encryption => &mut self.encryption_keys,
            KeyKind::Signature => &mut self.signature_keys,
            KeyKind::Client => return,
        };
        index.patch(fingerprint, node, is_there);
    }

    /// Restores a tree from all its rows.
    ///
    /// # Errors
    /// Returns [`TreeError::Stored`] with the row that is malformed or missing.
    pub fn restore<'a>(
        suite: Suite,
        rows: impl IntoIterator<Item = (TreeKey, &'a [u8])>,
    ) -> Result<Self, TreeError> {
        let (mut shape, mut nodes) = (None, Vec::new());
        let (mut encryption, mut signature) = (Vec::new(), Vec::new());
        for (key, bytes) in rows {
            match key {
                TreeKey::Shape => shape = Shape::read(bytes),
                TreeKey::Node(at) => nodes.push((at, bytes)),
                TreeKey::Key(kind, fingerprint, node) => match kind {
                    KeyKind::Encryption => encryption.push(Entry::restore(fingerprint, node)),
                    KeyKind::Signature => signature.push(Entry::restore(fingerprint, node)),
                    KeyKind::Client => {}
                },
            }
        }
        let Shape { size, capability_counts } = shape.ok_or(TreeError::Stored(TreeKey::Shape))?;
        nodes.sort_unstable_by_key(|(at, _)| *at);
        let runs: Vec<_> = nodes.chunks(RUN).collect();
        let read = |(at, bytes): &(NodeIndex, &'a [u8])| Ok((*at, NodeRow::read(*at, bytes)?));
        let read = parallel::map(&runs, |run| run.iter().map(read).collect::<Result<Vec<_>, TreeError>>());
        let mut nodes = Vec::with_capacity(nodes.len());
        for run in read {
            nodes.extend(run?);
        }
        let level = size.root().level();
        let (root, (encryption, signature)) = join(
            level,
            || restore(&nodes, size.root()),
            || join(level, || KeyIndex::sorted(encryption).0, || KeyIndex::sorted(signature).0),
        );
        let root = root?;
        Ok(Self {
            suite,
            size,
            root,
            encryption_keys: encryption,
            signature_keys: signature,
            capability_counts,
            loader: None,
            next_half: NextHalf::default(),
        })
    }

    /// Opens a stored tree. The nodes of the tree are loaded on demand.
    ///
    /// Loaded nodes stay in memory. If a node cannot be loaded, the operation that needs it changes
    /// nothing and fails with [`TreeError::Source`] or [`TreeError::Stored`]. The failure is not
    /// cached, so the operation can be repeated.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] if a row cannot be read, and [`TreeError::Stored`] with the
    /// row that is malformed or missing.
    pub fn open(suite: Suite, source: Arc<dyn TreeSource>) -> Result<Self, TreeError> {
        let loader = Loader::new(suite, source);
        let shape = loader.row(TreeKey::Shape)?;
        let Shape { size, capability_counts } =
            Shape::read(&shape).ok_or(TreeError::Stored(TreeKey::Shape))?;
        let root = Subtree::of_kind(size.root(), Kind::load(size.root(), &loader)?);
        Ok(Self {
            suite,
            size,
            root,
            encryption_keys: KeyIndex::stored(KeyKind::Encryption, &loader),
            signature_keys: KeyIndex::stored(KeyKind::Signature, &loader),
            capability_counts,
            loader: Some(loader),
            next_half: NextHalf::default(),
        })
    }

    /// Returns an index of another property of the members that is stored together with this tree.
    /// Returns an empty index if this tree is not stored.
    #[must_use]
    pub fn stored_index(&self, kind: KeyKind) -> KeyIndex {
        self.loader.as_ref().map_or_else(KeyIndex::default, |loader| KeyIndex::stored(kind, loader))
    }

    /// Forgets the tombstones of removed keys whose rows have been deleted. Call this function in
    /// each epoch of an opened tree, because every Commit adds tombstones.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] if the stored indexes cannot be read. In this case, no
    /// tombstone is forgotten.
    pub fn forget_deleted(&mut self) -> Result<(), TreeError> {
        let (mut encryption_keys, mut signature_keys) =
            (self.encryption_keys.clone(), self.signature_keys.clone());
        encryption_keys.forget_deleted()?;
        signature_keys.forget_deleted()?;
        (self.encryption_keys, self.signature_keys) = (encryption_keys, signature_keys);
        Ok(())
    }

    /// Returns this tree with the given row changes from [`Tree::rows_since`] applied. The two
    /// trees share all other nodes.
    ///
    /// # Errors
    /// Returns [`TreeError::Stored`] with the row that is malformed or missing, and
    /// [`TreeError::Source`] if a row cannot be read.
    pub fn patched(&self, changes: &[StoredRow<'_>]) -> Result<Self, TreeError> {
        let mut tree = self.clone();
        let mut nodes = Vec::new();
        for (key, bytes) in changes {
            match key {
                TreeKey::Shape => {
                    let shape = bytes.and_then(Shape::read).ok_or(TreeError::Stored(*key))?;
                    tree.resize(shape.size);
                    tree.capability_counts = shape.capability_counts;
                }
                TreeKey::Node(at) => {
                    nodes.push((*at, bytes.map(|bytes| NodeRow::read(*at, bytes)).transpose()?));
                }
                TreeKey::Key(..) => tree.patch_index(*key, bytes.is_some()),
            }
        }
        nodes.sort_unstable_by_key(|(at, _)| *at);
        tree.root = patch(self, &nodes, tree.size.root())?;
        Ok(tree)
    }
}

/// Returns the row of the node at `at`, or `None` if the node has no row.
fn node_row(suite: Suite, at: NodeIndex, subtree: &Subtree) -> Result<Option<Vec<u8>>, TreeError> {
    if subtree.summary.members == 0 {
        return Ok(None);
    }
    let row = match subtree.kind()? {
        Kind::Leaf(leaf) => NodeRow::Leaf(leaf.as_bytes()),
        Kind::Blank(_) => return Ok(None),
        Kind::Parent { content, left, right } => {
            let (left_at, right_at) = children_of(at);
            let content = content.as_ref().map(ParentBytes::as_bytes);
            let (left, right) = (child_row(suite, left_at, left)?, child_row(suite, right_at, right)?);
            NodeRow::Parent { content, left, right }
        }
    };
    Ok(Some(row.encode(at)?))
}

/// Returns the keys of a node that have index rows: its encryption key and, for a leaf, its
/// signature key.
fn node_keys(subtree: Option<&Arc<Subtree>>) -> Result<[Option<&[u8]>; 2], TreeError> {
    Ok(match subtree.map(|subtree| subtree.kind()).transpose()? {
        Some(Kind::Leaf(leaf)) => [Some(leaf.encryption_key()), Some(leaf.signature_key())],
        Some(Kind::Parent { content: Some(content), .. }) => [Some(content.encryption_key()), None],
        Some(Kind::Parent { content: None, .. } | Kind::Blank(_)) | None => [None, None],
    })
}

/// Returns the entry of a child for its parent's row.
fn child_row(suite: Suite, at: NodeIndex, subtree: &Subtree) -> Result<ChildRow, TreeError> {
    let is_blank_leaf = at.is_leaf() && subtree.summary.members == 0;
    let hash = if is_blank_leaf { None } else { Some(tree_hash(suite, at, subtree)?) };
    Ok(ChildRow { summary: subtree.summary, hash })
}

/// Builds the subtree at `at` from the rows at and below `at`, which are in index order.
fn restore(nodes: &[ReadRow<'_>], at: NodeIndex) -> Result<Arc<Subtree>, TreeError> {
    let (before, from_here) = nodes.split_at(nodes.partition_point(|(node, _)| *node < at));
    let Some(((_, row), after)) = from_here.split_first().filter(|((node, _), _)| *node == at) else {
        return Err(TreeError::Stored(TreeKey::Node(at)));
    };
    match row {
        NodeRow::Leaf(leaf) => match nodes {
            [_] => Ok(Subtree::leaf(at, LeafBytes::from_decoded(leaf))),
            _ => Err(TreeError::Stored(TreeKey::Node(at))),
        },
        NodeRow::Parent { content, left, right } => {
            let (left_at, right_at) = children_of(at);
            let (left, right) =
                join(at.level(), || child(before, left_at, left), || child(after, right_at, right));
            Ok(Subtree::parent(content.map(ParentBytes::from_decoded), left?, right?))
        }
    }
}

fn child(nodes: &[ReadRow<'_>], at: NodeIndex, row: &ChildRow) -> Result<Arc<Subtree>, TreeError> {
    if row.summary.members > 0 {
        let subtree = restore(nodes, at)?;
        if let Some(hash) = &row.hash {
            // The node is new and has no hash yet.
            let _ = subtree.hash.set(hash.clone());
        }
        return Ok(subtree);
    }
    match nodes.first() {
        None => Ok(Subtree::blank_with_hash(at, row.hash.clone())),
        Some((node, _)) => Err(TreeError::Stored(TreeKey::Node(*node))),
    }
}

/// Builds the subtree at `at` from changed rows, which are in index order. If a row has changed,
/// the rows of all nodes above it have changed too.
fn patch(
    base: &Tree,
    nodes: &[(NodeIndex, Option<NodeRow<'_>>)],
    at: NodeIndex,
) -> Result<Arc<Subtree>, TreeError> {
    let missing = || TreeError::Stored(TreeKey::Node(at));
    let Ok(position) = nodes.binary_search_by_key(&at, |(node, _)| *node) else {
        return base.find_shared(at)?.cloned().ok_or_else(missing);
    };
    match nodes.get(position).and_then(|(_, row)| row.as_ref()).ok_or_else(missing)? {
        NodeRow::Leaf(leaf) => Ok(Subtree::leaf(at, LeafBytes::from_decoded(leaf))),
        NodeRow::Parent { content, left, right } => {
            let child = |at, row: &ChildRow| {
                if row.summary.members > 0 {
                    patch(base, nodes, at)
                } else {
                    Ok(Subtree::blank_with_hash(at, row.hash.clone()))
                }
            };
            let (left_at, right_at) = children_of(at);
            let (left, right) = (child(left_at, left)?, child(right_at, right)?);
            Ok(Subtree::parent(content.map(ParentBytes::from_decoded), left, right))
        }
    }
}
