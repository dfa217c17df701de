//! A member proposes many changes that conflict with each other. Every other member can still
//! commit, and its Commit covers those that are compatible.

use crate::group_fixture::{GroupFixture, Newcomer, external_psk, fast_suites};
use crate::proposals::{add, custom, extensions, psk, reinit, remove, set_extensions};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{
    CommitBuilder, Encode, Exceeded, GroupConfig, GroupError, GroupId, LeafIndex, Limits, NoPsks, Proposal,
    Psk,
};

#[test]
fn nobody_can_keep_others_from_making_commits() {
    for (committer, suite) in (0..3).flat_map(|committer| fast_suites().map(move |suite| (committer, suite)))
    {
        let mut fixture = GroupFixture::of(suite, 4);
        // A fifth member never responds, and does not support custom proposals.
        let plain = fixture.newcomer_with(|template| template.capabilities.proposals = vec![]).key_package();
        fixture.commit(0, |builder| builder.add(plain.clone()));
        for proposal in [
            remove(0),
            remove(1),
            remove(2),
            remove(2),
            // All members list this GREASE value, but none supports it.
            set_extensions(extensions(&[0x1a1a])),
            set_extensions(extensions(&[0xf00d])),
            set_extensions(extensions(&[])),
            set_extensions(extensions(&[])),
            Proposal::ReInit(Box::new(reinit(suite, extensions(&[])))),
            psk(external_psk(1), 32),
            psk(external_psk(1), 32),
            add(plain.clone()),
        ] {
            fixture.propose(3, proposal);
        }
        // This proposal cannot be committed, because the member at the fifth leaf does not support
        // it.
        fixture.propose_unsupported(3, LeafIndex(4), custom(0xf001, b""));
        fixture.propose_update(3);
        fixture.propose_update(3);
        fixture.propose_update(committer);
        fixture.commit(committer, |builder| builder);
        let left: Vec<_> = fixture.tree().members().map(Result::unwrap).collect();
        let committer = u32::try_from(committer).unwrap();
        assert_eq!(left, [committer, 3, 4].map(LeafIndex));
        fixture.chat(0);
    }
}

/// Shows that PSKs that the committer does not have are left out, even if no member has them.
#[test]
fn pre_shared_keys_that_are_not_at_hand_are_left_out() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        fixture.commit(1, |builder| builder);
        let (own, epoch) = (fixture.context().group_id.clone(), fixture.context().epoch);
        let resumption = |psk_group_id: &GroupId, psk_epoch| {
            let (usage, psk_group_id) = (ResumptionPskUsage::Application, psk_group_id.clone());
            psk(Psk::Resumption { usage, psk_group_id, psk_epoch }, suite.hash_len())
        };
        let external = psk(external_psk(1), suite.hash_len());
        let known = [resumption(&own, epoch), resumption(&own, epoch - 1)];
        let unknown =
            [resumption(&own, epoch + 1), resumption(&b"else".as_slice().into(), 1), external.clone()];
        for proposal in known.iter().chain(&unknown) {
            fixture.propose(2, proposal.clone());
        }
        let commit = fixture.members[0]
            .operate(|group, cx| {
                let output = group.commit().build(&cx.with_psks(&NoPsks), &mut fixture.rng)?;
                Ok(output.map(|output| output.message))
            })
            .unwrap();
        let covered = fixture.members[0].group.pending_epoch().unwrap().proposals();
        assert!(covered.map(|(_, proposal)| proposal).eq(&known));
        fixture.deliver_commit(0, &commit);
        fixture.chat(0);
        // A pending PSK is covered if it is available. If the committer itself proposes a PSK that
        // it lacks, this is an error.
        fixture.propose(2, external.clone());
        let (commit, _) = fixture.build(0, |builder| builder).unwrap();
        let covered = fixture.members[0].group.pending_epoch().unwrap().proposals();
        assert!(covered.map(|(_, proposal)| proposal).eq([&external]));
        fixture.deliver_commit(0, &commit);
        let own = fixture.build(0, |builder| builder.proposal(unknown[1].clone()));
        assert!(matches!(own, Err(GroupError::Missing(_))));
    }
}

/// Shows that a Commit covers at most 65,535 PSKs, because a Welcome numbers them with 16 bits. The
/// committer's own PSKs take precedence.
#[test]
fn more_pre_shared_keys_than_can_be_counted_are_left_out() {
    let suite = fast_suites().next().unwrap();
    let mut fixture = GroupFixture::of(suite, 2);
    for name in 0..5 {
        fixture.propose(1, psk(external_psk(name), suite.hash_len()));
    }
    let own = usize::from(u16::MAX) - 2;
    fixture.build(0, |builder| (0..own).fold(builder, |builder, _| builder.psk(external_psk(2)))).unwrap();
    let covered = fixture.members[0].group.pending_epoch().unwrap().proposals().count();
    assert_eq!(covered, usize::from(u16::MAX));
}

/// Shows that a Commit that adds a member covers fewer PSKs of other members. A Welcome lists all
/// PSKs for each new member, so its size would otherwise grow with the product of both numbers.
#[test]
fn if_somebody_is_added_there_is_room_for_some_pre_shared_keys() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let proposals = (0..120).map(|name| psk(external_psk(name), suite.hash_len()));
        let proposals: Vec<_> = proposals.collect();
        let room = 4_096 / proposals[0].encode().unwrap().len();
        assert!(room < proposals.len());
        for proposal in &proposals {
            fixture.propose(1, proposal.clone());
        }
        let newcomers = [(); 2].map(|()| fixture.newcomer());
        let covered = |fixture: &mut GroupFixture, newcomer: Option<&Newcomer>| {
            let key_package = newcomer.map(Newcomer::key_package).into_iter();
            fixture.build(0, |builder| key_package.fold(builder, CommitBuilder::add)).unwrap();
            let covered = fixture.members[0].group.pending_epoch().unwrap().proposals();
            let covered =
                covered.filter(|(_, proposal)| matches!(proposal, Proposal::PreSharedKey(_))).count();
            fixture.members[0].clear_pending();
            covered
        };
        assert_eq!(covered(&mut fixture, None), proposals.len());
        assert_eq!(covered(&mut fixture, Some(&newcomers[0])), room);
        fixture.propose(1, add(newcomers[1].key_package()));
        assert_eq!(covered(&mut fixture, None), room);
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.tree().member_count(), 3);
    }
}

/// Shows that Adds are left out if members propose more of them than the limit allows.
#[test]
fn members_for_whom_there_is_no_room_are_left_out() {
    for suite in fast_suites() {
        let limits = Limits::default().with_leaves(2);
        let mut fixture = GroupFixture::with_config(suite, GroupConfig::default().with_limits(limits));
        fixture.add(0, 1);
        let newcomers = [(); 2].map(|()| fixture.newcomer().key_package());
        for key_package in &newcomers {
            fixture.propose(1, add(key_package.clone()));
        }
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.tree().member_count(), 2);
        // If another member is removed, one client can be added. The committer's own Adds are never
        // left out.
        for key_package in &newcomers {
            fixture.propose(1, add(key_package.clone()));
        }
        let own = fixture.build(0, |builder| builder.add(newcomers[0].clone()));
        assert_eq!(own.unwrap_err(), GroupError::Exceeded(Exceeded::Leaves(2)));
        fixture.commit(0, |builder| builder.remove(LeafIndex(1)));
        assert_eq!(fixture.tree().member_count(), 2);
        assert_eq!(fixture.tree().leaf(LeafIndex(1)).unwrap(), Some(newcomers[0].leaf_node.clone()));
    }
}
