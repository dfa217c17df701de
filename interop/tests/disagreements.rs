//! Tests that show the disagreements listed in `docs/interop.md`. If a test fails with a newer
//! version of a library, remove its entry from `src/library/mod.rs`, if there is one, and correct
//! the document.

use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::{CipherSuiteProvider, CryptoProvider, ExtensionList, MlsMessage, ProtocolVersion};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialWithKey, KeyPackage, MlsMessageOut, ProposalType,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use pando_mixed::library;
use pando_mixed::member::{
    Bytes, Client, Commit, EXTENSION, Kind, Member, Outcome, PROPOSAL, PSKS, Proposal, Setting,
};
use pando_mls::{Encode, Extension, ExtensionType, Extensions};

struct TestClient {
    client: Box<dyn Client>,
    member: Option<Box<dyn Member>>,
}

/// Returns the result, or panics with the error of the implementation.
fn unwrap_outcome<T>(outcome: Outcome<T>) -> T {
    match outcome {
        Ok(result) => result,
        Err(refusal) => panic!("{refusal}"),
    }
}

/// Returns the error of an implementation, or panics if it succeeded.
fn refusal<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Ok(_) => panic!("not refused"),
        Err(refusal) => refusal.0,
    }
}

impl TestClient {
    fn member(&mut self) -> &mut dyn Member {
        &mut **self.member.as_mut().unwrap()
    }
}

fn commit_of(by_value: Vec<Proposal>) -> Commit {
    Commit { by_value, path: true, tree_inside: true, authenticated_data: Vec::new() }
}

/// Returns a group of clients that use the given implementations. The first client has added the
/// others.
fn group(libraries: &[&str]) -> Vec<TestClient> {
    let setting = Setting { suite: 1, encrypt: false };
    let mut clients: Vec<_> = libraries
        .iter()
        .zip(0..)
        .map(|(name, number)| {
            let identity = format!("{number}");
            let client =
                unwrap_outcome(library::named(name).unwrap().client(identity.as_bytes(), setting, number));
            TestClient { client, member: None }
        })
        .collect();
    let adds = clients[1..]
        .iter_mut()
        .map(|client| Proposal::Add(unwrap_outcome(client.client.key_package())))
        .collect();
    clients[0].member =
        Some(unwrap_outcome(clients[0].client.create(b"group", &encoded(&Extensions::default()))));
    let committed = unwrap_outcome(clients[0].member().commit(&commit_of(adds)));
    unwrap_outcome(clients[0].member().merge_pending());
    for client in &mut clients[1..] {
        client.member = Some(unwrap_outcome(client.client.join(committed.welcome.as_deref().unwrap(), None)));
    }
    clients
}

fn encoded(extensions: &Extensions) -> Vec<u8> {
    extensions.encode().unwrap()
}

/// Makes the member `by` commit proposals, and all other members except `but` process the Commit.
fn commit(clients: &mut [TestClient], by: usize, by_value: Vec<Proposal>, but: Option<usize>) {
    let committed = unwrap_outcome(clients[by].member().commit(&commit_of(by_value)));
    unwrap_outcome(clients[by].member().merge_pending());
    for receiver in (0..clients.len()).filter(|receiver| *receiver != by && Some(*receiver) != but) {
        unwrap_outcome(clients[receiver].member().process(&committed.commit));
    }
}

/// Makes the committer commit two PSKs: one by value, and one by reference that the receiver has
/// proposed. Returns the receiver's result.
fn psks_both_ways(committer: &str, receiver: &str) -> Outcome {
    let mut clients = group(&[committer, receiver]);
    let psk = |number: usize| Proposal::ExternalPsk(PSKS[number].0.to_vec());
    let proposal = unwrap_outcome(clients[1].member().propose(&psk(0), b""));
    unwrap_outcome(clients[0].member().process(&proposal));
    let committed = unwrap_outcome(clients[0].member().commit(&commit_of(vec![psk(1)])));
    clients[1].member().process(&committed.commit).map(drop)
}

#[test]
fn openmls_derives_psks_in_another_order_than_it_lists_them() {
    assert!(refusal(psks_both_ways("openmls", "openmls")).contains("ConfirmationTagMismatch"));
    assert!(refusal(psks_both_ways("openmls", "pando")).contains("ConfirmationTag"));
    assert!(refusal(psks_both_ways("openmls", "mls-rs")).contains("InvalidConfirmationTag"));
    unwrap_outcome(psks_both_ways("pando", "openmls"));
    unwrap_outcome(psks_both_ways("mls-rs", "openmls"));
    unwrap_outcome(psks_both_ways("pando", "mls-rs"));
    unwrap_outcome(psks_both_ways("mls-rs", "pando"));
}

#[test]
fn openmls_wants_extensions_to_be_required() {
    let extension =
        Extension { extension_type: ExtensionType(EXTENSION), extension_data: b"x".as_slice().into() };
    let extensions = Proposal::Extensions(encoded(&Extensions(vec![extension])));
    for (receiver, refused) in [("openmls", true), ("mls-rs", false)] {
        let mut clients = group(&["pando", receiver]);
        let committed = unwrap_outcome(clients[0].member().commit(&commit_of(vec![extensions.clone()])));
        let taken = clients[1].member().process(&committed.commit);
        if refused {
            assert!(refusal(taken).contains("ExtensionNotInRequiredCapabilities"));
        } else {
            unwrap_outcome(taken);
        }
    }
}

#[test]
fn mls_rs_refuses_late_messages_of_former_members() {
    let mut clients = group(&["pando", "pando", "mls-rs", "openmls"]);
    let message = unwrap_outcome(clients[1].member().encrypt(b"before I go", b""));
    commit(&mut clients, 0, vec![Proposal::Remove(1)], Some(1));
    unwrap_outcome(clients[0].member().process(&message));
    unwrap_outcome(clients[3].member().process(&message));
    assert!(refusal(clients[2].member().process(&message)).contains("MemberNotFound"));
}

#[test]
fn mls_rs_cannot_reinitialize_a_group_with_blank_leaves() {
    for (blanks, library) in [(false, "mls-rs"), (true, "mls-rs"), (true, "pando")] {
        let mut clients = group(&["pando", "pando", library]);
        if blanks {
            commit(&mut clients, 0, vec![Proposal::Remove(1)], Some(1));
            clients.remove(1);
        }
        let extensions = encoded(&Extensions::default());
        commit(&mut clients, 0, vec![Proposal::ReInit(b"next".to_vec(), extensions)], None);
        let creator = clients.len() - 1;
        let others = clients[..creator].iter_mut();
        let key_packages: Vec<_> = others.map(|client| unwrap_outcome(client.client.key_package())).collect();
        let created = clients[creator].member().succeed(Kind::ReInit, b"", &key_packages);
        if blanks && library == "mls-rs" {
            assert_eq!(refusal(created), "NotASubgroup");
        } else {
            unwrap_outcome(created);
        }
    }
}

/// Section 11.3 asks only for the version and the cipher suite of the old group.
#[test]
fn mls_rs_refuses_branches_with_other_extensions() {
    let extension =
        Extension { extension_type: ExtensionType(EXTENSION), extension_data: b"x".as_slice().into() };
    for (library, extensions, refused) in [
        ("mls-rs", Vec::new(), false),
        ("mls-rs", vec![extension.clone()], true),
        ("pando", vec![extension.clone()], false),
    ] {
        let mut clients = group(&["pando", library]);
        let key_package = unwrap_outcome(clients[1].client.key_package());
        let extensions = encoded(&Extensions(extensions));
        let branch = unwrap_outcome(clients[0].member().branch_with(b"branch", &extensions, &[key_package]));
        let joined = clients[1].member().join_successor(Kind::Branch, &branch.welcome);
        if refused {
            assert_eq!(refusal(joined), "ReInitExtensionsMismatch");
        } else {
            unwrap_outcome(joined);
        }
    }
}

/// Returns the Welcome of a group that follows, by a ReInit, on a group of cipher suite 1. mls-rs
/// creates both groups. The owner of the KeyPackage replaces the second member, `bob`.
fn reinitialized_by_mls_rs(suite: u16, key_package: &[u8]) -> Bytes {
    let crypto = RustCryptoProvider::default();
    let identity = |name: &str, suite| {
        let suite = crypto.cipher_suite_provider(suite).unwrap();
        let (secret, public) = suite.signature_key_generate().unwrap();
        (SigningIdentity::new(BasicCredential::new(name.into()).into_credential(), public), secret)
    };
    let client = |name| {
        let suite = mls_rs::CipherSuite::new(1);
        let (identity, secret) = identity(name, suite);
        mls_rs::Client::builder()
            .identity_provider(BasicIdentityProvider)
            .crypto_provider(crypto.clone())
            .signing_identity(identity, secret, suite)
            .build()
    };
    let none = ExtensionList::default;
    let (alice, bob) = (client("alice"), client("bob"));
    let mut group = alice.create_group(none(), none(), None).unwrap();
    let bobs = bob.generate_key_package_message(none(), none(), None).unwrap();
    group.commit_builder().add_member(bobs).unwrap().build().unwrap();
    group.apply_pending_commit().unwrap();
    let (next, version) = (mls_rs::CipherSuite::new(suite), ProtocolVersion::MLS_10);
    group.commit_builder().reinit(Some(b"next".to_vec()), version, next, none()).unwrap().build().unwrap();
    group.apply_pending_commit().unwrap();
    let (identity, secret) = identity("alice", next);
    let reinit = group.get_reinit_client(Some(secret), Some(identity)).unwrap();
    let key_package = MlsMessage::from_bytes(key_package).unwrap();
    let (_, welcomes) = reinit.commit(vec![key_package], none(), None).unwrap();
    welcomes[0].to_bytes().unwrap()
}

/// Sections 8.4 and 12.1.4: the nonce of a PSK is as long as a hash of the group that uses the PSK.
/// Pando checks this before it looks for the PSK, which it does not have here.
#[test]
fn mls_rs_draws_the_nonce_for_a_new_suite_with_the_old_one() {
    // Suites 1 and 2 have SHA-256, and suite 7 has SHA-384.
    for (suite, refused) in [(2, false), (7, true)] {
        let setting = Setting { suite, encrypt: false };
        let mut bob = unwrap_outcome(library::named("pando").unwrap().client(b"bob", setting, 1));
        let welcome = reinitialized_by_mls_rs(suite, &unwrap_outcome(bob.key_package()));
        let reason = refusal(bob.join(&welcome, None));
        assert!(reason.contains(if refused { "Violation(PskNonce)" } else { "Missing(Psk(" }), "{reason}");
    }
}

/// Returns a KeyPackage of OpenMLS whose capabilities list default types (section 7.2).
fn lists_default_types() -> Bytes {
    let (provider, suite) = (OpenMlsRustCrypto::default(), Ciphersuite::try_from(1).unwrap());
    let signer = SignatureKeyPair::new(suite.signature_algorithm()).unwrap();
    let credential = CredentialWithKey {
        credential: openmls::prelude::BasicCredential::new(b"new".to_vec()).into(),
        signature_key: signer.to_public_vec().into(),
    };
    let extensions = vec![
        openmls::prelude::ExtensionType::ApplicationId,
        openmls::prelude::ExtensionType::Unknown(EXTENSION),
    ];
    let proposals = vec![ProposalType::Add, ProposalType::Custom(PROPOSAL)];
    let capabilities = Capabilities::builder().extensions(extensions).proposals(proposals).build();
    let bundle = KeyPackage::builder()
        .leaf_node_capabilities(capabilities)
        .build(suite, &provider, &signer, credential)
        .unwrap();
    MlsMessageOut::from(bundle.key_package().clone()).to_bytes().unwrap()
}

#[test]
fn mls_rs_refuses_capabilities_with_default_types() {
    let mut clients = group(&["pando", "pando", "openmls", "mls-rs"]);
    let add = commit_of(vec![Proposal::Add(lists_default_types())]);
    let committed = unwrap_outcome(clients[0].member().commit(&add));
    for receiver in [1, 2] {
        unwrap_outcome(clients[receiver].member().process(&committed.commit));
    }
    assert!(refusal(clients[3].member().process(&committed.commit)).contains("DefaultValueListed"));
}
