//! A policy allows each identity only once in a group. A member cannot be added again unless the
//! same Commit removes its old leaf.

use crate::group_fixture::{
    AllPsks, GroupFixture, Member, Newcomer, client, fast_suites, over_the_wire, template,
};
use crate::server::Server;
use pando_mls::wire::SignaturePublicKey;
use pando_mls::{
    BasicIdentities, Context, Credential, ExternalJoin, Group, GroupError, IdentityError, IdentityPolicy,
    KeyKind, KeyPackageTemplate, LeafIndex, LeafTemplate, Limits, NewLeaf, PublicGroup, PublicProcessed,
    RowKey, Rows, RustCrypto, TreeKey, Violation,
};
use std::sync::Arc;

/// A policy that identifies clients only by their identity.
pub(crate) struct OneLeafEach;

impl IdentityPolicy for OneLeafEach {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        BasicIdentities.validate(credential, key, now)
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        match credential {
            Credential::Basic { identity } => Some(identity.to_vec()),
            _ => None,
        }
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

fn named(name: &str) -> KeyPackageTemplate {
    KeyPackageTemplate { credential: Credential::Basic { identity: name.as_bytes().into() }, ..template() }
}

fn policy(member: &Member) -> Context<'_> {
    client(&*member.signer).with_policy(&OneLeafEach)
}

#[test]
fn one_leaf_for_each_identity() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::new(suite);
        let mut newcomer = |name| Newcomer::new(suite, named(name), &mut fixture.rng);
        let (alice, bob, alice_again) = (newcomer("alice"), newcomer("bob"), newcomer("alice"));
        let mut rng = fixture.rng.clone();
        let same = GroupError::Violation(Violation::SameClient);

        // The same identity is added twice in one Commit.
        let member = &mut fixture.members[0];
        let cx = client(&*member.signer).with_policy(&OneLeafEach);
        let both = member
            .group
            .commit()
            .add(alice.bundle.key_package.clone())
            .add(alice_again.bundle.key_package.clone());
        assert_eq!(both.build(&cx, &mut rng).unwrap_err(), same);

        // The identity is already in the group. Neither the committer nor a receiver accepts the
        // Add.
        let output = member.group.commit().add(alice.bundle.key_package.clone()).add(bob.bundle.key_package);
        let output = output.build(&cx, &mut rng).unwrap().persist_to(&mut member.rows).unwrap();
        member.merge_pending();
        fixture.members.push(alice.join(&output.welcome.unwrap(), None, fixture.config).unwrap());
        let again = || alice_again.bundle.key_package.clone();
        let member = &mut fixture.members[0];
        assert_eq!(
            member.group.commit().add(again()).build(&client_of(&*member.signer), &mut rng).unwrap_err(),
            same
        );
        let (permissive, _) = fixture.build(0, |builder| builder.add(again())).unwrap();
        let alice = &mut fixture.members[1];
        let loaded = Group::load(&alice.rows, &policy(alice)).unwrap();
        alice.group = loaded;
        // The rejection applies to a group that is completely in memory, and to a group that reads
        // its client index lazily.
        let rows = alice.group.rows().unwrap();
        let mut opened = Group::open(Arc::new(rows), &policy(alice)).unwrap();
        for group in [&mut alice.group, &mut opened] {
            let taken = group.process(over_the_wire(&permissive), &client_of(&*alice.signer));
            assert_eq!(taken.unwrap_err(), same);
        }
        fixture.members[0].clear_pending();

        // If the same Commit removes the old leaf, all members accept it.
        let (replaced, _) = fixture.build(0, |builder| builder.remove(LeafIndex(1)).add(again())).unwrap();
        let alice = &mut fixture.members[1];
        for group in [&mut alice.group, &mut opened] {
            assert!(group.process(over_the_wire(&replaced), &client_of(&*alice.signer)).is_ok());
        }
        fixture.members[0].clear_pending();

        // A member cannot join again by an external Commit, unless the Commit replaces its own old
        // leaf.
        let (group_info, me) = (fixture.members[0].group_info(true), alice_again);
        for (resync, accepted) in [(None, false), (Some(LeafIndex(2)), false), (Some(LeafIndex(1)), true)] {
            let KeyPackageTemplate { credential, capabilities, leaf_extensions, .. } = named("alice");
            let template = LeafTemplate { credential, capabilities, extensions: leaf_extensions };
            let join = ExternalJoin::new(&group_info, template).replace_leaf(resync);
            let cx = client_of(&*me.signer).with_policy(&OneLeafEach).with_psks(&AllPsks);
            let joined = join.build(&cx, &mut rng);
            if accepted {
                assert!(joined.is_ok());
            } else {
                assert_eq!(joined.err(), Some(same.clone()), "{resync:?}");
            }
        }
    }
}

/// Shows that the policy may change while a Commit is pending. In the new epoch, clients are
/// identified by the new policy.
#[test]
fn a_commit_is_pending_when_the_policy_changes() {
    let suite = fast_suites().next().unwrap();
    for (before, after, second) in [
        (&BasicIdentities as &dyn IdentityPolicy, &OneLeafEach as &dyn IdentityPolicy, false),
        (&OneLeafEach, &BasicIdentities, true),
    ] {
        for again in [false, true] {
            let mut fixture = GroupFixture::new(suite);
            let mut newcomer = |name| Newcomer::new(suite, named(name), &mut fixture.rng);
            let (bob, another_bob) = (newcomer("bob").key_package(), newcomer("bob").key_package());
            let member = &mut fixture.members[0];
            let with = |policy| client_of(&*member.signer).with_policy(policy);
            member.group = Group::load(&member.rows, &with(before)).unwrap();
            let added = member.group.commit().add(bob).build(&with(before), &mut fixture.rng).unwrap();
            added.persist_to(&mut member.rows).unwrap();
            member.group = Group::load(&member.rows, &with(after)).unwrap();
            if again {
                // Once the changes are stored, the group can be opened.
                member.group.take_delta().persist_to(&mut member.rows).unwrap();
                assert_eq!(member.group.rows().unwrap(), member.rows);
                let rows: Rows = member.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
                member.group = Group::open(Arc::new(rows), &with(after)).unwrap();
            }
            member.group.merge_pending().unwrap().persist_to(&mut member.rows).unwrap();
            assert_eq!(member.group.rows().unwrap(), member.rows);
            assert_eq!(member.group.public().tree().member_count(), 2);
            let both = member.group.commit().add(another_bob).build(&with(after), &mut fixture.rng);
            let same = GroupError::Violation(Violation::SameClient);
            assert_eq!(both.map(drop), if second { Ok(()) } else { Err(same) }, "{again}");
        }
    }
}

#[test]
fn who_takes_another_name_is_not_known_by_the_old_one() {
    let suite = fast_suites().next().unwrap();
    let mut fixture = GroupFixture::new(suite);
    let (signer, first) = (fixture.signer(), fixture.newcomer().key_package());
    let KeyPackageTemplate { credential, capabilities, leaf_extensions: extensions, .. } = named("carol");
    let template = LeafTemplate { credential, capabilities, extensions };
    let member = &mut fixture.members[0];
    member.group = Group::load(&member.rows, &policy(member)).unwrap();
    member.build_leaf(NewLeaf { template, signer: &*signer }, &OneLeafEach, &mut fixture.rng).unwrap();
    member.merge_pending();
    member.signer = signer;
    let rows = member.group.rows().unwrap();
    assert_eq!(Group::load(&rows, &policy(member)).unwrap().rows().unwrap(), rows);
    // Another client may now use the old name.
    let commit =
        member.group.commit().add(first).build(&client_of(&*member.signer), &mut fixture.rng.clone());
    assert!(commit.is_ok());
}

/// Shows that the policy may differ from the one with which the client index was stored. Loading a
/// group updates the index according to the new policy. Afterwards, the group can be opened.
#[test]
fn another_policy_than_the_one_that_the_group_was_stored_with() {
    let is_client = |key: &RowKey| matches!(key, RowKey::Tree(TreeKey::Key(KeyKind::Client, ..)));
    let suite = fast_suites().next().unwrap();
    let mut fixture = GroupFixture::new(suite);
    let mut newcomer = |name| Newcomer::new(suite, named(name), &mut fixture.rng);
    let (alice, again) = (newcomer("alice"), newcomer("alice"));
    let _ = fixture.commit(0, |builder| builder.add(alice.key_package()));
    let Member { signer, rows, .. } = &mut fixture.members[0];
    assert!(!rows.keys().any(is_client));
    let adds_again = |rows: &Rows| {
        let copy: Rows = rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
        let mut opened = Group::open(Arc::new(copy), &client_of(&**signer)).unwrap();
        let commit = opened.commit().add(again.key_package());
        commit.build(&client_of(&**signer), &mut fixture.rng.clone()).map(drop)
    };
    // The index is empty.
    assert_eq!(adds_again(rows), Ok(()));
    Group::load(rows, &client_of(&**signer)).unwrap().take_delta().persist_to(rows).unwrap();
    assert_eq!(rows.keys().filter(|key| is_client(key)).count(), 2);
    assert_eq!(adds_again(rows), Err(GroupError::Violation(Violation::SameClient)));
    // The stored index is up to date.
    assert!(Group::load(rows, &client_of(&**signer)).unwrap().take_delta().delta().is_empty());
    Group::load(rows, &client(&**signer)).unwrap().take_delta().persist_to(rows).unwrap();
    assert!(!rows.keys().any(is_client));
}

/// Shows that the policy of a server may also differ from the one with which its client index was
/// stored.
#[test]
fn another_policy_than_the_one_that_a_server_has_stored_with() {
    let is_client = |key: &RowKey| matches!(key, RowKey::Tree(TreeKey::Key(KeyKind::Client, ..)));
    let copy = |rows: &Rows| -> Rows { rows.iter().map(|(key, row)| (*key, row.expose().into())).collect() };
    let load = |rows: &Rows, policy: &dyn IdentityPolicy| {
        PublicGroup::load(rows, &RustCrypto, policy, Limits::default()).unwrap()
    };
    let suite = fast_suites().next().unwrap();
    let mut fixture = GroupFixture::public(suite);
    for name in ["alice", "bob"] {
        let newcomer = Newcomer::new(suite, named(name), &mut fixture.rng);
        let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.key_package()));
        fixture.members.push(newcomer.join(&welcome.unwrap(), None, fixture.config).unwrap());
    }
    let without = Server::of(&fixture).rows;
    let mut with = copy(&without);
    load(&without, &OneLeafEach).take_delta().persist_to(&mut with).unwrap();
    let update = fixture.members[1].propose_update(&mut fixture.rng).unwrap();
    let (commit, _) = fixture.build(0, |builder| builder).unwrap();
    let policies: [(&Rows, &dyn IdentityPolicy, usize); 2] =
        [(&without, &OneLeafEach, 3), (&with, &BasicIdentities, 0)];
    for (rows, policy, clients) in policies {
        for message in [None, Some(&update), Some(&commit)] {
            let mut server = Server { group: load(rows, policy), rows: copy(rows) };
            match message {
                None => server.group.take_delta().persist_to(&mut server.rows).unwrap(),
                Some(message) => {
                    let processed = server.process_with(message, policy, None).unwrap();
                    if let PublicProcessed::Commit(staged) = processed {
                        server
                            .group
                            .merge_unconfirmed(&staged)
                            .unwrap()
                            .persist_to(&mut server.rows)
                            .unwrap();
                    }
                }
            }
            assert_eq!(server.rows.keys().filter(|key| is_client(key)).count(), clients);
            assert_eq!(server.group.rows().unwrap(), server.rows);
            assert!(server.group.take_delta().delta().is_empty());
        }
    }
}

fn client_of(signer: &dyn pando_mls::Signer) -> Context<'_> {
    client(signer).with_policy(&OneLeafEach)
}
