//! The interface of an implementation: clients and members, with bytes as input and output.
//!
//! A message is an MLSMessage, a tree has the encoding that is sent next to a Welcome, and
//! extensions are `Extension extensions<V>`.

use crate::operation::Operation;
use std::fmt;

/// An encoded value.
pub type Bytes = Vec<u8>;

/// The error text of an implementation. It is not `Debug`, so that every error converts to it.
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: fmt::Debug> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(format!("{error:?}"))
    }
}

/// A result, or the error of the implementation.
pub type Outcome<T = ()> = Result<T, Refusal>;

/// The external PSKs that all clients have: identifiers and keys.
pub const PSKS: [(&[u8], &[u8]); 3] = [
    (b"tea", b"a key that is rather long, longer than any hash is: 0123456789abcdef"),
    (b"", b"k"),
    (b"\x00\xff", b"0123456789abcdef"),
];
/// An extension type that all clients support.
pub const EXTENSION: u16 = 0xf0f0;
/// A proposal type that all clients support. No client sends it.
pub const PROPOSAL: u16 = 0xf0f1;
/// Number of past epochs whose messages all clients can read.
pub const PAST_EPOCHS: usize = 3;

/// The role in an operation that an implementation does not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It cannot make the message.
    Make,
    /// It cannot process the message, so no member can send it in a group with this implementation.
    Take,
    /// It can do neither.
    Both,
}

/// An operation that an implementation does not support.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// The operation.
    pub operation: Operation,
    /// The unsupported role.
    pub part: Part,
    /// The reason.
    pub reason: &'static str,
}

/// The settings of clients.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The cipher suite's number.
    pub suite: u16,
    /// Whether handshake messages are encrypted.
    pub encrypt: bool,
}

/// An implementation with a cryptographic backend.
pub trait Library {
    /// Returns the name.
    fn name(&self) -> &'static str;

    /// Returns whether it supports a cipher suite.
    fn has(&self, suite: u16) -> bool;

    /// Returns the unsupported operations.
    fn unsupported(&self) -> &'static [Unsupported];

    /// Makes a client with a new signature key and a basic credential, which has the [`PSKS`].
    /// `seed` is for an implementation with a seedable generator.
    fn client(&self, identity: &[u8], setting: Setting, seed: u64) -> Outcome<Box<dyn Client>>;
}

impl dyn Library + '_ {
    /// Returns the reason why the implementation cannot make an operation, if it cannot.
    #[must_use]
    pub fn cannot_make(&self, operation: Operation) -> Option<&'static str> {
        self.cannot(operation, Part::Make)
    }

    /// Returns the reason why the implementation cannot process an operation, if it cannot.
    #[must_use]
    pub fn cannot_take(&self, operation: Operation) -> Option<&'static str> {
        self.cannot(operation, Part::Take)
    }

    fn cannot(&self, operation: Operation, part: Part) -> Option<&'static str> {
        let is_it = |entry: &&Unsupported| {
            entry.operation == operation && (entry.part == part || entry.part == Part::Both)
        };
        self.unsupported().iter().find(is_it).map(|entry| entry.reason)
    }
}

/// A client.
pub trait Client {
    /// Returns the public signature key.
    fn signature_key(&self) -> Bytes;

    /// Makes a KeyPackage.
    fn key_package(&mut self) -> Outcome<Bytes>;

    /// Creates a group with this client as its only member.
    fn create(&mut self, group_id: &[u8], extensions: &[u8]) -> Outcome<Box<dyn Member>>;

    /// Joins by a Welcome, with the tree unless it is in the Welcome.
    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<Box<dyn Member>>;

    /// Joins by an external Commit, and returns the Commit.
    fn join_externally(&mut self, join: &ExternalJoin<'_>) -> Outcome<(Box<dyn Member>, Bytes)>;

    /// Makes a proposal as the external sender of the group at this position in the list. The tree
    /// is in the GroupInfo.
    fn propose_as_external_sender(
        &mut self,
        group_info: &[u8],
        position: u32,
        proposal: &Proposal,
    ) -> Outcome<Bytes>;

    /// Proposes to add this client. The tree is in the GroupInfo.
    fn propose_own_add(&mut self, group_info: &[u8]) -> Outcome<Bytes>;
}

/// The options of an external Commit.
#[derive(Clone, Copy, Debug)]
pub struct ExternalJoin<'a> {
    /// A GroupInfo with the key for external joins.
    pub group_info: &'a [u8],
    /// The tree, unless it is in the GroupInfo.
    pub tree: Option<&'a [u8]>,
    /// The client's former leaf, which the Commit removes.
    pub resync: Option<u32>,
    /// An external PSK.
    pub psk: Option<&'a [u8]>,
    /// The authenticated data.
    pub authenticated_data: &'a [u8],
}

/// A proposal in the form in which an application requests it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// A KeyPackage.
    Add(Bytes),
    /// An Update of the member's own leaf. Never by value.
    Update,
    /// A leaf.
    Remove(u32),
    /// An external PSK's identifier.
    ExternalPsk(Bytes),
    /// The resumption PSK of an epoch of this group.
    ResumptionPsk(u64),
    /// New extensions of the group.
    Extensions(Bytes),
    /// The identifier and the extensions of the successor group.
    ReInit(Bytes, Bytes),
}

/// The options of a Commit. It covers all pending proposals by reference.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The proposals by value.
    pub by_value: Vec<Proposal>,
    /// Whether to include a path even if none is needed.
    pub path: bool,
    /// Whether the tree is in the Welcome.
    pub tree_inside: bool,
    /// The authenticated data.
    pub authenticated_data: Bytes,
}

/// A pending Commit.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The Commit, for the group.
    pub commit: Bytes,
    /// The Welcome, if there are new members.
    pub welcome: Option<Bytes>,
}

/// A successor group.
pub struct Successor {
    /// The creator's state.
    pub member: Box<dyn Member>,
    /// The Welcome for all other members, with the tree.
    pub welcome: Bytes,
}

/// The content of a processed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed {
    /// An application message.
    Message {
        /// The leaf of the sender.
        sender: u32,
        /// The plaintext.
        data: Bytes,
        /// The authenticated data.
        authenticated_data: Bytes,
    },
    /// A proposal, which is now pending, with its authenticated data.
    Proposal(Bytes),
    /// A Commit, which has been merged.
    Commit {
        /// Whether this member is still in the group.
        remains: bool,
        /// The authenticated data.
        authenticated_data: Bytes,
    },
}

/// The kind of a successor group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A branch of a group that continues.
    Branch,
    /// The successor of an ended group.
    ReInit,
}

/// The values on which all members must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The epoch.
    pub epoch: u64,
    /// The epoch authenticator.
    pub authenticator: Bytes,
    /// An exported secret.
    pub exported: Bytes,
    /// The GroupContext: identifier, epoch, tree hash, transcript hash and extensions.
    pub context: Bytes,
    /// The tree.
    pub tree: Bytes,
    /// The leaves, with the identities in their credentials.
    pub roster: Vec<(u32, Bytes)>,
}

/// A member of a group.
pub trait Member {
    /// Returns the index of the member's own leaf.
    fn own_leaf(&self) -> u32;

    /// Returns the member's view of the epoch, with a secret of 32 bytes exported for a label and a
    /// context.
    fn view(&mut self, label: &str, context: &[u8]) -> Outcome<View>;

    /// A GroupInfo with the key for external joins.
    fn group_info(&mut self, with_tree: bool) -> Outcome<Bytes>;

    /// Makes a proposal with authenticated data. It becomes pending for this member, too.
    fn propose(&mut self, proposal: &Proposal, authenticated_data: &[u8]) -> Outcome<Bytes>;

    /// Makes a Commit, which becomes pending.
    fn commit(&mut self, commit: &Commit) -> Outcome<Committed>;

    /// Enters the epoch of the pending Commit.
    fn merge_pending(&mut self) -> Outcome;

    /// Drops the pending Commit.
    fn clear_pending(&mut self) -> Outcome;

    /// Processes a message. A Commit is merged immediately.
    fn process(&mut self, message: &[u8]) -> Outcome<Processed>;

    /// Encrypts an application message.
    fn encrypt(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Bytes>;

    /// Creates a successor of this group with the owners of the KeyPackages, all members of
    /// this group. The identifier is used only for a branch; a ReInit has its own.
    fn succeed(&mut self, kind: Kind, group_id: &[u8], key_packages: &[Bytes]) -> Outcome<Successor>;

    /// Joins a successor of this group.
    fn join_successor(&mut self, kind: Kind, welcome: &[u8]) -> Outcome<Box<dyn Member>>;

    /// Deletes the group from the client's store.
    fn forget(self: Box<Self>) -> Outcome;
}
