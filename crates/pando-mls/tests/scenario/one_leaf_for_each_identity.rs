//! An application that wants each identity once in a group: whoever is there already is not added again, unless the
//! old leaf goes.

use crate::world::{AllPsks, Member, Newcomer, World, client, fast_suites, over_the_wire, template};
use pando_mls::wire::SignaturePublicKey;
use pando_mls::{
    BasicIdentities, Client, Credential, ExternalJoin, Group, GroupError, IdentityError, IdentityPolicy,
    KeyPackageTemplate, LeafIndex, LeafTemplate, Violation,
};
use std::sync::Arc;

/// Identities are all that counts.
struct OneLeafEach;

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

fn policy(member: &Member) -> Client<'_> {
    Client { policy: &OneLeafEach, ..client(&*member.signer) }
}

#[test]
fn one_leaf_for_each_identity() {
    for suite in fast_suites() {
        let mut world = World::new(suite);
        let mut newcomer = |name| Newcomer::new(suite, named(name), &mut world.rng);
        let (alice, bob, alice_again) = (newcomer("alice"), newcomer("bob"), newcomer("alice"));
        let mut rng = world.rng.clone();
        let same = GroupError::Violation(Violation::SameClient);

        // Twice in one Commit.
        let member = &mut world.members[0];
        let client = Client { policy: &OneLeafEach, ..client(&*member.signer) };
        let both = member
            .group
            .commit()
            .add(alice.bundle.key_package.clone())
            .add(alice_again.bundle.key_package.clone());
        assert_eq!(both.build(&client, &mut rng).unwrap_err(), same);

        // Somebody who is there already: not for who makes the Commit, nor for who receives it.
        let output = member.group.commit().add(alice.bundle.key_package.clone()).add(bob.bundle.key_package);
        let output = output.build(&client, &mut rng).unwrap();
        output.delta.apply(&mut member.rows);
        member.merge_pending();
        world.members.push(alice.join(&output.welcome.unwrap(), None, world.config).unwrap());
        let again = || alice_again.bundle.key_package.clone();
        let member = &mut world.members[0];
        assert_eq!(
            member.group.commit().add(again()).build(&client_of(&*member.signer), &mut rng).unwrap_err(),
            same
        );
        let (gullible, _) = world.build(0, |builder| builder.add(again())).unwrap();
        let alice = &mut world.members[1];
        let loaded = Group::load(&alice.rows, &policy(alice)).unwrap();
        alice.group = loaded;
        // All of the group is in memory; or what is stored is read when it is needed, and tells who is there.
        let rows = alice.group.rows().unwrap();
        let mut opened = Group::open(Arc::new(rows), &policy(alice)).unwrap();
        for group in [&mut alice.group, &mut opened] {
            let taken = group.process(over_the_wire(&gullible), &client_of(&*alice.signer));
            assert_eq!(taken.unwrap_err(), same);
        }
        world.members[0].clear_pending();

        // With the old leaf removed by the same Commit, everybody accepts it.
        let (replaced, _) = world.build(0, |builder| builder.remove(LeafIndex(1)).add(again())).unwrap();
        let alice = &mut world.members[1];
        for group in [&mut alice.group, &mut opened] {
            assert!(group.process(over_the_wire(&replaced), &client_of(&*alice.signer)).is_ok());
        }
        world.members[0].clear_pending();

        // Nor does anybody join by an external Commit who is there already, but for its own old leaf.
        let (group_info, me) = (world.members[0].group_info(true), alice_again);
        for (resync, accepted) in [(None, false), (Some(LeafIndex(2)), false), (Some(LeafIndex(1)), true)] {
            let KeyPackageTemplate { credential, capabilities, leaf_extensions, .. } = named("alice");
            let template = LeafTemplate { credential, capabilities, extensions: leaf_extensions };
            let join = ExternalJoin {
                group_info: &group_info,
                tree: None,
                template,
                resync,
                psks: vec![],
                authenticated_data: b"",
            };
            let client = Client { policy: &OneLeafEach, psks: &AllPsks, ..client_of(&*me.signer) };
            let joined = join.build(&client, &mut rng);
            if accepted {
                assert!(joined.is_ok());
            } else {
                assert_eq!(joined.err(), Some(same.clone()), "{resync:?}");
            }
        }
    }
}

fn client_of(signer: &dyn pando_mls::Signer) -> Client<'_> {
    Client { policy: &OneLeafEach, ..client(signer) }
}
