//! The interface through which the benchmarks use a library. The functions correspond to the calls
//! that an application makes, with bytes as input and output.
//!
//! Every function panics on an error, because a benchmark that fails has no result.

pub mod mls_rs;
pub mod openmls;
pub mod pando;

/// An MLS library with a cryptographic backend. All libraries use cipher suite 1, basic
/// credentials, and PublicMessages for handshake messages.
pub trait Library {
    /// The library's name.
    const IMPL: &str;
    /// The backend's name.
    const CRYPTO: &str;
    /// Whether every operation writes to the store, even if the application does not request it.
    const STORES_ALWAYS: bool;

    /// A client with its keys and its store. A clone has the same keys and the KeyPackages that the
    /// client has created.
    type Client: Clone;
    /// A member's view of a group, with its client.
    type Group;
    /// A copy of a group that can be restored any number of times.
    type Saved;

    /// Creates a client with a new signature key.
    fn client(identity: [u8; 16]) -> Self::Client;
    /// Creates a KeyPackage, encoded as an MLSMessage. The client keeps the private keys.
    fn key_package(client: &Self::Client) -> Vec<u8>;
    /// Creates a group whose only member is the client.
    fn create(client: Self::Client) -> Self::Group;
    /// Joins by a Welcome. `tree` is the ratchet tree unless the Welcome contains it.
    fn join(client: Self::Client, welcome: &[u8], tree: Option<&[u8]>) -> Self::Group;
    /// Creates an external Commit from a GroupInfo that contains the tree. Returns the group in its
    /// new epoch, and the encoded Commit.
    fn join_externally(client: Self::Client, group_info: &[u8]) -> (Self::Group, Vec<u8>);

    /// Creates a Commit that adds members, without merging it.
    fn add(group: &mut Self::Group, key_packages: &[Vec<u8>], options: Add) -> Added;
    /// Creates a Commit with a path and without proposals.
    fn update(group: &mut Self::Group) -> Vec<u8>;
    /// Creates a Commit that removes one member.
    fn remove(group: &mut Self::Group, leaf: u32) -> Vec<u8>;
    /// Merges the last Commit that the member has created.
    fn merge(group: &mut Self::Group);
    /// Processes another member's Commit and merges it.
    fn process(group: &mut Self::Group, commit: &[u8]);
    /// Processes another member's Commit without merging it. Returns whether the library supports
    /// this.
    fn stage(group: &mut Self::Group, commit: &[u8]) -> bool;
    /// Encrypts an application message.
    fn encrypt(group: &mut Self::Group, message: &[u8]) -> Vec<u8>;
    /// Decrypts an application message.
    fn decrypt(group: &mut Self::Group, message: &[u8]) -> Vec<u8>;
    /// Exports a GroupInfo that contains the tree and the key for external Commits.
    fn group_info(group: &Self::Group) -> Vec<u8>;
    /// Exports the tree in the encoding in which it is sent separately from a Welcome.
    fn tree(group: &Self::Group) -> Vec<u8>;
    /// Returns the epoch authenticator, on which all members must agree.
    fn authenticator(group: &Self::Group) -> Vec<u8>;

    /// Writes the group to the store, unless the library has done so already.
    fn store(group: &mut Self::Group);
    /// Returns the number of bytes in the store.
    fn stored(group: &Self::Group) -> u64;
    /// Returns the number of bytes that a step writes to the store.
    fn written(group: &mut Self::Group, step: impl FnOnce(&mut Self::Group)) -> u64;
    /// Reads the group from the store.
    fn load(group: &Self::Group) -> Self::Group;
    /// If the library supports lazy loading, reads only the parts of the group that are needed
    /// immediately. Otherwise, reads the whole group.
    fn open(group: &Self::Group) -> Self::Group {
        Self::load(group)
    }
    /// Saves a copy of the group.
    fn save(group: &Self::Group) -> Self::Saved;
    /// Returns the group in the state in which it was saved.
    fn restore(saved: &Self::Saved) -> Self::Group;
    /// Drops the group, but keeps the client and its store.
    fn into_client(group: Self::Group) -> Self::Client;
}

/// Options for adding members.
#[derive(Clone, Copy)]
pub struct Add {
    /// Whether the Commit has a path.
    pub path: bool,
    /// Whether the Welcome contains the tree.
    pub tree_inside: bool,
}

/// The messages that a Commit with Adds produces.
pub struct Added {
    /// The Commit.
    pub commit: Vec<u8>,
    /// The Welcome for all added members.
    pub welcome: Vec<u8>,
}

/// Returns the identity of the member with the given number, as 16 bytes.
#[must_use]
pub fn identity(number: usize) -> [u8; 16] {
    (number as u128).to_be_bytes()
}
