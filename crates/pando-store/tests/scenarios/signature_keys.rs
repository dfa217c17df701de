//! Signature keys are found by their public keys.

use crate::fixtures::{Device, rng, suite};
use crate::{Place, for_each_store};
use pando_mls::{CipherSuite, Credential, CryptoProvider, RustCrypto, SignaturePrivateKey};
use pando_store::{Misuse, StoreError, StoredSigner};

fn story(place: &impl Place) {
    let mut alice = Device::new("alice", place.open("a"), 1).unwrap();
    let p256 = RustCrypto.suite(CipherSuite(2)).unwrap();
    let private = p256.signature_generate_key(&mut rng(4)).unwrap();
    let credential = Credential::Basic { identity: b"work".as_slice().into() };
    let mut transaction = alice.store.begin().unwrap();
    let public_key = transaction.put_signer(p256, &private, &credential).unwrap();
    let malformed = transaction.put_signer(p256, &SignaturePrivateKey::from(vec![0; 3]), &credential);
    assert!(matches!(malformed, Err(StoreError::Misuse(Misuse::CipherSuite))));
    transaction.commit().unwrap();

    let store = place.open("a");
    assert_eq!(store.signers().unwrap().len(), 2);
    let stored = StoredSigner { cipher_suite: CipherSuite(2), public_key: public_key.clone(), credential };
    assert!(store.signers().unwrap().contains(&stored));
    let signer = store.signer(p256, &public_key).unwrap().unwrap();
    let signature = p256.sign_with_label(&*signer, "label", b"content").unwrap();
    p256.verify_with_label(&public_key, "label", b"content", &signature).unwrap();
    // A key is found only with its own cipher suite.
    assert!(store.signer(suite(), &public_key).unwrap().is_none());

    let mut transaction = alice.store.begin().unwrap();
    transaction.remove_signer(CipherSuite(2), &public_key).unwrap();
    transaction.commit().unwrap();
    assert!(store.signer(p256, &public_key).unwrap().is_none());
    assert_eq!(store.signers().unwrap().len(), 1);
}

#[test]
fn a_key_for_each_suite() {
    for_each_store!(story);
}
