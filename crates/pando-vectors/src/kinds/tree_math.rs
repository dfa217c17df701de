//! Test vectors of the kind `tree-math`: the relations between the nodes of trees of various sizes
//! (RFC 9420, appendix C).

use crate::report::{Outcome, Problem, must};
use pando_wire::{NodeIndex, TreeSize};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    n_leaves: u32,
    n_nodes: u32,
    root: u32,
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    parent: Vec<Option<u32>>,
    sibling: Vec<Option<u32>>,
}

impl Case {
    fn new(size: TreeSize) -> Self {
        let relation = |relation: &dyn Fn(NodeIndex) -> Option<NodeIndex>| {
            let nodes = (0..size.node_count()).map(NodeIndex);
            nodes.map(|node| relation(node).map(|other| other.0)).collect()
        };
        Self {
            n_leaves: size.leaf_count(),
            n_nodes: size.node_count(),
            root: size.root().0,
            left: relation(&NodeIndex::left),
            right: relation(&NodeIndex::right),
            parent: relation(&|node| size.parent(node)),
            sibling: relation(&|node| size.sibling(node)),
        }
    }

    pub(crate) fn verify(&self) -> Outcome {
        let size = TreeSize::with_leaves(self.n_leaves);
        let size = size.filter(|size| size.leaf_count() == self.n_leaves).ok_or_else(|| Problem::Failed {
            field: "n_leaves".into(),
            reason: format!("{} is not the size of a tree", self.n_leaves),
        })?;
        // Check the number of nodes before allocating anything of this size.
        must("n_nodes", self.n_nodes == size.node_count(), "wrong number of nodes")?;
        for (field, relation) in [
            ("left", &self.left),
            ("right", &self.right),
            ("parent", &self.parent),
            ("sibling", &self.sibling),
        ] {
            must(
                field,
                u32::try_from(relation.len()) == Ok(self.n_nodes),
                "the number of entries is not the number of nodes",
            )?;
        }
        let computed = Self::new(size);
        must("root", self.root == computed.root, "wrong root")?;
        must("left", self.left == computed.left, "wrong left child")?;
        must("right", self.right == computed.right, "wrong right child")?;
        must("parent", self.parent == computed.parent, "wrong parent")?;
        must("sibling", self.sibling == computed.sibling, "wrong sibling")
    }
}

pub(crate) fn generate() -> Vec<Case> {
    (0..6).filter_map(|depth| TreeSize::with_leaves(1 << depth)).map(Case::new).collect()
}
