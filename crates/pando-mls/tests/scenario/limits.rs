//! Input that exceeds a client's limits is rejected with a clear error, before it causes much work.

use crate::group_fixture::{GroupFixture, Newcomer, client, external_psk, fast_suites, template};
use crate::proposals::psk;
use pando_mls::{
    ApplicationData, BasicIdentities, Context, Encode, Exceeded, Group, GroupConfig, GroupError, Limits,
    MlsMessage, Padding, PublicGroup, TreeError, propose_own_add,
};
use pando_wire::RatchetTree;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::cell::Cell;
use std::num::NonZeroUsize;

fn limits(limits: Limits) -> GroupConfig {
    GroupConfig::default().with_limits(limits)
}

#[test]
fn messages_that_are_too_large_are_refused() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let small = Limits::default().with_message_bytes(1_000);
        let newcomer = fixture.newcomer();
        let (commit, welcome) = fixture.commit(0, |builder| builder.add(newcomer.bundle.key_package.clone()));
        let mut member = newcomer.join(&welcome.unwrap(), None, limits(small)).unwrap();
        assert!(commit.encode().unwrap().len() > 500);
        let large = fixture.send(0, &[7; 2_000]);
        let exceeded = GroupError::Exceeded(Exceeded::MessageBytes(1_000));
        assert_eq!(member.process(&large).unwrap_err(), exceeded);
        let fits = fixture.send(0, &[7; 200]);
        assert_eq!(crate::group_fixture::read(member.process(&fits)).1, [7; 200]);
    }
}

type Operation = fn(&mut Group, &Context<'_>, &mut ChaCha20Rng) -> Result<MlsMessage, GroupError>;

/// All operations with which a member sends a message.
const OPERATIONS: [Operation; 5] = [
    |group, cx, rng| {
        Ok(group
            .encrypt(ApplicationData::new(&[7; 300]).authenticated_data(&[8; 100]), cx, rng)?
            .assume_persisted())
    },
    |group, cx, rng| Ok(group.propose(psk(external_psk(1), 32), &[8; 100], cx, rng)?.assume_persisted()),
    |group, cx, rng| Ok(group.propose_update(None, b"", cx, rng)?.assume_persisted()),
    |group, cx, rng| Ok(group.commit().build(cx, rng)?.assume_persisted().message),
    |group, cx, rng| {
        Ok(group.commit().psk(external_psk(1)).without_path().build(cx, rng)?.assume_persisted().message)
    },
];

/// Shows that a member does not send a message that members with the same limit would reject. The
/// limit is exact to the byte, and a failed operation uses up no key.
#[test]
fn messages_that_are_too_large_are_not_sent() {
    let multiple = Padding::Multiple(NonZeroUsize::new(100).unwrap());
    let configs = [(true, Padding::None), (true, Padding::Padme), (true, multiple), (false, Padding::Padme)];
    for (suite, (encrypt_handshakes, padding)) in fast_suites().flat_map(|suite| configs.map(|c| (suite, c)))
    {
        let config = GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes).with_padding(padding);
        let mut fixture = GroupFixture::with_config(suite, config);
        fixture.add(0, 2);
        for operation in OPERATIONS {
            // Each attempt starts from the stored rows with the same randomness, and its changes
            // are discarded.
            let attempt = |message_bytes, by: usize, rest: &dyn Fn(&mut Group, &Context<'_>)| {
                let limits = Limits::default().with_message_bytes(message_bytes);
                let member = &fixture.members[by];
                let cx = client(&*member.signer).with_config(config.with_limits(limits));
                rest(&mut Group::load(&member.rows, &cx).unwrap(), &cx);
            };
            let make = |group: &mut Group, cx: &Context<'_>| {
                operation(group, cx, &mut ChaCha20Rng::seed_from_u64(5))
            };
            let message = Cell::new(None);
            attempt(usize::MAX, 0, &|group, cx| message.set(Some(make(group, cx).unwrap())));
            let message = message.take().unwrap();
            let bytes = message.encode().unwrap().len();
            attempt(bytes, 0, &|group, cx| assert_eq!(make(group, cx).unwrap(), message));
            attempt(bytes, 1, &|group, cx| drop(group.process(message.clone(), cx).unwrap()));

            let exceeded = GroupError::Exceeded(Exceeded::MessageBytes(bytes - 1));
            attempt(bytes - 1, 0, &|group, cx| {
                assert_eq!(make(group, cx).unwrap_err(), exceeded);
                assert_eq!(group.rows().unwrap(), fixture.members[0].rows);
                assert!(group.take_delta().delta().is_empty());
            });
            attempt(bytes - 1, 1, &|group, cx| {
                assert_eq!(group.process(message.clone(), cx).unwrap_err(), exceeded);
            });
        }
    }
}

#[test]
fn nor_does_anything_from_outside_that_is_too_large_leave() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let group_info = fixture.members[0].group_info(true);
        let mut join = |message_bytes| {
            fixture.rng = ChaCha20Rng::seed_from_u64(5);
            let newcomer = fixture.newcomer();
            fixture.config = limits(Limits::default().with_message_bytes(message_bytes));
            let cx = client(&*newcomer.signer).with_config(fixture.config);
            let asked = propose_own_add(fixture.context(), newcomer.key_package(), &cx);
            let joined = fixture.external(newcomer, &group_info, None, None, vec![]);
            [asked, joined.map(|(_, message)| message)]
        };
        let lengths = join(usize::MAX).map(|message| message.unwrap().encode().unwrap().len());
        for (which, bytes) in lengths.into_iter().enumerate() {
            assert_eq!(join(bytes)[which].as_ref().map(drop), Ok(()));
            let exceeded = GroupError::Exceeded(Exceeded::MessageBytes(bytes - 1));
            assert_eq!(join(bytes - 1)[which].as_ref().map(drop), Err(&exceeded));
        }
    }
}

#[test]
fn trees_that_are_too_large_are_not_joined() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 5);
        let tree = fixture.members[0].group.public().tree().export().unwrap();
        for (limit, exceeded) in [
            (Limits::default().with_tree_bytes(100), Exceeded::TreeBytes(100)),
            (Limits::default().with_leaves(4), Exceeded::Leaves(4)),
        ] {
            let newcomer = fixture.newcomer();
            let (_, welcome) =
                fixture.build(0, |builder| builder.add(newcomer.bundle.key_package.clone())).unwrap();
            let refused = newcomer.join(&welcome.unwrap(), None, limits(limit)).err();
            assert_eq!(refused, Some(exceeded.into()));
            fixture.members[0].clear_pending();
            let group_info = fixture.members[0].group_info(false);
            let observer = PublicGroup::new(fixture.suite, &group_info, Some(&tree), &BasicIdentities, limit);
            assert_eq!(observer.err(), Some(exceeded.into()));
        }
    }
}

/// Shows that a tree with one byte per node, which cannot be the tree of the group, is rejected
/// without being hashed.
#[test]
fn a_tree_of_too_many_blank_leaves_is_not_hashed() {
    for suite in fast_suites() {
        let fixture = GroupFixture::of(suite, 2);
        let tree = fixture.members[0].group.public().tree().to_wire().unwrap();
        let group_info = fixture.members[0].group_info(false);
        for (blanks, expected) in
            [(6, GroupError::Tree(TreeError::TreeHash)), (8, GroupError::Exceeded(Exceeded::Leaves(4)))]
        {
            let blank = std::iter::repeat_n(None, blanks);
            let tree = RatchetTree(blank.chain(tree.0.first().cloned()).collect()).encode().unwrap();
            let limit = Limits::default().with_leaves(4);
            let observer = PublicGroup::new(suite, &group_info, Some(&tree), &BasicIdentities, limit);
            assert_eq!(observer.err(), Some(expected));
        }
    }
}

#[test]
fn a_group_whose_identifier_is_too_long_is_not_joined() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let newcomer = fixture.newcomer();
        let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.key_package()));
        let welcome = welcome.unwrap();
        let bytes = fixture.context().group_id.len();
        let limit = Limits::default().with_group_id_bytes(bytes - 1);
        let refused = Group::join(
            &welcome,
            &newcomer.bundle,
            None,
            &client(&*newcomer.signer).with_config(limits(limit)),
        );
        assert_eq!(refused.map(drop).unwrap_err(), Exceeded::GroupIdBytes(bytes - 1).into());
        let limit = Limits::default().with_group_id_bytes(bytes);
        let joined = Group::join(
            &welcome,
            &newcomer.bundle,
            None,
            &client(&*newcomer.signer).with_config(limits(limit)),
        );
        assert!(joined.is_ok());
        // A group with a longer identifier than the limit allows cannot be created either.
        let begin = |group_id_bytes| {
            let newcomer = Newcomer::new(suite, template(), &mut ChaCha20Rng::seed_from_u64(5));
            let config = limits(Limits::default().with_group_id_bytes(group_id_bytes));
            let cx = client(&*newcomer.signer).with_config(config);
            let (id, rng) = ("group", &mut ChaCha20Rng::seed_from_u64(6));
            Group::builder(id).build(newcomer.bundle, &cx, rng).map(drop)
        };
        assert_eq!(begin(5), Ok(()));
        assert_eq!(begin(4), Err(Exceeded::GroupIdBytes(4).into()));
        // The same limit applies to observers and to external joins.
        let group_info = fixture.members[0].group_info(true);
        let limit = Limits::default().with_group_id_bytes(bytes - 1);
        let observer = PublicGroup::new(fixture.suite, &group_info, None, &BasicIdentities, limit);
        assert_eq!(observer.err(), Some(Exceeded::GroupIdBytes(bytes - 1).into()));
    }
}

#[test]
fn a_group_does_not_grow_beyond_what_a_member_takes() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::with_config(suite, limits(Limits::default().with_leaves(2)));
        fixture.add(0, 1);
        let third = fixture.newcomer();
        let refused = fixture.build(0, |builder| builder.add(third.bundle.key_package.clone())).err();
        assert_eq!(refused, Some(GroupError::Exceeded(Exceeded::Leaves(2))));
        // A member with a higher limit can add a client. The other member cannot follow, and its
        // error gives the reason.
        let cx = client(&*fixture.members[1].signer).with_config(GroupConfig::default());
        fixture.members[1].group = Group::load(&fixture.members[1].rows, &cx).unwrap();
        let (commit, _) = fixture.build(1, |builder| builder.add(third.bundle.key_package.clone())).unwrap();
        let refused = fixture.members[0].process(&commit).err();
        assert_eq!(refused, Some(GroupError::Exceeded(Exceeded::Leaves(2))));
    }
}

/// Shows that a member can create Commits even if more Adds are proposed than its limit allows.
#[test]
fn who_would_make_the_tree_too_large_is_not_added() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::with_config(suite, limits(Limits::default().with_leaves(4)));
        fixture.add(0, 1);
        for _ in 0..3 {
            let add = crate::proposals::add(fixture.newcomer().key_package());
            fixture.propose(1, add);
        }
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.tree().member_count(), 4);
        fixture.chat(0);
    }
}

#[test]
fn proposals_that_are_too_many_are_refused() {
    for suite in fast_suites() {
        let mut fixture =
            GroupFixture::with_config(suite, limits(Limits::default().with_pending_proposals(2)));
        fixture.add(0, 1);
        fixture.propose_update(0);
        fixture.propose_update(0);
        let third = fixture.members[0].propose_update(&mut fixture.rng).unwrap_err();
        assert_eq!(third, GroupError::Exceeded(Exceeded::PendingProposals(2)));
        assert!(fixture.members[0].group.take_delta().delta().is_empty(), "no key was used");
        // The pending proposals can be committed.
        fixture.commit(1, |builder| builder);
        fixture.chat(0);
    }
}

/// Shows that observers enforce limits, too.
#[test]
fn an_observer_does_not_take_everything() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let group_info = fixture.members[0].group_info(true);
        let observer = |limits| {
            PublicGroup::new(fixture.suite, &group_info, None, &BasicIdentities, limits)
                .unwrap()
                .assume_persisted()
        };
        let usual = Limits::default();
        let mut careful = [
            observer(usual.with_message_bytes(100)),
            observer(usual.with_pending_proposals(0)),
            observer(usual.with_leaves(2)),
        ];
        let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        let third = fixture.newcomer();
        let add = third.bundle.key_package;
        let (commit, _) = fixture.build(0, |builder| builder.only_pending([]).add(add)).unwrap();
        let mut taken = |index: usize, message: &MlsMessage| {
            careful[index]
                .process(message.clone(), &BasicIdentities, &pando_mls::AdmitAll, None)
                .map(|_| ())
                .map_err(|error| match error {
                    GroupError::Exceeded(exceeded) => exceeded,
                    other => panic!("{other:?}"),
                })
        };
        assert_eq!(taken(0, &update), Err(Exceeded::MessageBytes(100)));
        assert_eq!(taken(1, &update), Err(Exceeded::PendingProposals(0)));
        assert_eq!(taken(2, &update), Ok(()));
        assert_eq!(taken(0, &commit), Err(Exceeded::MessageBytes(100)));
        assert_eq!(taken(1, &commit), Ok(()));
        assert_eq!(taken(2, &commit), Err(Exceeded::Leaves(2)));
    }
}

#[test]
fn who_joins_from_outside_does_not_make_the_tree_too_large() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let group_info = fixture.members[0].group_info(true);
        let newcomer = fixture.newcomer();
        fixture.config = limits(Limits::default().with_leaves(2));
        let refused = fixture.external(newcomer, &group_info, None, None, vec![]).err();
        assert_eq!(refused, Some(GroupError::Exceeded(Exceeded::Leaves(2))));
    }
}
