//! A member stages two Commits of the same epoch and merges one of them, so the other becomes
//! stale. A Commit that is only staged changes nothing.

use crate::group_fixture::{GroupFixture, read, suites};
use crate::proposals::extensions;
use crate::server::Server;
use pando_mls::{GroupError, LeafIndex, Misuse, Processed, Proposal, Staged};

fn staged(fixture: &mut GroupFixture, index: usize, message: &pando_mls::MlsMessage) -> Box<Staged> {
    match fixture.members[index].process(message).unwrap() {
        Processed::Commit(staged) => staged,
        other => panic!("not a Commit: {other:?}"),
    }
}

#[test]
fn of_two_staged_commits_one_is_merged() {
    for suite in suites() {
        for reader in [0, 2] {
            let mut fixture = GroupFixture::public(suite);
            fixture.add(0, 3);
            let (a, b) = (1, 3);
            let (first, _) = fixture.build(a, |builder| builder).unwrap();
            let (second, _) = fixture.build(b, |builder| builder.remove(LeafIndex(1))).unwrap();
            let epoch = fixture.context().epoch;
            let [one, other] = [&first, &second].map(|message| staged(&mut fixture, reader, message));
            assert_eq!(one.public().context().epoch, epoch + 1);
            assert_eq!((one.removed(), other.removed()), (&[][..], &[LeafIndex(1)][..]));
            // Staging has not changed the group so far.
            let message = fixture.send(b, b"meanwhile");
            assert_eq!(read(fixture.members[reader].process(&message)).1, b"meanwhile");
            fixture.agree();
            fixture.members[reader].merge(*one);
            let merged = fixture.members[reader].operate(|group, _| group.merge(*other));
            assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
            for index in (0..4).filter(|index| *index != reader) {
                assert_eq!(fixture.members[index].follow(&first), index == a);
            }
            fixture.agree();
            fixture.chat(reader);
        }
    }
}

#[test]
fn who_was_removed_does_not_come_back_by_the_other() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 3);
        let mut server = Server::of(&fixture);
        let (removal, _) = fixture.build(1, |builder| builder.remove(LeafIndex(2))).unwrap();
        let (other, _) = fixture.build(3, |builder| builder).unwrap();
        let [removal, other] = [&removal, &other].map(|message| staged(&mut fixture, 2, message));
        assert!(removal.removes_me());
        let member = &mut fixture.members[2];
        member.merge(*removal);
        let merged = member.operate(|group, _| group.merge(*other));
        assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::Ended));
        member.check_store();
        assert!(!member.group.is_active() && member.group.resumption_psk(member.group.epoch()).is_none());
        // An observer does not continue with a group that has ended either.
        let reinit = Proposal::ReInit(Box::new(crate::proposals::reinit(suite, extensions(&[]))));
        fixture.members.remove(2);
        fixture.members.iter_mut().for_each(|member| drop(member.clear_pending()));
        let (end, _) = fixture.build(0, |builder| builder.proposal(reinit)).unwrap();
        let (other, _) = fixture.build(1, |builder| builder).unwrap();
        let [end, other] = [&end, &other].map(|message| server.stage(message));
        server.merge_unconfirmed(&end).unwrap();
        assert_eq!(server.merge_unconfirmed(&other).unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
    }
}

/// Shows that a member cannot merge a Commit that another member has staged, even if both run in
/// the same process.
#[test]
fn what_another_member_has_staged_is_not_merged() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 3);
        let (removal, _) = fixture.build(0, |builder| builder.remove(LeafIndex(2))).unwrap();
        for (reader, attacker) in [(1, 3), (1, 2), (2, 1)] {
            let theirs = staged(&mut fixture, reader, &removal);
            let merged = fixture.members[attacker].operate(|group, _| group.merge(*theirs));
            assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
        }
        fixture.agree();
        for index in 0..4 {
            fixture.members[index].follow(&removal);
        }
        assert!(!fixture.members.remove(2).group.is_active());
        fixture.agree();
    }
}

/// Shows that a Commit that was staged in one group cannot be merged in another, even if both have
/// the same identifier and epoch.
#[test]
fn what_another_group_has_staged_is_not_merged() {
    for suite in suites() {
        let mut worlds = [0, 1].map(|by| {
            let mut fixture = GroupFixture::public(suite);
            fixture.add(0, 2);
            fixture.commit(by, |builder| builder);
            fixture
        });
        let [one, other] = &mut worlds;
        assert_eq!(one.context().epoch, other.context().epoch);
        let (commit, _) = other.build(0, |builder| builder).unwrap();
        let mut server = Server::of(one);
        let theirs = Server::of(other).stage(&commit);
        assert_eq!(server.merge_unconfirmed(&theirs).unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
        server.agrees_with(one);
        let theirs = staged(other, 2, &commit);
        let merged = one.members[2].operate(|group, _| group.merge(*theirs));
        assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
        one.agree();
        one.chat(2);
    }
}
