//! What the benchmarks need of a library: the calls that its users make, from bytes and to bytes.
//!
//! All of it panics on an error: a benchmark that fails has no result.

pub mod mls_rs;
pub mod openmls;
pub mod pando;

/// An MLS library with a backend. All with cipher suite 1, basic credentials, handshake messages as
/// PublicMessage.
pub trait Library {
    /// The library's name.
    const IMPL: &str;
    /// The backend's name.
    const CRYPTO: &str;
    /// Whether every operation writes to the store, asked or not.
    const STORES_ALWAYS: bool;

    /// A client with its keys and its store. A clone has the same keys, and what KeyPackages it has
    /// made.
    type Client: Clone;
    /// A member's view of a group, with its client.
    type Group;
    /// A copy of a group that can be gone back to any number of times.
    type Saved;

    /// A new client with a new signature key.
    fn client(identity: [u8; 16]) -> Self::Client;
    /// A KeyPackage as MLSMessage; the client keeps the private part.
    fn key_package(client: &Self::Client) -> Vec<u8>;
    /// A group with the client alone in it.
    fn create(client: Self::Client) -> Self::Group;
    /// Joins from a Welcome, with the tree unless that is inside.
    fn join(client: Self::Client, welcome: &[u8], tree: Option<&[u8]>) -> Self::Group;
    /// Makes an external Commit from a GroupInfo with the tree inside, and what the group is after
    /// it.
    fn join_externally(client: Self::Client, group_info: &[u8]) -> (Self::Group, Vec<u8>);

    /// Makes a Commit of Adds that is yet to be merged.
    fn add(group: &mut Self::Group, key_packages: &[Vec<u8>], options: Add) -> Added;
    /// Makes an empty Commit with a path.
    fn update(group: &mut Self::Group) -> Vec<u8>;
    /// Makes a Commit of one Remove.
    fn remove(group: &mut Self::Group, leaf: u32) -> Vec<u8>;
    /// Merges the Commit that was made last.
    fn merge(group: &mut Self::Group);
    /// Processes somebody's Commit and merges it.
    fn process(group: &mut Self::Group, commit: &[u8]);
    /// Processes somebody's Commit without merging it, if the library can.
    fn stage(group: &mut Self::Group, commit: &[u8]) -> bool;
    /// Encrypts an application message.
    fn encrypt(group: &mut Self::Group, message: &[u8]) -> Vec<u8>;
    /// Decrypts an application message.
    fn decrypt(group: &mut Self::Group, message: &[u8]) -> Vec<u8>;
    /// A GroupInfo with the tree and the key for external Commits inside.
    fn group_info(group: &Self::Group) -> Vec<u8>;
    /// The tree, as it travels beside a Welcome.
    fn tree(group: &Self::Group) -> Vec<u8>;
    /// What all members agree on.
    fn authenticator(group: &Self::Group) -> Vec<u8>;

    /// Writes the group to the store, if that is not done already.
    fn store(group: &mut Self::Group);
    /// The bytes in the store.
    fn stored(group: &Self::Group) -> u64;
    /// The bytes that a step writes to the store.
    fn written(group: &mut Self::Group, step: impl FnOnce(&mut Self::Group)) -> u64;
    /// Reads the group from the store.
    fn load(group: &Self::Group) -> Self::Group;
    /// Reads from the store no more than is needed at once, if the library can; otherwise all of
    /// it.
    fn open(group: &Self::Group) -> Self::Group {
        Self::load(group)
    }
    /// Keeps a copy.
    fn save(group: &Self::Group) -> Self::Saved;
    /// A group as it was when it was saved.
    fn restore(saved: &Self::Saved) -> Self::Group;
    /// Drops the group but not the client, and so not the store.
    fn into_client(group: Self::Group) -> Self::Client;
}

/// How members are added.
#[derive(Clone, Copy)]
pub struct Add {
    /// Whether the Commit has a path.
    pub path: bool,
    /// Whether the tree is inside the Welcome.
    pub tree_inside: bool,
}

/// The messages that add members.
pub struct Added {
    /// The Commit.
    pub commit: Vec<u8>,
    /// The Welcome, one for all.
    pub welcome: Vec<u8>,
}

/// The identity of the member with a number: 16 bytes.
#[must_use]
pub fn identity(number: usize) -> [u8; 16] {
    (number as u128).to_be_bytes()
}
