//! The interface that each implementation provides. The interface consists of clients and members,
//! with bytes as input and output.
//!
//! Messages are encoded as MLSMessages, and extensions as `Extension extensions<V>`. Trees have the
//! encoding in which they are sent separately from a Welcome.

use crate::operation::Operation;
use std::fmt;

/// An encoded value.
pub type Bytes = Vec<u8>;

/// The text of an error from an implementation. This type does not implement `Debug`, so that every
/// error type can be converted to it.
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

/// A result of an implementation, or the text of its error.
pub type Outcome<T = ()> = Result<T, Refusal>;

/// The identifiers and keys of the external PSKs that all clients know.
pub const PSKS: [(&[u8], &[u8]); 3] = [
    (b"tea", b"a key that is rather long, longer than any hash is: 0123456789abcdef"),
    (b"", b"k"),
    (b"\x00\xff", b"0123456789abcdef"),
];
/// An extension type that all clients support.
pub const EXTENSION: u16 = 0xf0f0;
/// A proposal type that all clients support, but that no client sends.
pub const PROPOSAL: u16 = 0xf0f1;
/// Number of past epochs whose messages all clients can decrypt.
pub const PAST_EPOCHS: usize = 3;

/// The role in an operation that an implementation does not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The implementation cannot create the message.
    Make,
    /// The implementation cannot process the message, so no member of its group may send it.
    Take,
    /// The implementation can neither create nor process the message.
    Both,
}

/// An operation that an implementation does not support.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// The operation that is not supported.
    pub operation: Operation,
    /// The role in which the operation is not supported.
    pub part: Part,
    /// The reason why the operation is not supported.
    pub reason: &'static str,
}

/// The settings that all clients of a group share.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The number of the cipher suite.
    pub suite: u16,
    /// Whether handshake messages are encrypted.
    pub encrypt: bool,
}

/// An implementation with a cryptographic backend.
pub trait Library {
    /// Returns the name of the implementation.
    fn name(&self) -> &'static str;

    /// Returns whether the implementation supports a cipher suite.
    fn has(&self, suite: u16) -> bool;

    /// Returns the operations that the implementation does not support.
    fn unsupported(&self) -> &'static [Unsupported];

    /// Creates a client that has a new signature key and a basic credential, and knows the
    /// [`PSKS`]. The seed is used only by implementations whose random number generator can be
    /// seeded.
    fn client(&self, identity: &[u8], setting: Setting, seed: u64) -> Outcome<Box<dyn Client>>;
}

impl dyn Library + '_ {
    /// Returns the reason why the implementation cannot make an operation, or `None` if it can.
    #[must_use]
    pub fn cannot_make(&self, operation: Operation) -> Option<&'static str> {
        self.cannot(operation, Part::Make)
    }

    /// Returns the reason why the implementation cannot process an operation, or `None` if it can.
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

/// A client of an implementation.
pub trait Client {
    /// Returns the client's public signature key.
    fn signature_key(&self) -> Bytes;

    /// Creates a KeyPackage.
    fn key_package(&mut self) -> Outcome<Bytes>;

    /// Creates a group with this client as its only member.
    fn create(&mut self, group_id: &[u8], extensions: &[u8]) -> Outcome<Box<dyn Member>>;

    /// Joins by a Welcome. `tree` is the ratchet tree unless the Welcome contains it.
    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<Box<dyn Member>>;

    /// Joins by an external Commit. Returns the member and the Commit.
    fn join_externally(&mut self, join: &ExternalJoin<'_>) -> Outcome<(Box<dyn Member>, Bytes)>;

    /// Creates a proposal as the external sender at the given position in the group's list. The
    /// GroupInfo contains the tree.
    fn propose_as_external_sender(
        &mut self,
        group_info: &[u8],
        position: u32,
        proposal: &Proposal,
    ) -> Outcome<Bytes>;

    /// Creates a proposal to add this client. The GroupInfo contains the tree.
    fn propose_own_add(&mut self, group_info: &[u8]) -> Outcome<Bytes>;
}

/// The options for joining by an external Commit.
#[derive(Clone, Copy, Debug)]
pub struct ExternalJoin<'a> {
    /// A GroupInfo with the public key for external Commits.
    pub group_info: &'a [u8],
    /// The ratchet tree, unless the GroupInfo contains it.
    pub tree: Option<&'a [u8]>,
    /// The former leaf of the client, which the Commit removes.
    pub resync: Option<u32>,
    /// The identifier of an external PSK.
    pub psk: Option<&'a [u8]>,
    /// The authenticated data of the Commit.
    pub authenticated_data: &'a [u8],
}

/// A proposal in the form in which an application requests it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// Adds the client with this KeyPackage.
    Add(Bytes),
    /// Updates the member's own leaf. An Update is never sent by value.
    Update,
    /// Removes the member at this leaf index.
    Remove(u32),
    /// Uses the external PSK with this identifier.
    ExternalPsk(Bytes),
    /// Uses the resumption PSK of this epoch of the group.
    ResumptionPsk(u64),
    /// Replaces the group's extensions by these.
    Extensions(Bytes),
    /// Reinitializes the group, with this identifier and these extensions of the successor group.
    ReInit(Bytes, Bytes),
}

/// The options of a Commit, which covers all pending proposals by reference.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The proposals that the Commit contains by value.
    pub by_value: Vec<Proposal>,
    /// Whether to include a path even if no proposal requires one.
    pub path: bool,
    /// Whether the Welcome contains the tree.
    pub tree_inside: bool,
    /// The authenticated data of the Commit.
    pub authenticated_data: Bytes,
}

/// The messages of a pending Commit.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The Commit, which is sent to the group.
    pub commit: Bytes,
    /// The Welcome, if the Commit adds members.
    pub welcome: Option<Bytes>,
}

/// A successor group and the Welcome to it.
pub struct Successor {
    /// The creator as a member of the successor group.
    pub member: Box<dyn Member>,
    /// The Welcome for all other members, which contains the tree.
    pub welcome: Bytes,
}

/// The result of processing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed {
    /// The message was an application message.
    Message {
        /// The leaf index of the sender.
        sender: u32,
        /// The decrypted data.
        data: Bytes,
        /// The authenticated data of the message.
        authenticated_data: Bytes,
    },
    /// The message was a proposal, which is now pending. The value is its authenticated data.
    Proposal(Bytes),
    /// The message was a Commit, which has been merged.
    Commit {
        /// Whether this member is still in the group.
        remains: bool,
        /// The authenticated data of the Commit.
        authenticated_data: Bytes,
    },
}

/// The kind of a successor group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A branch of a group that continues to exist.
    Branch,
    /// The successor of a group that a ReInit has ended.
    ReInit,
}

/// The values on which all members of an epoch must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The number of the epoch.
    pub epoch: u64,
    /// The epoch authenticator.
    pub authenticator: Bytes,
    /// A secret exported for a label and a context.
    pub exported: Bytes,
    /// The encoded GroupContext: identifier, epoch, tree hash, transcript hash and extensions.
    pub context: Bytes,
    /// The encoded ratchet tree.
    pub tree: Bytes,
    /// The leaf indices of the members, with the identities in their credentials.
    pub roster: Vec<(u32, Bytes)>,
}

/// A member of a group.
pub trait Member {
    /// Returns the index of the member's own leaf.
    fn own_leaf(&self) -> u32;

    /// Returns the member's view of the epoch. The view includes a secret of 32 bytes, which is
    /// exported for the given label and context.
    fn view(&mut self, label: &str, context: &[u8]) -> Outcome<View>;

    /// Returns a GroupInfo with the public key for external Commits.
    fn group_info(&mut self, with_tree: bool) -> Outcome<Bytes>;

    /// Creates a proposal with authenticated data. The proposal becomes pending for this member as
    /// well.
    fn propose(&mut self, proposal: &Proposal, authenticated_data: &[u8]) -> Outcome<Bytes>;

    /// Creates a Commit, which becomes the pending Commit.
    fn commit(&mut self, commit: &Commit) -> Outcome<Committed>;

    /// Enters the epoch that the pending Commit starts.
    fn merge_pending(&mut self) -> Outcome;

    /// Drops the pending Commit.
    fn clear_pending(&mut self) -> Outcome;

    /// Processes a message. If it is a Commit, it is merged immediately.
    fn process(&mut self, message: &[u8]) -> Outcome<Processed>;

    /// Encrypts an application message.
    fn encrypt(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Bytes>;

    /// Creates a successor of this group with the owners of the KeyPackages, who are all members of
    /// this group. `group_id` is used only for a branch, because a ReInit already names the
    /// identifier.
    fn succeed(&mut self, kind: Kind, group_id: &[u8], key_packages: &[Bytes]) -> Outcome<Successor>;

    /// Creates a branch of this group with the owners of the KeyPackages, and with other extensions
    /// than this group's. An implementation without this option returns an error.
    fn branch_with(
        &mut self,
        _group_id: &[u8],
        _extensions: &[u8],
        _key_packages: &[Bytes],
    ) -> Outcome<Successor> {
        Err("it has no option for this".into())
    }

    /// Joins a successor of this group by a Welcome.
    fn join_successor(&mut self, kind: Kind, welcome: &[u8]) -> Outcome<Box<dyn Member>>;

    /// Deletes the group from the client's store.
    fn forget(self: Box<Self>) -> Outcome;
}
