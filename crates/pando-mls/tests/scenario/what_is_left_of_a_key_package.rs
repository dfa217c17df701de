//! Who has joined deletes the private keys of the KeyPackage, and the Welcome cannot be opened again: not with what is
//! stored when it has joined, nor later.

use crate::thief::Thief;
use crate::world::{World, client, fast_suites};
use pando_mls::{Group, GroupError, HpkeKeyPair, KeyPackageBundle, Suite, Welcome};

/// Whether the secrets of a Welcome can be opened with a key.
fn opens(suite: Suite, welcome: &Welcome, key_pair: &HpkeKeyPair) -> bool {
    let info = &welcome.encrypted_group_info;
    welcome.secrets.iter().any(|secrets| {
        suite.decrypt_with_label(key_pair, "Welcome", info, &secrets.encrypted_group_secrets).is_ok()
    })
}

/// No secret of a member, taken for the private key that the Welcome is for, opens it, nor is the key of what it holds.
fn nothing_opens(suite: Suite, welcome: &Welcome, thief: &Thief, bundle: &KeyPackageBundle) {
    let mut tried = 0;
    for stored in thief.secrets() {
        assert_ne!(stored.secret.expose(), bundle.init_key_pair.private.expose(), "{}", stored.name);
        let Ok(key_pair) = suite.hpke_key_pair(stored.secret.expose().into()) else { continue };
        assert!(!opens(suite, welcome, &key_pair), "{}", stored.name);
        // The sealed GroupInfo is encrypted with what follows from the joiner secret: it is not stored either.
        let secret = stored.secret.expose();
        let (key, nonce) = (
            suite.expand_with_label(secret, "key", b"", suite.aead_key_len()),
            suite.expand_with_label(secret, "nonce", b"", suite.aead_nonce_len()),
        );
        if let (Ok(key), Ok(nonce)) = (key, nonce) {
            let info = &welcome.encrypted_group_info;
            assert!(suite.aead_open(&key.into(), &nonce.into(), b"", info).is_err(), "{}", stored.name);
        }
        tried += 1;
    }
    assert!(tried > 7);
}

#[test]
fn the_welcome_cannot_be_opened_again() {
    for suite in fast_suites() {
        for with_path in [true, false] {
            let mut world = World::of(suite, 3);
            let newcomer = world.newcomer();
            let key_package = newcomer.key_package();
            let (_, welcome) = world.commit(1, |builder| {
                let builder = builder.add(key_package);
                if with_path { builder } else { builder.without_path() }
            });
            let welcome = welcome.unwrap();
            // The key is the right one, while it is there.
            let bundle = &newcomer.bundle;
            assert!(opens(suite, &welcome, &bundle.init_key_pair));
            let copy = KeyPackageBundle {
                key_package: bundle.key_package.clone(),
                init_key_pair: suite.hpke_key_pair(bundle.init_key_pair.private.expose().into()).unwrap(),
                leaf_key_pair: suite.hpke_key_pair(bundle.leaf_key_pair.private.expose().into()).unwrap(),
            };
            // The bundle is gone with this, and what is left is the group.
            world.enter(newcomer, &welcome);
            let thief = Thief::of(&mut world.members[3]);
            nothing_opens(suite, &welcome, &thief, &copy);
            // With the leaf's key, which is stored, in the place of the init key, there is no group either.
            let wrong = KeyPackageBundle {
                init_key_pair: suite.hpke_key_pair(copy.leaf_key_pair.private.expose().into()).unwrap(),
                key_package: copy.key_package.clone(),
                leaf_key_pair: suite.hpke_key_pair(copy.leaf_key_pair.private.expose().into()).unwrap(),
            };
            let signer = &*world.members[3].signer;
            let refused = Group::join(&welcome, &wrong, None, &client(signer)).unwrap_err();
            assert!(matches!(refused, GroupError::Crypto(_)), "{refused:?}");
            // Later on, the leaf's key has gone, too.
            world.commit(3, |builder| builder);
            let thief = Thief::of(&mut world.members[3]);
            let leaf_key = copy.leaf_key_pair.private.expose();
            assert!(thief.secrets().iter().all(|stored| stored.secret.expose() != leaf_key));
            nothing_opens(suite, &welcome, &thief, &copy);
            // The others have never had any of it.
            for other in 0..3 {
                let thief = Thief::of(&mut world.members[other]);
                nothing_opens(suite, &welcome, &thief, &copy);
            }
        }
    }
}
