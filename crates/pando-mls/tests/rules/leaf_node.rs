//! Tests of sections 5.3.1, 7.2 and 7.3: leaves in an Add, in an Update, or in the path of a
//! Commit.

use crate::fixture::RuleFixture;
use crate::material::{
    AnyIdentity, ForgedKeyPackage, LISTED, UNKNOWN, add, extension, key_package, required, template, update,
};
use crate::raw_member::RAW_MEMBER;

use pando_mls::{GroupError, KeyPackageBundle, KeyPackageTemplate, TreeError, Violation};
use pando_wire::{
    Capabilities, Credential, CredentialType, ExtensionType, Extensions, LeafIndex, LeafNode, LeafNodeSource,
    Lifetime, NodeIndex, ProposalType, RequiredCapabilities,
};

fn x509() -> Credential {
    Credential::X509 { certificates: Vec::new() }
}

fn somebody_else() -> Credential {
    Credential::Basic { identity: b"somebody else".as_slice().into() }
}

/// A change that makes a leaf invalid in every use, even under a policy that accepts all
/// credentials.
type Change = fn(&mut Credential, &mut Capabilities, &mut Extensions);

fn wrong_leaves() -> Vec<(Change, Violation)> {
    vec![
        (|_, capabilities, _| capabilities.credentials.clear(), Violation::OwnCredentialUnsupported),
        (
            |_, _, extensions| extensions.0.push(extension(UNKNOWN, b"")),
            Violation::LeafExtensionUnsupported(UNKNOWN),
        ),
        (
            |_, _, extensions| extensions.0 = vec![extension(LISTED, b"1"), extension(LISTED, b"2")],
            Violation::DuplicateExtension(LISTED),
        ),
        (
            |credential, capabilities, _| {
                *credential = x509();
                capabilities.credentials.push(CredentialType::X509);
            },
            Violation::CredentialUnsupportedByMember(CredentialType::X509),
        ),
    ]
}

fn in_template(change: Change) -> impl FnOnce(&mut KeyPackageTemplate) {
    move |KeyPackageTemplate { credential, capabilities, leaf_extensions, .. }| {
        change(credential, capabilities, leaf_extensions);
    }
}

fn in_leaf(change: Change) -> impl FnOnce(&mut LeafNode) {
    move |LeafNode { credential, capabilities, extensions, .. }| change(credential, capabilities, extensions)
}

/// Returns whether checking a rule requires more than the leaf itself. Rules that require more are
/// checked when the proposal is committed.
fn is_about_the_group(violation: &Violation) -> bool {
    matches!(violation, Violation::CredentialUnsupportedByMember(_))
}

#[test]
fn nobody_is_added_with_a_wrong_leaf() {
    let mut fixture = RuleFixture::with_any_identity();
    for (change, violation) in wrong_leaves() {
        let proposal = add(key_package(&mut fixture.raw_member, in_template(change)));
        if is_about_the_group(&violation) {
            assert_eq!(fixture.forbidden(&[proposal]), violation);
        } else {
            assert_eq!(fixture.forbidden_proposal(proposal), violation);
        }
    }
    fixture.check_still_works();
}

#[test]
fn nobody_updates_to_a_wrong_leaf() {
    let mut fixture = RuleFixture::with_any_identity();
    for (change, violation) in wrong_leaves() {
        let found = if is_about_the_group(&violation) {
            let leaf_node = fixture.raw_member.updated_leaf(in_leaf(change));
            fixture.refused_when_committed(leaf_node)
        } else {
            fixture.refused_update(in_leaf(change))
        };
        assert_eq!(found, violation);
    }
    fixture.check_still_works();
}

#[test]
fn nobody_commits_with_a_wrong_leaf() {
    let mut fixture = RuleFixture::with_any_identity();
    for (change, violation) in wrong_leaves() {
        assert_eq!(fixture.refused_path(in_leaf(change)), violation);
    }
    fixture.check_still_works();
}

/// Returns a group that requires one capability of each kind.
fn demanding() -> RuleFixture {
    RuleFixture::with(|parameters| {
        parameters.policy = &AnyIdentity;
        parameters.template.capabilities.credentials.push(CredentialType::X509);
        parameters.extensions = required(&RequiredCapabilities {
            extension_types: vec![LISTED, ExtensionType::APPLICATION_ID],
            proposal_types: vec![ProposalType(0xf001), ProposalType::ADD],
            credential_types: vec![CredentialType::X509],
        });
    })
}

#[test]
fn who_lacks_what_the_group_requires_does_not_come_or_stay() {
    let lacking: [(Change, Violation); 3] = [
        (|_, capabilities, _| capabilities.extensions.clear(), Violation::RequiredExtension(LISTED)),
        (
            |_, capabilities, _| capabilities.proposals.clear(),
            Violation::RequiredProposal(ProposalType(0xf001)),
        ),
        (
            |_, capabilities, _| capabilities.credentials = vec![CredentialType::BASIC],
            Violation::RequiredCredential(CredentialType::X509),
        ),
    ];
    let mut fixture = demanding();
    for (change, violation) in lacking {
        let credentials = vec![CredentialType::BASIC, CredentialType::X509];
        let added = key_package(&mut fixture.raw_member, |template| {
            template.capabilities.credentials = credentials;
            in_template(change)(template);
        });
        assert_eq!(fixture.forbidden_proposal(add(added)), violation);
        assert_eq!(fixture.refused_update(in_leaf(change)), violation);
        assert_eq!(fixture.refused_path(in_leaf(change)), violation);
    }
    fixture.check_still_works();
}

#[test]
fn everybody_understands_the_credentials_of_everybody() {
    // All members support both credential types, and have basic credentials.
    let mut fixture = demanding();
    let change: Change = |credential, capabilities, _| {
        *credential = x509();
        capabilities.credentials = vec![CredentialType::X509];
    };
    let violation = Violation::CredentialInUseUnsupported(CredentialType::BASIC);
    let added = add(key_package(&mut fixture.raw_member, in_template(change)));
    assert_eq!(fixture.forbidden(&[added]), violation);
    assert_eq!(fixture.refused_path(in_leaf(change)), violation);
    let leaf_node = fixture.raw_member.updated_leaf(in_leaf(change));
    assert_eq!(fixture.refused_when_committed(leaf_node), violation);
    fixture.check_still_works();
}

#[test]
fn the_policy_decides_who_is_acceptable_and_who_succeeds_whom() {
    let mut fixture = RuleFixture::new();
    let change: Change = |credential, capabilities, _| {
        *credential = x509();
        capabilities.credentials.push(CredentialType::X509);
    };
    let violation = Violation::Credential("no policy for x509".into());
    let added = add(key_package(&mut fixture.raw_member, in_template(change)));
    assert_eq!(fixture.forbidden_proposal(added), violation);
    assert_eq!(fixture.refused_path(in_leaf(change)), violation);

    // The policy accepts the new identity, but not as the successor of the old one.
    let change: Change = |credential, _, _| *credential = somebody_else();
    assert_eq!(fixture.refused_update(in_leaf(change)), Violation::CredentialSuccession);
    assert_eq!(fixture.refused_path(in_leaf(change)), Violation::CredentialSuccession);
    fixture.check_still_works();
}

/// Shows that a GREASE value that all members list is nevertheless not the type of any credential
/// (section 13.5).
#[test]
fn grease_is_not_a_credential() {
    let grease = CredentialType(0x3a3a);
    let mut fixture = RuleFixture::with(|parameters| {
        parameters.policy = &AnyIdentity;
        parameters.template.capabilities.credentials.push(grease);
    });
    let greasy = |leaf: &mut LeafNode| {
        let (credential_type, data) = (CredentialType(0x3a3a), Vec::new().into());
        leaf.credential = Credential::Other { credential_type, data };
        leaf.capabilities.credentials.push(credential_type);
    };
    let forgery = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {});
    let suite = fixture.raw_member.suite;
    let forgery = forgery.change(suite, |key_package| greasy(&mut key_package.leaf_node));
    let violation = Violation::OwnCredentialUnsupported;
    assert_eq!(fixture.forbidden_proposal(add(forgery.key_package)), violation);
    assert_eq!(fixture.refused_update(greasy), violation);
    assert_eq!(fixture.refused_path(greasy), violation);
    fixture.check_still_works();
}

#[test]
fn a_leaf_is_signed_with_its_key_for_its_place() {
    let mut fixture = RuleFixture::new();
    let suite = fixture.raw_member.suite;
    let mut unsigned = key_package(&mut fixture.raw_member, |_| {});
    unsigned.leaf_node.signature = vec![0; 64].into();
    assert_eq!(fixture.forbidden_proposal(add(unsigned)), Violation::LeafSignature);

    let tree = fixture.raw_member.tree.clone();
    let (updated, path) = (fixture.raw_member.updated_leaf(|_| {}), fixture.raw_member.path(&tree, |_| {}));
    // The leaf is signed for another position, for another group, or by another client.
    for attempt in 0..3 {
        let sign = |fixture: &RuleFixture, leaf_node: &mut LeafNode| {
            let group_id = match attempt {
                1 => b"another".as_slice().into(),
                _ => fixture.raw_member.context.group_id.clone(),
            };
            let signer = if attempt == 2 { &fixture.members[0].signer } else { &fixture.raw_member.signer };
            let position = if attempt == 0 { LeafIndex(1) } else { RAW_MEMBER };
            let to_be_signed = leaf_node.to_be_signed((&group_id, position)).unwrap();
            leaf_node.signature = suite.sign_with_label(&**signer, "LeafNodeTBS", &to_be_signed).unwrap();
        };
        let (mut updated, mut path) = (updated.clone(), path.clone());
        sign(&fixture, &mut updated);
        let (message, _) = fixture.raw_member.propose(update(updated));
        assert_eq!(fixture.refused(&message), Violation::LeafSignature);
        sign(&fixture, &mut path.leaf_node);
        let commit = fixture.raw_member.commit_of(Vec::new(), Some(path));
        assert_eq!(fixture.refused(&commit), Violation::LeafSignature);
    }
    fixture.check_still_works();
}

#[test]
fn a_leaf_comes_from_where_it_says() {
    let lifetime = Lifetime { not_before: 0, not_after: u64::MAX };
    let (from_key_package, from_update, from_commit) = (
        LeafNodeSource::KeyPackage { lifetime },
        LeafNodeSource::Update,
        LeafNodeSource::Commit { parent_hash: Vec::new().into() },
    );
    let mut fixture = RuleFixture::new();
    let suite = fixture.raw_member.suite;
    for source in [&from_update, &from_commit] {
        let forgery = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {});
        let forgery = forgery.change(suite, |key_package| {
            key_package.leaf_node.leaf_node_source = source.clone();
        });
        assert_eq!(fixture.forbidden_proposal(add(forgery.key_package)), Violation::LeafSource);
    }
    for source in [&from_key_package, &from_commit] {
        let refused = fixture.refused_update(|leaf| leaf.leaf_node_source = source.clone());
        assert_eq!(refused, Violation::LeafSource);
    }
    // In a path, the tree reports this violation first.
    let tree = fixture.raw_member.tree.clone();
    for source in [&from_key_package, &from_update] {
        let path = fixture.raw_member.path(&tree, |leaf| leaf.leaf_node_source = source.clone());
        let commit = fixture.raw_member.commit_of(Vec::new(), Some(path));
        assert_eq!(fixture.error(&commit), GroupError::Tree(TreeError::PathParentHash));
    }
    fixture.check_still_works();
}

#[test]
fn an_update_brings_a_new_encryption_key() {
    let mut fixture = RuleFixture::new();
    let old = fixture.raw_member.own_leaf().encryption_key;
    let refused = fixture.refused_update(|leaf| leaf.encryption_key = old.clone());
    assert_eq!(refused, Violation::EncryptionKeyUnchanged);
    // In a path, the tree reports this violation first.
    let tree = fixture.raw_member.tree.clone();
    let path = fixture.raw_member.path(&tree, |leaf| leaf.encryption_key = old);
    let commit = fixture.raw_member.commit_of(Vec::new(), Some(path));
    assert_eq!(fixture.error(&commit), GroupError::Tree(TreeError::PathKeyReused(NodeIndex(0))));
    fixture.check_still_works();
}

#[test]
fn nobody_has_the_signature_key_of_another() {
    let mut fixture = RuleFixture::new();
    let violation = Violation::SignatureKeyInUse(LeafIndex(1));
    // The raw member has the other member's real signature key, and signs with it.
    let stolen = fixture.members[0].signer.public_key().clone();
    let mut updated = fixture.raw_member.updated_leaf(|leaf| leaf.signature_key = stolen.clone());
    fixture.raw_member.sign_leaf(&mut updated, RAW_MEMBER, &*fixture.members[0].signer);
    assert_eq!(fixture.refused_when_committed(updated), violation);

    let tree = fixture.raw_member.tree.clone();
    let mut path = fixture.raw_member.path(&tree, |leaf| leaf.signature_key = stolen);
    fixture.raw_member.sign_leaf(&mut path.leaf_node, RAW_MEMBER, &*fixture.members[0].signer);
    let commit = fixture.raw_member.commit_of(Vec::new(), Some(path));
    assert_eq!(fixture.refused(&commit), violation);

    // A member is added again with new encryption keys.
    let (suite, rng) = (fixture.raw_member.suite, &mut fixture.raw_member.rng);
    let again = KeyPackageBundle::new(suite, template(), &*fixture.members[0].signer, rng);
    assert_eq!(fixture.forbidden(&[add(again.unwrap().key_package)]), violation);
    fixture.check_still_works();
}

#[test]
fn nobody_has_the_encryption_key_of_another() {
    let mut fixture = RuleFixture::new();
    // This Commit gives keys to the parents.
    let commit = fixture.raw_member.commit(Vec::new(), |_, _| {});
    fixture.follow(&commit);
    let suite = fixture.raw_member.suite;
    let of_a_leaf = fixture.raw_member.tree.leaf(LeafIndex(2)).unwrap().unwrap().encryption_key;
    let of_parents =
        [1, 3].map(|node| fixture.raw_member.tree.parent(NodeIndex(node)).unwrap().unwrap().encryption_key);
    for key in of_parents.into_iter().chain([of_a_leaf.clone()]) {
        let forgery = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {});
        let forgery = forgery.change(suite, |key_package| key_package.leaf_node.encryption_key = key);
        assert_eq!(fixture.forbidden(&[add(forgery.key_package)]), Violation::EncryptionKeyInUse);
    }
    let updated = fixture.raw_member.updated_leaf(|leaf| leaf.encryption_key = of_a_leaf);
    assert_eq!(fixture.refused_when_committed(updated), Violation::EncryptionKeyInUse);
    fixture.check_still_works();
}

#[test]
fn keys_are_keys_of_the_cipher_suite() {
    let mut fixture = RuleFixture::new();
    let suite = fixture.raw_member.suite;
    let wrong: [fn(&mut LeafNode); 4] = [
        |leaf| leaf.encryption_key = vec![1; 31].into(),
        // This key has low order.
        |leaf| leaf.encryption_key = vec![0; 32].into(),
        |leaf| leaf.signature_key = vec![1; 33].into(),
        |leaf| leaf.signature_key = Vec::new().into(),
    ];
    for change in wrong {
        let forgery = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {});
        let forgery = forgery.change(suite, |key_package| change(&mut key_package.leaf_node));
        assert_eq!(fixture.forbidden_proposal(add(forgery.key_package)), Violation::InvalidKey);
        assert_eq!(fixture.refused_update(change), Violation::InvalidKey);
    }
    // In a path, the tree reports the invalid encryption key first.
    assert_eq!(fixture.refused_path(wrong[2]), Violation::InvalidKey);
    let tree = fixture.raw_member.tree.clone();
    let path = fixture.raw_member.path(&tree, wrong[0]);
    let commit = fixture.raw_member.commit_of(Vec::new(), Some(path));
    assert_eq!(fixture.error(&commit), GroupError::Tree(TreeError::InvalidEncryptionKey(NodeIndex(0))));
    fixture.check_still_works();
}
