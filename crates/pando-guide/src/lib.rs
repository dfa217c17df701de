//! Tests of the guide. The command `cargo test --doc -p pando-guide` compiles and runs every Rust
//! program in the chapters in `docs/guide/src`.
//!
//! Each chapter is included as the documentation of one module below. The functions in this crate
//! are the fixtures that the chapters' programs use in hidden lines.

use pando_mls::{CipherSuite, Client, CommitBuilder, Credential, Group, KeyPackage};
use pando_store::session::no_rows;
use pando_store::{Key, Memory, Session, Store};

/// Includes each chapter as the documentation of a module.
macro_rules! chapters {
    ($($module:ident = $file:literal,)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../../docs/guide/src/", $file))]
        pub mod $module {}
    )*};
}

// The test `every_chapter_is_included` reads this list.
chapters! {
    concepts = "concepts.md",
    first_group = "first-group.md",
    delivery = "delivery.md",
    storage = "storage.md",
    identities = "identities.md",
    large_groups = "large-groups.md",
    servers = "servers.md",
    group_rules = "group-rules.md",
    recovery = "recovery.md",
    security = "security.md",
    from_openmls = "from-openmls.md",
    from_mls_rs = "from-mls-rs.md",
}

/// The result of a program. Closures that are passed to a session can return the same type of
/// error.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The cipher suite of the guide's clients.
pub const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// The identifier of the guide's group.
pub const GROUP: &str = "tea";

/// Returns a session on an empty store in memory. The store contains no identity yet.
///
/// # Errors
/// Returns the errors of the store.
pub fn session(client: &Client) -> Outcome<Session<Memory>> {
    Ok(Session::new(Store::new(Memory::new(), &Key::bytes(&[7; 32])?)?, client.clone()))
}

/// Returns a KeyPackage for the client with this name.
///
/// # Errors
/// Returns the errors of the session.
pub fn key_package(session: &mut Session<Memory>, name: &str) -> Outcome<KeyPackage> {
    let identity = session.identity(SUITE, Credential::basic(name))?;
    Ok(session.create_key_package(&identity, |builder| builder, no_rows)?)
}

/// Creates a group, and returns the sessions of its members. The first member has created the group
/// and added the other members. The group is therefore in epoch 1, or in epoch 0 if it has only one
/// member.
///
/// # Errors
/// Returns the errors of the sessions.
pub fn group_of<const N: usize>(names: [&str; N]) -> Outcome<[Session<Memory>; N]> {
    group_with(&Client::default(), names)
}

/// Does the same as [`group_of`], but with sessions that have the settings of `client`.
///
/// # Errors
/// Returns the errors of the sessions.
pub fn group_with<const N: usize>(client: &Client, names: [&str; N]) -> Outcome<[Session<Memory>; N]> {
    let mut sessions: [_; N] =
        into_array(names.iter().map(|_| session(client)).collect::<Outcome<Vec<_>>>()?)?;
    let [first, others @ ..] = &mut sessions[..] else { return Err("a group needs a member".into()) };
    let [creator, joiners @ ..] = &names[..] else { return Err("a group needs a member".into()) };
    let identity = first.identity(SUITE, Credential::basic(*creator))?;
    first.create_group(Group::builder(GROUP), &identity, no_rows)?;
    if others.is_empty() {
        return Ok(sessions);
    }
    let added = others.iter_mut().zip(joiners).map(|(other, name)| key_package(other, name));
    let added = added.collect::<Outcome<Vec<_>>>()?;
    let id = GROUP.into();
    first.commit(&id, |commit| added.into_iter().fold(commit, CommitBuilder::add), no_rows)?;
    first.accept_commit(&id, no_rows)?;
    first.send_outbox(&id, |welcome| {
        others.iter_mut().try_for_each(|other| other.receive(welcome, no_rows).map(drop)).map_err(Into::into)
    })?;
    Ok(sessions)
}

fn into_array<T, const N: usize>(items: Vec<T>) -> Outcome<[T; N]> {
    items.try_into().map_err(|_: Vec<T>| "wrong number of sessions".into())
}
