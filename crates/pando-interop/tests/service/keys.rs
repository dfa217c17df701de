//! Tests that the private keys in responses match the public keys.

use crate::fixture::connect;
use pando_interop::proto::*;
use pando_mls::wire::{Content, PublicMessage};
use pando_mls::{
    CipherSuite, CryptoProvider, Decode, KeyPackage, MlsMessage, MlsMessageBody, Proposal, RustCrypto,
};

/// Checks the private keys of a KeyPackage, which are the init key, the leaf's encryption key and
/// the signature key.
fn fit(key_package: &KeyPackage, [init, encryption, signature]: [Vec<u8>; 3]) {
    let suite = RustCrypto.suite(key_package.cipher_suite).unwrap();
    let leaf_node = &key_package.leaf_node;
    assert_eq!(suite.hpke_key_pair(init.into()).unwrap().public, key_package.init_key);
    assert_eq!(suite.hpke_key_pair(encryption.into()).unwrap().public, leaf_node.encryption_key);
    assert_eq!(*suite.signer(&signature.into()).unwrap().public_key(), leaf_node.signature_key);
}

#[tokio::test]
async fn private_keys_fit_public_ones_in_all_suites() {
    let mut rpc = connect(0).await;
    let named = rpc.name(NameRequest {}).await.unwrap().into_inner();
    assert_eq!(named.name, "Pando");
    let supported = rpc.supported_ciphersuites(SupportedCiphersuitesRequest {}).await.unwrap().into_inner();
    assert_eq!(supported.ciphersuites, [1, 2, 3, 4, 5, 6, 7]);
    for cipher_suite in supported.ciphersuites {
        let request = CreateKeyPackageRequest { cipher_suite, identity: b"alice".to_vec() };
        let made = rpc.create_key_package(request).await.unwrap().into_inner();
        let MlsMessageBody::KeyPackage(key_package) = MlsMessage::decode(&made.key_package).unwrap().body
        else {
            panic!("not a KeyPackage")
        };
        assert_eq!(key_package.cipher_suite, CipherSuite(u16::try_from(cipher_suite).unwrap()));
        fit(&key_package, [made.init_priv, made.encryption_priv, made.signature_priv]);

        // The private keys of a client that asks to be added match its public keys too.
        let request = CreateGroupRequest { cipher_suite, ..CreateGroupRequest::default() };
        let state_id = rpc.create_group(request).await.unwrap().into_inner().state_id;
        let described = rpc.group_info(GroupInfoRequest { state_id, external_tree: false }).await.unwrap();
        let group_info = described.into_inner().group_info;
        let request = NewMemberAddProposalRequest { group_info, identity: b"bob".to_vec() };
        let made = rpc.new_member_add_proposal(request).await.unwrap().into_inner();
        let MlsMessageBody::PublicMessage(message) = MlsMessage::decode(&made.proposal).unwrap().body else {
            panic!("not a public message")
        };
        let PublicMessage { content, .. } = *message;
        let Content::Proposal(Proposal::Add(add)) = content.content else { panic!("not an Add") };
        fit(&add.key_package, [made.init_priv, made.encryption_priv, made.signature_priv]);
    }
}
