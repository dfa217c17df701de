//! A joiner deletes the private keys of its KeyPackage. The joiner's Welcome cannot be opened
//! again, neither with the state stored at the join nor with any later state.

use crate::attacker::Attacker;
use crate::group_fixture::{GroupFixture, client, fast_suites};
use pando_mls::{Group, GroupError, HpkeKeyPair, KeyPackageBundle, Suite, Welcome};

/// Returns whether a key pair can decrypt the secrets of a Welcome.
fn opens(suite: Suite, welcome: &Welcome, key_pair: &HpkeKeyPair) -> bool {
    let info = &welcome.encrypted_group_info;
    welcome.secrets.iter().any(|secrets| {
        suite.decrypt_with_label(key_pair, "Welcome", info, &secrets.encrypted_group_secrets).is_ok()
    })
}

/// Checks that no stored secret of a member opens the Welcome if it is used as a private key. Also
/// checks that no stored secret yields the key for the encrypted GroupInfo.
fn nothing_opens(suite: Suite, welcome: &Welcome, attacker: &Attacker, bundle: &KeyPackageBundle) {
    let mut tried = 0;
    for stored in attacker.secrets() {
        assert_ne!(stored.secret.expose(), bundle.init_key_pair.private.expose(), "{}", stored.name);
        let Ok(key_pair) = suite.hpke_key_pair(stored.secret.expose().into()) else { continue };
        assert!(!opens(suite, welcome, &key_pair), "{}", stored.name);
        // The GroupInfo is encrypted with a key that is derived from the joiner secret, which is
        // not stored either.
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
            let mut fixture = GroupFixture::of(suite, 3);
            let newcomer = fixture.newcomer();
            let key_package = newcomer.key_package();
            let (_, welcome) = fixture.commit(1, |builder| {
                let builder = builder.add(key_package);
                if with_path { builder } else { builder.without_path() }
            });
            let welcome = welcome.unwrap();
            // While the private key exists, it opens the Welcome.
            let bundle = &newcomer.bundle;
            assert!(opens(suite, &welcome, &bundle.init_key_pair));
            let copy = KeyPackageBundle {
                key_package: bundle.key_package.clone(),
                init_key_pair: suite.hpke_key_pair(bundle.init_key_pair.private.expose().into()).unwrap(),
                leaf_key_pair: suite.hpke_key_pair(bundle.leaf_key_pair.private.expose().into()).unwrap(),
            };
            // Joining consumes the bundle. Only the group remains.
            fixture.enter(newcomer, &welcome);
            let attacker = Attacker::of(&mut fixture.members[3]);
            nothing_opens(suite, &welcome, &attacker, &copy);
            // The group cannot be joined either if the stored leaf key is used in place of the init
            // key.
            let wrong = KeyPackageBundle {
                init_key_pair: suite.hpke_key_pair(copy.leaf_key_pair.private.expose().into()).unwrap(),
                key_package: copy.key_package.clone(),
                leaf_key_pair: suite.hpke_key_pair(copy.leaf_key_pair.private.expose().into()).unwrap(),
            };
            let signer = &*fixture.members[3].signer;
            let refused = Group::join(&welcome, &wrong, None, &client(signer)).unwrap_err();
            assert!(matches!(refused, GroupError::Crypto(_)), "{refused:?}");
            // Later, the leaf key is deleted, too.
            fixture.commit(3, |builder| builder);
            let attacker = Attacker::of(&mut fixture.members[3]);
            let leaf_key = copy.leaf_key_pair.private.expose();
            assert!(attacker.secrets().iter().all(|stored| stored.secret.expose() != leaf_key));
            nothing_opens(suite, &welcome, &attacker, &copy);
            // The other members never had these secrets.
            for other in 0..3 {
                let attacker = Attacker::of(&mut fixture.members[other]);
                nothing_opens(suite, &welcome, &attacker, &copy);
            }
        }
    }
}
