//! The same operations implemented with Pando, OpenMLS and mls-rs, and the number of lines that
//! each of them needs. `docs/side-by-side.md` shows the results.

mod lines;
mod mls_rs;
mod openmls;
mod pando;

use pando_mls::{Decode, MlsMessage, wire::ContentType};
use std::error::Error;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// The identifier of the group.
pub(crate) const GROUP: &str = "tea";

/// The operations that are compared. Each operation uses only the calls of the library and stores
/// the necessary state.
pub(crate) trait Library {
    /// A client with its keys and its store.
    type Client;
    /// A group as one of its members sees it.
    type Group;
    /// The contents of a client's storage.
    type Stored;

    /// Creates a client with a new signature key.
    fn client(name: &str) -> Outcome<Self::Client>;
    /// Creates a KeyPackage.
    fn key_package(client: &mut Self::Client) -> Outcome<Vec<u8>>;
    /// Creates a group whose only member is the client.
    fn create(client: &mut Self::Client) -> Outcome<Self::Group>;
    /// Adds a member and sends it the Welcome. Returns whether the Commit was accepted.
    fn add(
        client: &mut Self::Client,
        group: &mut Self::Group,
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool>;
    /// Joins by a Welcome that contains the ratchet tree.
    fn join(client: &mut Self::Client, welcome: &[u8]) -> Outcome<Self::Group>;
    /// Sends an application message.
    fn send(client: &mut Self::Client, group: &mut Self::Group, text: &str, server: &mut Server) -> Outcome;
    /// Processes an application message, a proposal or a Commit from another member. Returns the
    /// text of an application message.
    fn receive(client: &mut Self::Client, group: &mut Self::Group, message: &[u8])
    -> Outcome<Option<String>>;
    /// Processes the Commit that was accepted instead of our own, creates our Commit again, and
    /// then continues like [`Library::add`].
    fn lost_race(
        client: &mut Self::Client,
        group: &mut Self::Group,
        winner: &[u8],
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool>;
    /// Restores the client and its group from its storage.
    fn restart(name: &str, stored: Self::Stored) -> Outcome<(Self::Client, Self::Group)>;
    /// Exports a GroupInfo for a client that joins by an external Commit.
    fn group_info(client: &mut Self::Client, group: &mut Self::Group) -> Outcome<Vec<u8>>;
    /// Joins by an external Commit. If the Commit was not accepted, returns `None` and stores
    /// nothing.
    fn external_join(
        client: &mut Self::Client,
        group_info: &[u8],
        server: &mut Server,
    ) -> Outcome<Option<Self::Group>>;
    /// Returns the names of the members.
    fn members(client: &mut Self::Client, group: &mut Self::Group) -> Outcome<Vec<String>>;

    /// Ends the client and keeps only its storage.
    fn stop(client: Self::Client, group: Self::Group) -> Self::Stored;
}

/// A delivery service that accepts one Commit per epoch.
#[derive(Default)]
pub(crate) struct Server {
    messages: Vec<Vec<u8>>,
    epoch: u64,
}

impl Server {
    /// Accepts a message that is not a Commit.
    pub(crate) fn post(&mut self, message: &[u8]) -> Outcome {
        if MlsMessage::decode(message)?.content_type() == Some(ContentType::Commit) {
            return Err("a Commit".into());
        }
        self.messages.push(message.to_vec());
        Ok(())
    }

    /// Accepts a Commit unless its epoch has already ended. Returns whether the Commit was
    /// accepted.
    pub(crate) fn post_commit(&mut self, message: &[u8]) -> Outcome<bool> {
        let commit = MlsMessage::decode(message)?;
        if commit.content_type() != Some(ContentType::Commit) {
            return Err("not a Commit".into());
        }
        let is_accepted = commit.epoch() == Some(self.epoch);
        if is_accepted {
            self.messages.push(message.to_vec());
            self.epoch += 1;
        }
        Ok(is_accepted)
    }

    /// Returns the messages that arrived since the last call, of which there must be exactly `N`.
    fn take<const N: usize>(&mut self) -> Outcome<[Vec<u8>; N]> {
        let messages = std::mem::take(&mut self.messages).try_into();
        messages.map_err(|messages: Vec<_>| format!("{} messages", messages.len()).into())
    }
}

/// A client together with the group of which it is a member.
struct Member<L: Library>(L::Client, L::Group);

impl<L: Library> Member<L> {
    fn add(&mut self, key_package: &[u8], server: &mut Server) -> Outcome<bool> {
        L::add(&mut self.0, &mut self.1, key_package, server)
    }

    fn receive(&mut self, message: &[u8]) -> Outcome<Option<String>> {
        L::receive(&mut self.0, &mut self.1, message)
    }

    fn members(&mut self) -> Outcome<Vec<String>> {
        L::members(&mut self.0, &mut self.1)
    }

    /// Stops the client, and restarts it from its storage.
    fn restart(self, name: &str) -> Outcome<Self> {
        let (client, group) = L::restart(name, L::stop(self.0, self.1))?;
        Ok(Self(client, group))
    }
}

fn join<L: Library>(mut client: L::Client, welcome: &[u8]) -> Outcome<Member<L>> {
    let group = L::join(&mut client, welcome)?;
    Ok(Member(client, group))
}

/// Makes a member send a text, and checks that the receivers can read it.
fn say<L: Library>(
    text: &str,
    sender: &mut Member<L>,
    receivers: &mut [&mut Member<L>],
    server: &mut Server,
) -> Outcome {
    L::send(&mut sender.0, &mut sender.1, text, server)?;
    let [message] = server.take()?;
    for receiver in receivers {
        assert_eq!(receiver.receive(&message)?.as_deref(), Some(text));
    }
    Ok(())
}

fn story<L: Library>() -> Outcome {
    let server = &mut Server::default();
    let (mut alice, mut bob, mut carol, mut dave) =
        (L::client("alice")?, L::client("bob")?, L::client("carol")?, L::client("dave")?);
    let group = L::create(&mut alice)?;
    let mut alice = Member::<L>(alice, group);
    assert_eq!(alice.members()?, ["alice"]);

    // Alice adds Bob, and they exchange messages.
    assert!(alice.add(&L::key_package(&mut bob)?, server)?);
    let [_, welcome] = server.take()?;
    let mut bob = join::<L>(bob, &welcome)?;
    say("at five?", &mut alice, &mut [&mut bob], server)?;
    say("at six", &mut bob, &mut [&mut alice], server)?;

    // Bob and Alice commit in the same epoch. Bob's Commit is accepted, so Alice creates her Commit
    // again.
    let (carols, daves) = (L::key_package(&mut carol)?, L::key_package(&mut dave)?);
    assert!(bob.add(&daves, server)?);
    let [winner, welcome] = server.take()?;
    let mut dave = join::<L>(dave, &welcome)?;
    assert!(!alice.add(&carols, server)?);
    let mut alice = alice.restart("alice")?;
    assert!(L::lost_race(&mut alice.0, &mut alice.1, &winner, &carols, server)?);
    let [commit, welcome] = server.take()?;
    for member in [&mut bob, &mut dave] {
        assert_eq!(member.receive(&commit)?, None);
    }
    let mut carol = join::<L>(carol, &welcome)?;
    say("four of us", &mut carol, &mut [&mut alice, &mut bob, &mut dave], server)?;

    // All clients restart from their storage, which contains the keys for sent and received
    // messages.
    let (mut alice, mut bob) = (alice.restart("alice")?, bob.restart("bob")?);
    let (mut carol, mut dave) = (carol.restart("carol")?, dave.restart("dave")?);
    say("back", &mut carol, &mut [&mut alice, &mut bob, &mut dave], server)?;
    say("welcome back", &mut alice, &mut [&mut bob, &mut carol, &mut dave], server)?;

    // Erin tries to join by an external Commit with an old GroupInfo, which fails. She then joins
    // with a new GroupInfo.
    let old = L::group_info(&mut alice.0, &mut alice.1)?;
    let (mut erin, mut frank) = (L::client("erin")?, L::client("frank")?);
    let group = L::external_join(&mut frank, &old, server)?.ok_or("refused")?;
    let mut frank = Member::<L>(frank, group);
    let [commit] = server.take()?;
    for member in [&mut alice, &mut bob, &mut carol, &mut dave] {
        assert_eq!(member.receive(&commit)?, None);
    }
    assert!(L::external_join(&mut erin, &old, server)?.is_none());
    let group_info = L::group_info(&mut bob.0, &mut bob.1)?;
    let group = L::external_join(&mut erin, &group_info, server)?.ok_or("refused")?;
    let mut erin = Member::<L>(erin, group).restart("erin")?;
    let [commit] = server.take()?;
    for member in [&mut alice, &mut bob, &mut carol, &mut dave, &mut frank] {
        assert_eq!(member.receive(&commit)?, None);
    }
    let others = &mut [&mut alice, &mut bob, &mut carol, &mut dave, &mut frank];
    say("six of us", &mut erin, others, server)?;

    for member in [&mut alice, &mut bob, &mut carol, &mut dave, &mut erin, &mut frank] {
        assert_eq!(member.members()?, ["alice", "bob", "dave", "carol", "frank", "erin"]);
    }
    Ok(())
}

#[test]
fn pando_does_it() -> Outcome {
    story::<pando::Pando>()
}

#[test]
fn openmls_does_it() -> Outcome {
    story::<openmls::OpenMls>()
}

#[test]
fn mls_rs_does_it() -> Outcome {
    story::<mls_rs::MlsRs>()
}
