//! A client is killed at every step. Either the changes of an operation are not stored yet, as if
//! it had never happened, or they are stored but nothing has been sent or shown. Rows are written
//! atomically. Nothing is lost, no key is used twice, and no used key is restored.

use crate::group_fixture::{GroupFixture, Member, client, fast_suites, read};
use pando_mls::wire::MlsMessageBody;
use pando_mls::{
    Context, FramingError, Group, GroupError, MlsMessage, Processed, Rows, ScheduleError, Suite, Unpersisted,
};
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// The client is killed before the changes are stored.
    Before,
    /// The client is killed after the changes are stored, but before anything is sent or shown.
    After,
}

impl Member {
    /// Restarts the client from the stored rows, regardless of its state in memory.
    fn revive(&mut self) {
        let cx = client(&*self.signer).with_config(*self.group.config());
        self.group = Group::load(&self.rows, &cx).unwrap();
        assert_eq!(self.group.rows().unwrap(), self.rows);
    }

    /// Runs an operation and kills the client. If the changes of the operation were not stored,
    /// runs it again.
    fn killed<T>(
        &mut self,
        killed: Killed,
        mut operation: impl FnMut(&mut Group, &Context<'_>) -> Result<Unpersisted<T>, GroupError>,
    ) -> T {
        let cx = client(&*self.signer);
        if killed == Killed::Before {
            drop(operation(&mut self.group, &cx).unwrap());
            self.group = Group::load(&self.rows, &cx).unwrap();
        }
        let result = operation(&mut self.group, &cx).unwrap().persist_to(&mut self.rows).unwrap();
        self.revive();
        result
    }
}

/// Returns the ciphertext of a message, to check that no two messages are encrypted with the same
/// key and nonce.
fn ciphertext(message: &MlsMessage) -> Vec<u8> {
    let MlsMessageBody::PrivateMessage(private) = &message.body else { panic!("not encrypted") };
    private.ciphertext.to_vec()
}

fn sends(fixture: &mut GroupFixture, victim: usize, killed: Killed) {
    let rng = &mut fixture.rng;
    let lost = fixture.members[victim].killed(killed, |group, cx| group.encrypt(b"lost", cx, rng));
    let sent = fixture.send(victim, b"sent");
    assert_ne!(ciphertext(&lost), ciphertext(&sent));
    for (index, member) in fixture.members.iter_mut().enumerate() {
        if index != victim {
            assert_eq!(read(member.process(&sent)).1, b"sent");
            // If both messages had been encrypted with the same key, the second one could not be
            // read.
            assert_eq!(read(member.process(&lost)).1, b"lost");
        }
    }
}

fn receives(fixture: &mut GroupFixture, victim: usize, killed: Killed) {
    let message = fixture.send((victim + 1) % 3, b"hello");
    let read = fixture.members[victim].killed(killed, |group, cx| group.process(message.clone(), cx));
    assert!(matches!(read, Processed::Application { data, .. } if *data == *b"hello"));
    let again = fixture.members[victim].process(&message).unwrap_err();
    assert!(
        matches!(again, GroupError::Framing(FramingError::Schedule(ScheduleError::KeyGone(_)))),
        "{again:?}"
    );
    for index in (0..3).filter(|index| *index != victim && *index != (victim + 1) % 3) {
        fixture.members[index].process(&message).unwrap();
    }
}

fn proposes_and_commits(fixture: &mut GroupFixture, victim: usize, killed: Killed) {
    let rng = &mut fixture.rng;
    let proposal =
        fixture.members[victim].killed(killed, |group, cx| group.propose_update(None, b"", cx, rng));
    fixture.deliver_proposal(victim, &proposal);
    // Another member commits the Update of this client, which is killed again while it follows.
    let by = (victim + 1) % 3;
    let (commit, _) = fixture.build(by, |builder| builder).unwrap();
    fixture.members[victim].killed(killed, |group, cx| {
        let processed = group.process(commit.clone(), cx)?.assume_persisted();
        let Processed::Commit(staged) = processed else { panic!("not a Commit: {processed:?}") };
        group.merge(*staged)
    });
    for index in (0..3).filter(|index| *index != victim) {
        fixture.members[index].follow(&commit);
    }
    fixture.agree();

    // The client itself creates a Commit. After it is killed, it sends the Commit from its own
    // store.
    let rng = &mut fixture.rng;
    fixture.members[victim].killed(killed, |group, cx| group.commit().build(cx, rng));
    let commit = fixture.members[victim].group.pending_commit().unwrap().clone();
    for index in (0..3).filter(|index| *index != victim) {
        fixture.members[index].follow(&commit);
    }
    // The client learns that its Commit has won.
    assert!(matches!(fixture.members[victim].process(&commit), Ok(Processed::OwnCommit)));
    fixture.members[victim].killed(killed, |group, _| group.merge_pending());
    assert!(fixture.members[victim].group.pending_commit().is_none());
    fixture.agree();
}

fn loses(fixture: &mut GroupFixture, victim: usize, killed: Killed) {
    let rng = &mut fixture.rng;
    fixture.members[victim].killed(killed, |group, cx| group.commit().build(cx, rng));
    fixture.members[victim].killed(killed, |group, _| Ok(group.clear_pending()));
    let by = (victim + 1) % 3;
    fixture.commit(by, |builder| builder);
}

fn joins(fixture: &mut GroupFixture, killed: Killed) {
    let newcomer = fixture.newcomer();
    let added = newcomer.key_package();
    let (_, welcome) = fixture.commit(0, |builder| builder.add(added));
    let welcome = welcome.unwrap();
    let join = || Group::join(&welcome, &newcomer.bundle, None, &client(&*newcomer.signer)).unwrap();
    // The client deletes the KeyPackage only when it stores the group. If it is killed before, it
    // can join again.
    let (group, delta) = match killed {
        Killed::Before => {
            drop(join());
            join()
        }
        Killed::After => join(),
    }
    .into_parts();
    let mut rows = Rows::new();
    delta.apply(&mut rows).unwrap();
    drop(group);
    let group = Group::load(&rows, &client(&*newcomer.signer)).unwrap();
    fixture.members.push(Member { signer: newcomer.signer, group, rows });
    fixture.agree();
    fixture.members[0].acknowledge_all();
    fixture.chat(3);
    let leaf = fixture.leaf(3);
    fixture.commit(0, |builder| builder.remove(leaf));
}

fn lives(suite: Suite, victim: usize, killed: Killed) {
    let mut fixture = GroupFixture::of(suite, 3);
    for _ in 0..2 {
        sends(&mut fixture, victim, killed);
        receives(&mut fixture, victim, killed);
        proposes_and_commits(&mut fixture, victim, killed);
        loses(&mut fixture, victim, killed);
        joins(&mut fixture, killed);
        fixture.chat(victim);
    }
    // No row is left behind: the stored rows are of the same kinds as those of a member that was
    // never killed.
    let kinds =
        |member: &Member| -> BTreeSet<u8> { member.rows.keys().map(|key| key.to_bytes()[0]).collect() };
    assert_eq!(kinds(&fixture.members[victim]), kinds(&fixture.members[(victim + 1) % 3]));
}

#[test]
fn before_anything_is_stored() {
    for suite in fast_suites() {
        for victim in 0..3 {
            lives(suite, victim, Killed::Before);
        }
    }
}

#[test]
fn after_it_is_stored() {
    for suite in fast_suites() {
        for victim in 0..3 {
            lives(suite, victim, Killed::After);
        }
    }
}
