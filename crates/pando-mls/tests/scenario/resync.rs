//! A client that has lost its state rejoins by an external Commit that removes its old leaf.
//! Afterwards, the client is in the group exactly once, and its old state is useless.

use crate::group_fixture::{GroupFixture, Newcomer, client, leaf_template, suites};
use crate::policies::AnyIdentity;
use crate::server::Server;
use pando_mls::{
    BasicIdentities, Credential, ExternalJoin, GroupError, LeafIndex, Limits, PublicGroup, RustCrypto,
    Violation,
};

#[test]
fn a_client_that_lost_its_state_comes_back() {
    for suite in suites() {
        for leaf in [0, 2] {
            let mut fixture = GroupFixture::of(suite, 4);
            let lost = fixture.members.remove(fixture.at(leaf));
            let (key, group_info) = (lost.signer.public_key().clone(), fixture.members[0].group_info(true));
            // The client keeps only its signature key.
            let left = |fixture: &mut GroupFixture| Newcomer {
                signer: fixture.signer(),
                bundle: fixture.newcomer().bundle,
            };
            let mut back = left(&mut fixture);
            back.signer = lost.signer;
            let (member, message) =
                fixture.external(back, &group_info, None, Some(LeafIndex(leaf)), vec![]).unwrap();
            fixture.deliver_commit(usize::MAX, &message);
            fixture.members.push(member);
            fixture.agree();
            assert_eq!(fixture.leaf(3), LeafIndex(leaf));
            let keys = fixture
                .tree()
                .members()
                .map(Result::unwrap)
                .filter_map(|leaf| fixture.tree().signature_key(leaf).unwrap());
            assert_eq!(keys.filter(|known| *known == key).count(), 1);
            assert_eq!(fixture.tree().member_count(), 4);
            fixture.chat(3);
            fixture.commit(3, |builder| builder);
            fixture.commit(0, |builder| builder);
        }
    }
}

/// Shows that the only member of a group can rejoin. While its external Commit is applied, the tree
/// is empty and has the minimum size. The same is true for servers that have read the tree from a
/// GroupInfo or a store.
#[test]
fn the_only_member_comes_back() {
    for suite in suites() {
        for leaf in [1, 2, 5, 7] {
            let mut fixture = GroupFixture::public(suite);
            fixture.add(0, 7);
            let mut seen_it_grow = Server::of(&fixture);
            let only = LeafIndex(leaf);
            let others: Vec<_> =
                fixture.tree().members().map(Result::unwrap).filter(|other| *other != only).collect();
            let (message, _) = fixture.commit(fixture.at(leaf), |builder| {
                others.iter().fold(builder, |builder, other| builder.remove(*other))
            });
            seen_it_grow.follow(&message);
            let rows = seen_it_grow.group.rows().unwrap();
            let group = PublicGroup::load(&rows, &RustCrypto, &BasicIdentities, Limits::default()).unwrap();
            let servers = [seen_it_grow, Server { group, rows }, Server::of(&fixture)];

            let lost = fixture.members.remove(0);
            let (group_info, bundle) = (lost.group_info(true), fixture.newcomer().bundle);
            let back = Newcomer { signer: lost.signer, bundle };
            let (member, message) = fixture.external(back, &group_info, None, Some(only), vec![]).unwrap();
            fixture.members.push(member);
            assert_eq!(fixture.tree().size().leaf_count(), 1);
            let (next, _) = fixture.commit(0, |builder| builder);
            for mut server in servers {
                server.follow(&message);
                server.follow(&next);
                server.agrees_with(&fixture);
            }
        }
    }
}

#[test]
fn the_state_that_was_lost_is_found_again_too_late() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let mut found = fixture.members.remove(0);
        fixture.join_external(Some(LeafIndex(0)), vec![]);
        let (secret, commit) =
            (fixture.send(2, b"not for the old state"), fixture.commit(1, |builder| builder).0);
        assert!(found.process(&secret).is_err() && found.process(&commit).is_err());
        // The client with the old state can still send in its own epoch, but no member accepts its
        // messages.
        let old_commit = found.build(|builder| builder, &mut fixture.rng).unwrap().0;
        for member in &mut fixture.members {
            assert!(member.process(&old_commit).is_err());
        }
        fixture.agree();
    }
}

#[test]
fn without_removing_the_old_leaf_one_cannot_come_back() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let lost = fixture.members.remove(1);
        let (group_info, bundle) = (fixture.members[0].group_info(true), fixture.newcomer().bundle);
        let twice = Newcomer { signer: lost.signer, bundle };
        let refused = fixture.external(twice, &group_info, None, None, vec![]).map(|_| ());
        let in_use = Violation::SignatureKeyInUse(LeafIndex(1));
        assert_eq!(refused.unwrap_err(), GroupError::Violation(in_use));
    }
}

#[test]
fn a_leaf_that_is_blank_cannot_be_replaced() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let group_info = fixture.members[0].group_info(true);
        for leaf in [2, 3, 1 << 31, u32::MAX].map(LeafIndex) {
            let newcomer = fixture.newcomer();
            let joined = fixture.external(newcomer, &group_info, None, Some(leaf), vec![]).map(|_| ());
            let violation = Violation::RemovedIsNoMember(leaf);
            assert_eq!(joined.unwrap_err(), GroupError::Proposal { index: 1, violation });
        }
    }
}

#[test]
fn somebody_else_cannot_take_the_place_of_a_member() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let (group_info, signer) = (fixture.members[0].group_info(true), fixture.signer());
        let join = || {
            let mut template = leaf_template();
            template.credential = Credential::Basic { identity: b"somebody else".as_slice().into() };
            let (tree, resync, psks) = (None, Some(LeafIndex(0)), vec![]);
            ExternalJoin::new(&group_info, template).tree(tree).replace_leaf(resync).psks(psks)
        };
        let refused = GroupError::Violation(Violation::CredentialSuccession);
        let joined = join().build(&client(&*signer), &mut fixture.rng).map(|_| ());
        assert_eq!(joined.unwrap_err(), refused);
        // Even if the client's own policy permits the change, the members' policies reject it.
        let permissive = client(&*signer).with_policy(&AnyIdentity);
        let (_, message) = join().build(&permissive, &mut fixture.rng).unwrap().assume_persisted();
        for member in &mut fixture.members {
            assert_eq!(member.process(&message).unwrap_err(), refused);
        }
        fixture.agree();
    }
}
