//! A client has lost its state. It rejoins by an external Commit that removes its old leaf, and is
//! in the group exactly once. The old state is of no use.

use crate::policies::Anybody;
use crate::server::Server;
use crate::world::{Newcomer, World, client, leaf_template, suites};
use pando_mls::{
    BasicIdentities, Credential, ExternalJoin, GroupError, LeafIndex, Limits, PublicGroup, RustCrypto,
    Violation,
};

#[test]
fn a_client_that_lost_its_state_comes_back() {
    for suite in suites() {
        for leaf in [0, 2] {
            let mut world = World::of(suite, 4);
            let lost = world.members.remove(world.at(leaf));
            let (key, group_info) = (lost.signer.public_key().clone(), world.members[0].group_info(true));
            // Only the signature key is left.
            let left =
                |world: &mut World| Newcomer { signer: world.signer(), bundle: world.newcomer().bundle };
            let mut back = left(&mut world);
            back.signer = lost.signer;
            let (member, message) =
                world.external(back, &group_info, None, Some(LeafIndex(leaf)), vec![]).unwrap();
            world.deliver_commit(usize::MAX, &message);
            world.members.push(member);
            world.agree();
            assert_eq!(world.leaf(3), LeafIndex(leaf));
            let keys = world
                .tree()
                .members()
                .map(Result::unwrap)
                .filter_map(|leaf| world.tree().signature_key(leaf).unwrap());
            assert_eq!(keys.filter(|known| *known == key).count(), 1);
            assert_eq!(world.tree().member_count(), 4);
            world.chat(3);
            world.commit(3, |builder| builder);
            world.commit(0, |builder| builder);
        }
    }
}

/// While the external Commit of the only member is applied, the tree is empty. It has the minimum
/// size for servers that read it from a GroupInfo or a store, as for one that has followed the
/// group.
#[test]
fn the_only_member_comes_back() {
    for suite in suites() {
        for leaf in [1, 2, 5, 7] {
            let mut world = World::public(suite);
            world.add(0, 7);
            let mut seen_it_grow = Server::of(&world);
            let only = LeafIndex(leaf);
            let others: Vec<_> =
                world.tree().members().map(Result::unwrap).filter(|other| *other != only).collect();
            let (message, _) = world.commit(world.at(leaf), |builder| {
                others.iter().fold(builder, |builder, other| builder.remove(*other))
            });
            seen_it_grow.follow(&message);
            let rows = seen_it_grow.group.rows().unwrap();
            let group = PublicGroup::load(&rows, &RustCrypto, &BasicIdentities, Limits::default()).unwrap();
            let servers = [seen_it_grow, Server { group, rows }, Server::of(&world)];

            let lost = world.members.remove(0);
            let (group_info, bundle) = (lost.group_info(true), world.newcomer().bundle);
            let back = Newcomer { signer: lost.signer, bundle };
            let (member, message) = world.external(back, &group_info, None, Some(only), vec![]).unwrap();
            world.members.push(member);
            assert_eq!(world.tree().size().leaf_count(), 1);
            let (next, _) = world.commit(0, |builder| builder);
            for mut server in servers {
                server.follow(&message);
                server.follow(&next);
                server.agrees_with(&world);
            }
        }
    }
}

#[test]
fn the_state_that_was_lost_is_found_again_too_late() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let mut found = world.members.remove(0);
        world.join_external(Some(LeafIndex(0)), vec![]);
        let (secret, commit) =
            (world.send(2, b"not for the old state"), world.commit(1, |builder| builder).0);
        assert!(found.process(&secret).is_err() && found.process(&commit).is_err());
        // It can still send in its own epoch, but no member accepts that.
        let old_commit = found.build(|builder| builder, &mut world.rng).unwrap().0;
        for member in &mut world.members {
            assert!(member.process(&old_commit).is_err());
        }
        world.agree();
    }
}

#[test]
fn without_removing_the_old_leaf_one_cannot_come_back() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let lost = world.members.remove(1);
        let (group_info, bundle) = (world.members[0].group_info(true), world.newcomer().bundle);
        let twice = Newcomer { signer: lost.signer, bundle };
        let refused = world.external(twice, &group_info, None, None, vec![]).map(|_| ());
        let in_use = Violation::SignatureKeyInUse(LeafIndex(1));
        assert_eq!(refused.unwrap_err(), GroupError::Violation(in_use));
    }
}

#[test]
fn a_leaf_that_is_blank_cannot_be_replaced() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let group_info = world.members[0].group_info(true);
        for leaf in [2, 3, 1 << 31, u32::MAX].map(LeafIndex) {
            let newcomer = world.newcomer();
            let joined = world.external(newcomer, &group_info, None, Some(leaf), vec![]).map(|_| ());
            let violation = Violation::RemovedIsNoMember(leaf);
            assert_eq!(joined.unwrap_err(), GroupError::Proposal { index: 1, violation });
        }
    }
}

#[test]
fn somebody_else_cannot_take_the_place_of_a_member() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let (group_info, signer) = (world.members[0].group_info(true), world.signer());
        let join = || {
            let mut template = leaf_template();
            template.credential = Credential::Basic { identity: b"somebody else".as_slice().into() };
            let (tree, resync, psks) = (None, Some(LeafIndex(0)), vec![]);
            ExternalJoin::new(&group_info, template).tree(tree).replace_leaf(resync).psks(psks)
        };
        let refused = GroupError::Violation(Violation::CredentialSuccession);
        let joined = join().build(&client(&*signer), &mut world.rng).map(|_| ());
        assert_eq!(joined.unwrap_err(), refused);
        // If the client's own policy permits it, the members' policies still reject it.
        let gullible = client(&*signer).with_policy(&Anybody);
        let (_, message) = join().build(&gullible, &mut world.rng).unwrap().assume_persisted();
        for member in &mut world.members {
            assert_eq!(member.process(&message).unwrap_err(), refused);
        }
        world.agree();
    }
}
