//! A member is removed, and joins again with a new KeyPackage. The member cannot read the messages
//! sent in between, and its old state is useless.

use crate::group_fixture::{GroupFixture, Newcomer, read, suites, template};
use pando_mls::{GroupError, KeyPackageBundle, LeafIndex, Violation};

#[test]
fn a_member_is_removed_and_added_again() {
    for suite in suites() {
        for leaf in [0, 2] {
            let mut fixture = GroupFixture::of(suite, 3);
            let (removed, key) = (fixture.at(leaf), fixture.tree().signature_key(LeafIndex(leaf)).unwrap());
            let remover = (removed + 1) % 3;
            let mut gone = fixture.remove(remover, removed);
            let between = fixture.send(0, b"between");
            // The client that joins is the same, with the same signature key.
            let signer = &*gone.signer;
            let bundle = KeyPackageBundle::new(suite, template(), signer, &mut fixture.rng).unwrap();
            let key_package = bundle.key_package.clone();
            let (_, welcome) = fixture.commit(1, |builder| builder.add(key_package));
            let after = fixture.send(1, b"after");
            assert!(gone.process(&between).is_err() && gone.process(&after).is_err());
            fixture.enter(Newcomer { signer: gone.signer, bundle }, &welcome.unwrap());
            assert_eq!(fixture.leaf(2), LeafIndex(leaf));
            assert_eq!(fixture.tree().signature_key(LeafIndex(leaf)).unwrap(), key);
            let back = &mut fixture.members[2];
            assert!(back.process(&between).is_err());
            assert_eq!(read(back.process(&after)).1, b"after");
            fixture.commit(2, |builder| builder);
            fixture.chat(2);
        }
    }
}

#[test]
fn removed_and_added_in_the_same_commit() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let again = |fixture: &mut GroupFixture| {
            let signer = &*fixture.members[0].signer;
            KeyPackageBundle::new(suite, template(), signer, &mut fixture.rng).unwrap()
        };
        // The client cannot be added while its old leaf is in the tree.
        let bundle = again(&mut fixture);
        let refused = fixture.build(1, |builder| builder.add(bundle.key_package.clone())).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::SignatureKeyInUse(LeafIndex(0))));
        // The client can be added by the same Commit that removes its old leaf.
        let key_package = bundle.key_package.clone();
        let (message, welcome) =
            fixture.build(1, |builder| builder.remove(LeafIndex(0)).add(key_package)).unwrap();
        let gone = fixture.deliver_commit(1, &message).pop().unwrap();
        assert!(!gone.group.is_active());
        fixture.enter(Newcomer { signer: gone.signer, bundle }, &welcome.unwrap());
        assert_eq!(fixture.leaf(2), LeafIndex(0));
        fixture.chat(2);
    }
}
