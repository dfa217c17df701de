//! The steps of two clients. Each step writes a row in its transaction, and does nothing if that
//! row already exists.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use crate::fixture::{SUITE, put, session, tea};
use pando_mls::{
    BasicIdentities, Client, CommitBuilder, Credential, Decode, Encode, Group, GroupError, GroupId,
    KeyPackage, LeafIndex, RustCrypto,
};
use pando_store::session::{Commit, Event, ExternalCommit, Received, SessionError, no_rows};
use pando_store::{Backend, Session, Store, StoredSigner, Transaction};

type Result<T = ()> = std::result::Result<T, SessionError>;

/// A step and its name.
pub(crate) type Step<B> = (&'static str, fn(&mut Pair<B>) -> Result);

pub(crate) struct User<B: Backend> {
    name: &'static str,
    session: Session<B>,
    open: Box<dyn Fn() -> Store<B>>,
}

impl<B: Backend> User<B> {
    fn new(name: &'static str, open: Box<dyn Fn() -> Store<B>>) -> Self {
        Self { name, session: session(open(), Client::default()), open }
    }

    /// Returns the row of a step, if the step is stored.
    fn row(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.session.store().psk(name.as_bytes())?.map(|row| row.expose().to_vec()))
    }

    fn identity(&self) -> Result<StoredSigner> {
        Ok(self.session.store().signers()?.pop().unwrap())
    }

    fn create_identity(&mut self) -> Result {
        if self.session.store().signers()?.is_empty() {
            self.session.create_identity(SUITE, Credential::basic(self.name))?;
        }
        Ok(())
    }

    fn send(&mut self, text: &str) -> Result {
        let name = format!("sent {text}");
        if self.row(&name)?.is_none() {
            self.session.send(&tea(), text, |tx, bytes| put(tx, &name, bytes))?;
        }
        Ok(())
    }

    /// Receives a message, unless it was received before.
    fn receive(&mut self, name: &str, bytes: &[u8]) -> Result {
        if self.row(name)?.is_none() {
            let note = |transaction: &mut Transaction<'_, B>, received: &Received| {
                let Received::Applied { events, .. } = received else { panic!("{name}: {received:?}") };
                let text = events.first().and_then(Event::text).unwrap_or_default();
                put(transaction, name, text.as_bytes())
            };
            drop(self.session.receive(bytes, note)?);
        }
        Ok(())
    }

    fn commit(&mut self, name: &str, added: Option<KeyPackage>) -> Result {
        if self.row(name)?.is_none() {
            self.session.commit(
                &tea(),
                |commit| added.into_iter().fold(commit, CommitBuilder::add),
                |transaction, commit| put(transaction, name, &commit.message),
            )?;
        }
        Ok(())
    }
}

impl<B: Backend> User<B> {
    /// Commits a leaf with the user's other signature key.
    fn change_key(&mut self, name: &str) -> Result {
        if self.row(name)?.is_some() {
            return Ok(());
        }
        let group = self.session.group(&tea())?;
        let leaf = group.public().tree().leaf(group.own_leaf()).map_err(GroupError::from)?.unwrap();
        let mut others = self.session.store().signers()?;
        others.retain(|stored| stored.public_key != leaf.signature_key);
        let app = |tx: &mut Transaction<'_, B>, commit: &Commit| put(tx, name, &commit.message);
        self.session.commit_identity(&tea(), &others[0], |commit| commit, app)?;
        Ok(())
    }
}

pub(crate) struct Pair<B: Backend> {
    alice: User<B>,
    bob: User<B>,
}

impl<B: Backend> Pair<B> {
    pub(crate) fn new([alice, bob]: [Box<dyn Fn() -> Store<B>>; 2]) -> Self {
        Self { alice: User::new("alice", alice), bob: User::new("bob", bob) }
    }

    /// Drops both sessions, and opens them again.
    pub(crate) fn restart(&mut self) {
        for user in [&mut self.alice, &mut self.bob] {
            user.session = session((user.open)(), Client::default());
        }
    }

    /// Bob receives Alice's message.
    fn bob_reads(&mut self, text: &str) -> Result {
        let bytes = self.alice.row(&format!("sent {text}"))?.unwrap();
        self.bob.receive(&format!("read {text}"), &bytes)
    }

    /// Alice receives Bob's message.
    fn alice_reads(&mut self, text: &str) -> Result {
        let bytes = self.bob.row(&format!("sent {text}"))?.unwrap();
        self.alice.receive(&format!("read {text}"), &bytes)
    }

    /// Checks that all messages have been read and none can be read again, that both users are in
    /// the same epoch, and that their stores are consistent.
    pub(crate) fn check(&mut self) {
        self.restart();
        let sent = [(0, ["one", "two", "five"]), (1, ["three", "four", "six"])];
        for (sender, texts) in sent {
            for text in texts {
                let users = [&mut self.alice, &mut self.bob];
                let (sent, read) = (format!("sent {text}"), format!("read {text}"));
                assert_eq!(users[1 - sender].row(&read).unwrap().unwrap(), text.as_bytes());
                let bytes = users[sender].row(&sent).unwrap().unwrap();
                for user in users {
                    let received = user.session.receive(&bytes, no_rows).unwrap();
                    let is_new = matches!(&received, Received::Applied { events, .. } if *events != [Event::OwnMessage]);
                    assert!(!is_new, "{text} is read twice: {received:?}");
                }
            }
        }
        let authenticators = [&mut self.alice, &mut self.bob].map(|user| {
            assert!(user.session.outbox(&tea()).unwrap().is_empty());
            assert!(user.session.joining(&tea()).unwrap().is_none());
            let findings = user.session.store().verify(&RustCrypto, &BasicIdentities).unwrap();
            assert!(findings.is_empty(), "{findings:?}");
            assert!(user.session.store().key_packages().unwrap().is_empty());
            let group = user.session.group(&tea()).unwrap();
            assert!(group.pending_commit().is_none());
            assert_eq!(group.epoch(), 4);
            group.epoch_authenticator().unwrap().expose().to_vec()
        });
        assert_eq!(authenticators[0], authenticators[1]);
    }
}

/// Returns all steps in order.
pub(crate) const fn steps<B: Backend>() -> [Step<B>; 30] {
    [
        ("alice makes an identity", |pair| pair.alice.create_identity()),
        ("bob makes an identity", |pair| pair.bob.create_identity()),
        ("bob publishes a KeyPackage", |pair| {
            let User { session, .. } = &mut pair.bob;
            if session.store().key_packages()?.is_empty() {
                let identity = pair.bob.identity()?;
                let app = |tx: &mut Transaction<'_, B>, key_package: &KeyPackage| {
                    put(tx, "KeyPackage", &key_package.encode()?)
                };
                pair.bob.session.create_key_package(&identity, |it| it, app)?;
            }
            Ok(())
        }),
        ("alice creates the group", |pair| {
            let alice = &mut pair.alice;
            if alice.row("group")?.is_none() {
                let identity = alice.identity()?;
                let app = |tx: &mut Transaction<'_, B>, _: &GroupId| put(tx, "group", b"yes");
                alice.session.create_group(Group::builder(tea()), &identity, app)?;
            }
            Ok(())
        }),
        ("alice adds bob", |pair| {
            let key_package = KeyPackage::decode(&pair.bob.row("KeyPackage")?.unwrap()).unwrap();
            pair.alice.commit("commit 1", Some(key_package))
        }),
        ("alice's commit is accepted", |pair| {
            let alice = &mut pair.alice;
            if alice.row("accepted")?.is_none() {
                alice.session.accept_commit(&tea(), |tx, events| {
                    assert_eq!(events.len(), 2);
                    put(tx, "accepted", b"yes")
                })?;
            }
            Ok(())
        }),
        ("bob joins", |pair| {
            let [(_, welcome)] = pair.alice.session.outbox(&tea())?.try_into().unwrap();
            pair.bob.receive("joined", &welcome)
        }),
        ("alice acknowledges the welcome", |pair| {
            let alice = &mut pair.alice;
            for (id, _) in alice.session.outbox(&tea())? {
                alice.session.acknowledge(&tea(), id)?;
            }
            Ok(())
        }),
        ("alice sends one", |pair| pair.alice.send("one")),
        ("alice sends two", |pair| pair.alice.send("two")),
        ("bob reads two", |pair| pair.bob_reads("two")),
        ("bob reads one", |pair| pair.bob_reads("one")),
        ("bob sends three", |pair| pair.bob.send("three")),
        ("bob sends four", |pair| pair.bob.send("four")),
        ("alice reads three", |pair| pair.alice_reads("three")),
        ("bob commits", |pair| pair.bob.commit("commit 2", None)),
        ("alice receives the commit", |pair| {
            let commit = pair.bob.row("commit 2")?.unwrap();
            pair.alice.receive("commit 2", &commit)
        }),
        ("bob's commit comes back", |pair| {
            let commit = pair.bob.row("commit 2")?.unwrap();
            pair.bob.receive("commit 2 is back", &commit)
        }),
        ("alice reads four of the epoch before", |pair| pair.alice_reads("four")),
        ("bob joins externally", |pair| {
            if pair.bob.row("external")?.is_none() {
                let group_info = pair.alice.session.group_info(&tea(), |it| it)?;
                let (identity, bob) = (pair.bob.identity()?, &mut pair.bob);
                let app = |tx: &mut Transaction<'_, B>, commit: &ExternalCommit| {
                    put(tx, "external", &commit.message)
                };
                bob.session.join_externally(&group_info, None, &identity, |it| it, app)?;
            }
            Ok(())
        }),
        ("alice receives the external commit", |pair| {
            let commit = pair.bob.row("external")?.unwrap();
            pair.alice.receive("external", &commit)
        }),
        ("bob's external commit comes back", |pair| {
            let commit = pair.bob.row("external")?.unwrap();
            pair.bob.receive("external is back", &commit)
        }),
        ("alice sends five", |pair| pair.alice.send("five")),
        ("bob reads five", |pair| {
            assert_eq!(pair.bob.session.group(&tea())?.own_leaf(), LeafIndex(1));
            pair.bob_reads("five")
        }),
        ("bob makes another key", |pair| {
            let session = &mut pair.bob.session;
            if session.store().signers()?.len() == 1 {
                session.create_identity(SUITE, Credential::basic("bob"))?;
            }
            Ok(())
        }),
        ("bob commits with the other key", |pair| pair.bob.change_key("commit 3")),
        ("alice receives the commit with the other key", |pair| {
            let commit = pair.bob.row("commit 3")?.unwrap();
            pair.alice.receive("commit 3", &commit)
        }),
        ("bob's commit with the other key comes back", |pair| {
            let commit = pair.bob.row("commit 3")?.unwrap();
            pair.bob.receive("commit 3 is back", &commit)
        }),
        ("bob sends six", |pair| pair.bob.send("six")),
        ("alice reads six", |pair| pair.alice_reads("six")),
    ]
}
