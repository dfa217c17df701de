//! What is asked of an implementation: clients and members, from bytes and to bytes.
//!
//! A message is an MLSMessage; a tree is as it travels beside a Welcome; extensions are `Extension extensions<V>`.

use crate::operation::Operation;
use std::fmt;

/// Something encoded.
pub type Bytes = Vec<u8>;

/// What an implementation says when it does not do what it was asked for. Not `Debug`, so that every error can become
/// one.
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

/// A result, or what the implementation says.
pub type Outcome<T = ()> = Result<T, Refusal>;

/// What everybody knows from outside: the identifiers of external PSKs with the keys.
pub const PSKS: [(&[u8], &[u8]); 3] = [
    (b"tea", b"a key that is rather long, longer than any hash is: 0123456789abcdef"),
    (b"", b"k"),
    (b"\x00\xff", b"0123456789abcdef"),
];
/// An extension type that all clients support.
pub const EXTENSION: u16 = 0xf0f0;
/// A proposal type that all clients support. Nobody sends it.
pub const PROPOSAL: u16 = 0xf0f1;
/// How many past epochs' messages everybody can read.
pub const PAST_EPOCHS: usize = 3;

/// The part in an operation that an implementation cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It cannot make it.
    Make,
    /// It cannot take it, so nobody can do it in a group where it is a member.
    Take,
    /// Neither.
    Both,
}

/// What an implementation cannot do, and why.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// What.
    pub operation: Operation,
    /// Which part of it.
    pub part: Part,
    /// Why.
    pub reason: &'static str,
}

/// How clients are.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The cipher suite's number.
    pub suite: u16,
    /// Whether handshake messages are encrypted.
    pub encrypt: bool,
}

/// An implementation with a cryptographic backend.
pub trait Library {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Whether it has a cipher suite.
    fn has(&self, suite: u16) -> bool;

    /// What it cannot do.
    fn unsupported(&self) -> &'static [Unsupported];

    /// A new client with a new signature key and a basic credential, who knows the [`PSKS`]. `seed` is for a client
    /// that lets itself be seeded.
    fn client(&self, identity: &[u8], setting: Setting, seed: u64) -> Outcome<Box<dyn Client>>;
}

impl dyn Library + '_ {
    /// Why the implementation cannot make something, if it cannot.
    #[must_use]
    pub fn cannot_make(&self, operation: Operation) -> Option<&'static str> {
        self.cannot(operation, Part::Make)
    }

    /// Why the implementation cannot take something, if it cannot.
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
    /// Its public signature key.
    fn signature_key(&self) -> Bytes;

    /// A new KeyPackage.
    fn key_package(&mut self) -> Outcome<Bytes>;

    /// A group with the client alone in it.
    fn create(&mut self, group_id: &[u8], extensions: &[u8]) -> Outcome<Box<dyn Member>>;

    /// Joins by a Welcome, with the tree unless that is inside.
    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<Box<dyn Member>>;

    /// Joins by an external Commit, and gives that.
    fn join_externally(&mut self, join: &ExternalJoin<'_>) -> Outcome<(Box<dyn Member>, Bytes)>;

    /// Proposes something as one of the group's external senders, at this position in the list. The tree is in the
    /// GroupInfo.
    fn propose_as_external_sender(
        &mut self,
        group_info: &[u8],
        position: u32,
        proposal: &Proposal,
    ) -> Outcome<Bytes>;

    /// Proposes that it be added. The tree is in the GroupInfo.
    fn propose_own_add(&mut self, group_info: &[u8]) -> Outcome<Bytes>;
}

/// How to join by an external Commit.
#[derive(Clone, Copy, Debug)]
pub struct ExternalJoin<'a> {
    /// A GroupInfo with the key for external joins.
    pub group_info: &'a [u8],
    /// The tree, unless that is in the GroupInfo.
    pub tree: Option<&'a [u8]>,
    /// The client's former leaf, which goes.
    pub resync: Option<u32>,
    /// An external PSK.
    pub psk: Option<&'a [u8]>,
    /// Data that is authenticated.
    pub authenticated_data: &'a [u8],
}

/// A proposal, as an application asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// A KeyPackage.
    Add(Bytes),
    /// Of one's own leaf. Never by value.
    Update,
    /// A leaf.
    Remove(u32),
    /// An external PSK's identifier.
    ExternalPsk(Bytes),
    /// The resumption PSK of an epoch of this group.
    ResumptionPsk(u64),
    /// New extensions of the group.
    Extensions(Bytes),
    /// The group ends, and one with this identifier and these extensions begins.
    ReInit(Bytes, Bytes),
}

/// What a Commit is to be like. It covers all pending proposals by reference.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The proposals by value.
    pub by_value: Vec<Proposal>,
    /// Whether there is a path even if none is needed.
    pub path: bool,
    /// Whether the tree is in the Welcome.
    pub tree_inside: bool,
    /// Data that is authenticated.
    pub authenticated_data: Bytes,
}

/// A Commit, yet to be merged.
#[derive(Clone, Debug)]
pub struct Committed {
    /// For the group.
    pub commit: Bytes,
    /// For the new members, if there are any.
    pub welcome: Option<Bytes>,
}

/// A group that follows from another.
pub struct Successor {
    /// As its creator has it.
    pub member: Box<dyn Member>,
    /// For everybody else; the tree is inside.
    pub welcome: Bytes,
}

/// What a message was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed {
    /// An application message.
    Message {
        /// The leaf of who sent it.
        sender: u32,
        /// What is in it.
        data: Bytes,
        /// What was authenticated with it.
        authenticated_data: Bytes,
    },
    /// A proposal, which is pending now, with what was authenticated.
    Proposal(Bytes),
    /// A Commit, which is merged.
    Commit {
        /// Whether this member is still there.
        remains: bool,
        /// What was authenticated with it.
        authenticated_data: Bytes,
    },
}

/// Which group a successor follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One that goes on.
    Branch,
    /// One that has ended.
    ReInit,
}

/// What all members must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The epoch.
    pub epoch: u64,
    /// The epoch authenticator.
    pub authenticator: Bytes,
    /// A secret from the exporter.
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
    /// Its own leaf.
    fn own_leaf(&self) -> u32;

    /// What it believes the epoch is like, with a secret of 32 bytes exported for a label and a context.
    fn view(&mut self, label: &str, context: &[u8]) -> Outcome<View>;

    /// A GroupInfo with the key for external joins.
    fn group_info(&mut self, with_tree: bool) -> Outcome<Bytes>;

    /// Sends a proposal with data that is authenticated; it is pending for this member too.
    fn propose(&mut self, proposal: &Proposal, authenticated_data: &[u8]) -> Outcome<Bytes>;

    /// Makes a Commit, which is pending then.
    fn commit(&mut self, commit: &Commit) -> Outcome<Committed>;

    /// Enters the epoch of the pending Commit.
    fn merge_pending(&mut self) -> Outcome;

    /// Drops the pending Commit.
    fn clear_pending(&mut self) -> Outcome;

    /// Takes a message; a Commit is merged at once.
    fn process(&mut self, message: &[u8]) -> Outcome<Processed>;

    /// Encrypts an application message.
    fn encrypt(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Bytes>;

    /// Creates a group that follows from this one, with the owners of the KeyPackages, who are members of this one. The
    /// identifier counts for a branch only, a ReInit has it already.
    fn succeed(&mut self, kind: Kind, group_id: &[u8], key_packages: &[Bytes]) -> Outcome<Successor>;

    /// Joins a group that follows from this one.
    fn join_successor(&mut self, kind: Kind, welcome: &[u8]) -> Outcome<Box<dyn Member>>;

    /// Deletes the group from the client's store.
    fn forget(self: Box<Self>) -> Outcome;
}
