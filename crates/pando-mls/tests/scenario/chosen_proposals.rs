//! A committer covers only those pending proposals that the application selects. Receivers learn
//! which proposals the Commit covers, and who sent each of them.

use crate::group_fixture::{GroupFixture, external_psk, fast_suites};
use pando_mls::wire::{Remove, Sender};
use pando_mls::{LeafIndex, Processed, Proposal};

#[test]
fn chosen_proposals() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 3);
        fixture.propose(1, Proposal::Remove(Remove { removed: LeafIndex(3) }));
        fixture.propose_update(2);
        let update = fixture.members[0]
            .group
            .pending_proposals()
            .find(|pending| matches!(pending.proposal, Proposal::Update(_)))
            .map(|pending| pending.reference.clone());
        let (commit, _) =
            fixture.build(0, |builder| builder.only_pending(update).psk(external_psk(1))).unwrap();
        let Processed::Commit(staged) = fixture.members[1].process(&commit).unwrap() else { panic!() };
        let staged = *staged;
        assert_eq!(staged.committer(), Sender::Member(LeafIndex(0)));
        // The committer sees the same proposals until it merges the Commit.
        for staged in [&staged, fixture.members[0].group.pending_epoch().unwrap()] {
            let covered: Vec<_> =
                staged.proposals().map(|(sender, proposal)| (sender, proposal.proposal_type().0)).collect();
            assert_eq!(covered, [(Sender::Member(LeafIndex(2)), 2), (Sender::Member(LeafIndex(0)), 4)]);
            assert!(staged.removed().is_empty());
            assert!(fixture.members[1].group.pending_epoch().is_none());
        }
        drop(staged);
        fixture.deliver_commit(0, &commit);
        assert!(fixture.members[0].group.pending_epoch().is_none());
        assert_eq!(fixture.members.len(), 4);
        fixture.chat(3);
    }
}

#[test]
fn a_staged_commit_tells_who_comes_and_who_goes() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 2);
        let [one, other] = [(); 2].map(|()| fixture.newcomer().key_package());
        let (commit, _) =
            fixture.build(0, |builder| builder.remove(LeafIndex(1)).add(one).add(other)).unwrap();
        let Processed::Commit(staged) = fixture.members[2].process(&commit).unwrap() else { panic!() };
        for staged in [&*staged, fixture.members[0].group.pending_epoch().unwrap()] {
            assert_eq!(staged.added().collect::<Vec<_>>(), [1, 3].map(LeafIndex));
            assert_eq!(staged.removed(), [LeafIndex(1)]);
        }
    }
}
