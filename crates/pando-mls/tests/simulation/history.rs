//! Histories, which are lists of steps. Each step has its own seed for all its choices, such as
//! senders, receivers and order. A history therefore stays valid if some of its steps are dropped.

use crate::random::{Random, mix};

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) seed: u64,
}

/// The operation of a step. An operation that is impossible at the time is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// A member creates a Commit, and the delivery service accepts it.
    Commit(Change),
    /// Several members, and possibly an external joiner, create Commits in the same epoch. One of
    /// the Commits is accepted.
    Race,
    /// A member creates a Commit that is never accepted.
    LoseCommit,
    /// A member sends a proposal.
    Propose(Proposed),
    /// An external sender sends a proposal.
    ProposeFromOutside,
    /// A client asks to be added.
    AskToBeAdded,
    /// A client joins by an external Commit.
    JoinFromOutside,
    /// A client that has lost its state rejoins by an external Commit.
    Resync,
    /// The group is reinitialized.
    Reinit,
    /// Some members branch off into a group of their own.
    Branch,
    /// Some members send messages.
    Chat,
    /// The network delivers some messages to the clients that are online, and changes which clients
    /// are online.
    Deliver,
    /// A client restarts from its stored state.
    Restart,
}

/// The content that a Commit carries by value. Most Commits also cover pending proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// The Commit contains no proposals by value.
    Nothing,
    /// The Commit contains no proposals at all.
    Empty,
    Add,
    AddMany,
    Remove,
    RemoveMany,
    /// A client that has lost its state is removed and added again.
    Replace,
    Psks,
    Extensions,
    Custom,
    /// The committer changes its signature key.
    Rotate,
    /// The Commit contains changes of several kinds.
    Several,
}

/// A proposal that a member sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proposed {
    Add,
    Remove,
    Update,
    /// An Update with a new signature key.
    Rotate,
    Psk,
    Extensions,
    Custom,
    Reinit,
}

/// The operations and their weights in the random choice.
const WEIGHTS: [(Operation, usize); 31] = [
    (Operation::Commit(Change::Nothing), 12),
    (Operation::Commit(Change::Empty), 3),
    (Operation::Commit(Change::Add), 5),
    (Operation::Commit(Change::AddMany), 3),
    (Operation::Commit(Change::Remove), 4),
    (Operation::Commit(Change::RemoveMany), 1),
    (Operation::Commit(Change::Replace), 3),
    (Operation::Commit(Change::Psks), 2),
    (Operation::Commit(Change::Extensions), 3),
    (Operation::Commit(Change::Custom), 2),
    (Operation::Commit(Change::Rotate), 4),
    (Operation::Commit(Change::Several), 8),
    (Operation::Race, 6),
    (Operation::LoseCommit, 3),
    (Operation::Propose(Proposed::Add), 4),
    (Operation::Propose(Proposed::Remove), 3),
    (Operation::Propose(Proposed::Update), 7),
    (Operation::Propose(Proposed::Rotate), 4),
    (Operation::Propose(Proposed::Psk), 3),
    (Operation::Propose(Proposed::Extensions), 2),
    (Operation::Propose(Proposed::Custom), 3),
    (Operation::Propose(Proposed::Reinit), 1),
    (Operation::ProposeFromOutside, 4),
    (Operation::AskToBeAdded, 3),
    (Operation::JoinFromOutside, 4),
    (Operation::Resync, 4),
    (Operation::Reinit, 1),
    (Operation::Branch, 2),
    (Operation::Chat, 16),
    (Operation::Deliver, 16),
    (Operation::Restart, 6),
];

/// Returns all operations.
pub(crate) fn operations() -> impl Iterator<Item = Operation> {
    WEIGHTS.into_iter().map(|(operation, _)| operation)
}

/// Returns the endless history that a seed determines.
pub(crate) fn steps(seed: u64) -> impl Iterator<Item = Step> {
    let total = WEIGHTS.into_iter().map(|(_, weight)| weight).sum();
    (0..).map(move |number| {
        let mut random = Random::new(mix(seed) ^ number);
        let mut draw = random.below(total);
        let chosen = WEIGHTS.into_iter().find(|(_, weight)| match draw.checked_sub(*weight) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        });
        let (operation, _) = chosen.expect("the weights add up");
        Step { operation, seed: random.number() }
    })
}
