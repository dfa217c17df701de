//! A single Commit adds, removes and updates members, both by value and by reference.

use crate::group_fixture::{GroupFixture, external_psk, fast_suites, suites};
use crate::proposals::{add, remove};
use pando_mls::LeafIndex;

#[test]
fn a_commit_adds_and_removes_at_once() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 6);
        let newcomer = fixture.newcomer();
        let (a, b) = (LeafIndex(1), LeafIndex(4));
        let (_, welcome) =
            fixture.commit(3, |builder| builder.remove(a).add(newcomer.key_package()).remove(b));
        assert_eq!(fixture.members.len(), 4);
        fixture.enter(newcomer, &welcome.unwrap());
        // The newcomer gets the leaf of the first removed member.
        assert_eq!(fixture.leaf(4), a);
        fixture.chat(0);
    }
}

#[test]
fn a_commit_adds_removes_and_updates_at_once() {
    for suite in fast_suites() {
        for committer in [0, 3] {
            let mut fixture = GroupFixture::of(suite, 6);
            let (one, other) = (fixture.newcomer(), fixture.newcomer());
            let proposer = 3 - committer;
            let key =
                |fixture: &GroupFixture| fixture.tree().leaf(LeafIndex(2)).unwrap().unwrap().encryption_key;
            let before = key(&fixture);
            fixture.propose_update(2);
            fixture.propose(proposer, remove(1));
            fixture.propose(proposer, add(one.key_package()));
            let (_, welcome) = fixture.commit(committer, |builder| {
                builder.remove(LeafIndex(4)).add(other.key_package()).psk(external_psk(1))
            });
            assert_eq!(fixture.members.len(), 4);
            assert_ne!(key(&fixture), before);
            let welcome = welcome.unwrap();
            fixture.enter(one, &welcome);
            fixture.enter(other, &welcome);
            let leaves: Vec<_> = fixture.members.iter().map(|member| member.leaf().0).collect();
            assert_eq!(leaves, [0, 2, 3, 5, 1, 4]);
            fixture.chat(0);
            fixture.chat(5);
            fixture.commit(1, |builder| builder);
            fixture.commit(5, |builder| builder);
        }
    }
}
