//! A member keeps only a limited number of proposals per epoch. A further proposal is rejected, but
//! a repeated one is not. A Commit makes space for new proposals.

use crate::group_fixture::{GroupFixture, Member, client, fast_suites, over_the_wire};
use crate::proposals::custom;
use pando_mls::{
    BasicIdentities, Exceeded, Group, GroupError, Limits, Processed, PublicGroup, RowKey, Rows, RustCrypto,
    propose_own_add,
};

#[test]
fn the_limit_of_pending_proposals() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.config.limits.pending_proposals = 2;
        fixture.add(0, 1);
        // The first member has the default limit, so it can send more proposals than the second
        // member keeps.
        let updates: Vec<_> =
            (0..3).map(|_| fixture.members[0].propose_update(&mut fixture.rng).unwrap()).collect();
        let kept = |fixture: &GroupFixture| fixture.members[1].pending_proposals().len();
        for (update, expected) in [(0, 1), (0, 1), (1, 2), (1, 2)] {
            assert!(matches!(fixture.members[1].process(&updates[update]).unwrap(), Processed::Proposal(_)));
            assert_eq!(kept(&fixture), expected);
        }
        let refused = fixture.members[1].process(&updates[2]).unwrap_err();
        assert_eq!(refused, GroupError::Exceeded(Exceeded::PendingProposals(2)));
        let own = fixture.members[1].propose_update(&mut fixture.rng);
        assert_eq!(own.unwrap_err(), GroupError::Exceeded(Exceeded::PendingProposals(2)));
        // The newest pending proposal is committed. Afterwards, there is space for new proposals.
        fixture.commit(1, |builder| builder);
        assert_eq!(kept(&fixture), 0);
        fixture.propose_update(0);
        assert_eq!(kept(&fixture), 1);
    }
}

/// Returns the number of bytes that a member has stored for its proposals.
fn stored(member: &Member) -> usize {
    let rows = member.rows.range(RowKey::Proposal(0)..=RowKey::Proposal(u32::MAX));
    rows.map(|(_, row)| row.expose().len()).sum()
}

/// Shows that the limit on the total size is exact, and that it includes proposals that were
/// pending before a restart.
#[test]
fn the_limit_of_the_size_of_pending_proposals() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let group_info = fixture.members[0].group_info(true);
        let proposals = [custom(0xf001, &[1; 5_000]), custom(0xf001, &[2; 3_000]), custom(0xf001, b"")];
        let messages =
            proposals.map(|proposal| fixture.members[0].propose(proposal, &mut fixture.rng).unwrap());
        let usual = Limits::default();
        let observer = |limits| PublicGroup::new(suite, &group_info, None, &BasicIdentities, limits).unwrap();
        let (mut observed, delta) = observer(usual).into_parts();
        let (mut rows, mut sizes) = (Rows::new(), Vec::new());
        delta.apply(&mut rows).unwrap();
        for message in &messages[..2] {
            fixture.members[1].process(message).unwrap();
            sizes.push(stored(&fixture.members[1]));
            let message = over_the_wire(message);
            observed
                .process(message, &BasicIdentities, &pando_mls::AdmitAll, None)
                .unwrap()
                .into_parts()
                .1
                .apply(&mut rows)
                .unwrap();
        }
        assert!(sizes[0] > 5_000 && sizes[1] > sizes[0] + 3_000);
        let exceeded = |limit| GroupError::Exceeded(Exceeded::PendingProposalBytes(limit));
        // The limit is exactly the size of both proposals, or one byte less. The first proposal is
        // already pending, both before and after a restart.
        for (pending_proposal_bytes, fits) in [(sizes[1], true), (sizes[1] - 1, false)] {
            let limits = usual.with_pending_proposal_bytes(pending_proposal_bytes);
            let (mut careful, delta) = observer(limits).into_parts();
            let mut rows = Rows::new();
            delta.apply(&mut rows).unwrap();
            let first = over_the_wire(&messages[0]);
            careful
                .process(first, &BasicIdentities, &pando_mls::AdmitAll, None)
                .unwrap()
                .into_parts()
                .1
                .apply(&mut rows)
                .unwrap();
            let restarted = PublicGroup::load(&rows, &RustCrypto, &BasicIdentities, limits).unwrap();
            for mut careful in [careful, restarted] {
                let taken = careful.process(
                    over_the_wire(&messages[1]),
                    &BasicIdentities,
                    &pando_mls::AdmitAll,
                    None,
                );
                assert_eq!(taken.map(drop), if fits { Ok(()) } else { Err(exceeded(sizes[1] - 1)) });
                assert_eq!(careful.pending_proposals().count(), if fits { 2 } else { 1 });
                // A proposal that is already pending can be received again.
                let _ = careful
                    .process(over_the_wire(&messages[0]), &BasicIdentities, &pando_mls::AdmitAll, None)
                    .unwrap();
            }
        }
        // A member that has both proposals and is loaded with a lower limit keeps them, but accepts
        // no further proposals.
        let limits = usual.with_pending_proposal_bytes(sizes[1]);
        let member = &mut fixture.members[1];
        let config = member.group.config().with_limits(limits);
        member.group = Group::load(&member.rows, &client(&*member.signer).with_config(config)).unwrap();
        assert_eq!(member.pending_proposals().len(), 2);
        assert_eq!(member.process(&messages[2]).unwrap_err(), exceeded(sizes[1]));
        let own = member.propose(custom(0xf001, b"own"), &mut fixture.rng).unwrap_err();
        assert_eq!(own, exceeded(sizes[1]));
        // Committing the proposals makes space for further proposals.
        fixture.members[0].process(&messages[2]).unwrap();
        let references: Vec<_> = fixture.members[1].group.pending_proposals().cloned().collect();
        let references = references.into_iter().map(|pending| pending.reference);
        fixture.commit(1, |builder| builder.only_pending(references));
        fixture.propose(0, custom(0xf001, &[3; 5_000]));
    }
}

/// Shows that clients that ask to be added do not use up the members' limit. The number of their
/// proposals has a limit of its own, which may be zero.
#[test]
fn the_limit_of_those_who_ask_to_be_added() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let group_info = fixture.members[0].group_info(true);
        let asked = [(); 3].map(|()| {
            let newcomer = fixture.newcomer();
            propose_own_add(fixture.context(), newcomer.key_package(), &client(&*newcomer.signer)).unwrap()
        });
        let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        for new_member_proposals in [0, 2] {
            let limits = Limits::default().with_new_member_proposals(new_member_proposals);
            let exceeded = GroupError::Exceeded(Exceeded::NewMemberProposals(new_member_proposals));
            let observed = PublicGroup::new(suite, &group_info, None, &BasicIdentities, limits);
            let (mut observer, delta) = observed.unwrap().into_parts();
            let mut rows = Rows::new();
            delta.apply(&mut rows).unwrap();
            let member = &mut fixture.members[1];
            let cx = client(&*member.signer).with_config(fixture.config.with_limits(limits));
            member.group = Group::load(&member.rows, &cx).unwrap();
            for (number, message) in asked.iter().enumerate() {
                // The pending proposals are loaded, and count towards the limit.
                let mut group = Group::load(&member.rows, &cx).unwrap();
                observer = PublicGroup::load(&rows, &RustCrypto, &BasicIdentities, limits).unwrap();
                let expected = if number < new_member_proposals { Ok(()) } else { Err(exceeded.clone()) };
                let taken = group.process(over_the_wire(message), &cx);
                assert_eq!(taken.map(|taken| drop(taken.persist_to(&mut member.rows).unwrap())), expected);
                let seen =
                    observer.process(over_the_wire(message), &BasicIdentities, &pando_mls::AdmitAll, None);
                assert_eq!(seen.map(|seen| drop(seen.persist_to(&mut rows).unwrap())), expected);
            }
            // Proposals of members are still accepted.
            member.group = Group::load(&member.rows, &cx).unwrap();
            member.process(&update).unwrap();
            assert_eq!(member.pending_proposals().len(), new_member_proposals + 1);
            let _ = observer
                .process(over_the_wire(&update), &BasicIdentities, &pando_mls::AdmitAll, None)
                .unwrap();
            assert_eq!(observer.pending_proposals().count(), new_member_proposals + 1);
            // A repeated proposal is accepted.
            for message in &asked[..new_member_proposals] {
                member.process(message).unwrap();
            }
        }
    }
}
