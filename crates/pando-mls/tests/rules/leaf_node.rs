//! Sections 5.3.1, 7.2 and 7.3: leaves in an Add, an Update, or the path of a Commit.

use crate::forge::{
    Forgery, Gullible, LISTED, UNKNOWN, add, extension, key_package, required, template, update,
};
use crate::puppet::PUPPET;
use crate::stage::Stage;

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

/// A change that makes a leaf invalid in every use, even under a policy that accepts everything.
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

/// Returns whether a rule needs more than the leaf. Such rules are checked when the proposal is
/// committed.
fn is_about_the_group(violation: &Violation) -> bool {
    matches!(violation, Violation::CredentialUnsupportedByMember(_))
}

#[test]
fn nobody_is_added_with_a_wrong_leaf() {
    let mut stage = Stage::gullible();
    for (change, violation) in wrong_leaves() {
        let proposal = add(key_package(&mut stage.puppet, in_template(change)));
        if is_about_the_group(&violation) {
            assert_eq!(stage.forbidden(&[proposal]), violation);
        } else {
            assert_eq!(stage.forbidden_proposal(proposal), violation);
        }
    }
    stage.lives_on();
}

#[test]
fn nobody_updates_to_a_wrong_leaf() {
    let mut stage = Stage::gullible();
    for (change, violation) in wrong_leaves() {
        let found = if is_about_the_group(&violation) {
            let leaf_node = stage.puppet.updated_leaf(in_leaf(change));
            stage.refused_when_committed(leaf_node)
        } else {
            stage.refused_update(in_leaf(change))
        };
        assert_eq!(found, violation);
    }
    stage.lives_on();
}

#[test]
fn nobody_commits_with_a_wrong_leaf() {
    let mut stage = Stage::gullible();
    for (change, violation) in wrong_leaves() {
        assert_eq!(stage.refused_path(in_leaf(change)), violation);
    }
    stage.lives_on();
}

/// Returns a group that requires a capability of each kind.
fn demanding() -> Stage {
    Stage::with(|setting| {
        setting.policy = &Gullible;
        setting.template.capabilities.credentials.push(CredentialType::X509);
        setting.extensions = required(&RequiredCapabilities {
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
    let mut stage = demanding();
    for (change, violation) in lacking {
        let credentials = vec![CredentialType::BASIC, CredentialType::X509];
        let added = key_package(&mut stage.puppet, |template| {
            template.capabilities.credentials = credentials;
            in_template(change)(template);
        });
        assert_eq!(stage.forbidden_proposal(add(added)), violation);
        assert_eq!(stage.refused_update(in_leaf(change)), violation);
        assert_eq!(stage.refused_path(in_leaf(change)), violation);
    }
    stage.lives_on();
}

#[test]
fn everybody_understands_the_credentials_of_everybody() {
    // All members support both types, and have basic credentials.
    let mut stage = demanding();
    let change: Change = |credential, capabilities, _| {
        *credential = x509();
        capabilities.credentials = vec![CredentialType::X509];
    };
    let violation = Violation::CredentialInUseUnsupported(CredentialType::BASIC);
    let added = add(key_package(&mut stage.puppet, in_template(change)));
    assert_eq!(stage.forbidden(&[added]), violation);
    assert_eq!(stage.refused_path(in_leaf(change)), violation);
    let leaf_node = stage.puppet.updated_leaf(in_leaf(change));
    assert_eq!(stage.refused_when_committed(leaf_node), violation);
    stage.lives_on();
}

#[test]
fn the_policy_decides_who_is_acceptable_and_who_succeeds_whom() {
    let mut stage = Stage::new();
    let change: Change = |credential, capabilities, _| {
        *credential = x509();
        capabilities.credentials.push(CredentialType::X509);
    };
    let violation = Violation::Credential("no policy for x509".into());
    let added = add(key_package(&mut stage.puppet, in_template(change)));
    assert_eq!(stage.forbidden_proposal(added), violation);
    assert_eq!(stage.refused_path(in_leaf(change)), violation);

    // The policy accepts the new identity, but not as a successor of the old one.
    let change: Change = |credential, _, _| *credential = somebody_else();
    assert_eq!(stage.refused_update(in_leaf(change)), Violation::CredentialSuccession);
    assert_eq!(stage.refused_path(in_leaf(change)), Violation::CredentialSuccession);
    stage.lives_on();
}

/// All members list this GREASE value, but it is not the type of any credential (section 13.5).
#[test]
fn grease_is_not_a_credential() {
    let grease = CredentialType(0x3a3a);
    let mut stage = Stage::with(|setting| {
        setting.policy = &Gullible;
        setting.template.capabilities.credentials.push(grease);
    });
    let greasy = |leaf: &mut LeafNode| {
        let (credential_type, data) = (CredentialType(0x3a3a), Vec::new().into());
        leaf.credential = Credential::Other { credential_type, data };
        leaf.capabilities.credentials.push(credential_type);
    };
    let forgery = Forgery::of(&mut stage.puppet, |_| {});
    let suite = stage.puppet.suite;
    let forgery = forgery.change(suite, |key_package| greasy(&mut key_package.leaf_node));
    let violation = Violation::OwnCredentialUnsupported;
    assert_eq!(stage.forbidden_proposal(add(forgery.key_package)), violation);
    assert_eq!(stage.refused_update(greasy), violation);
    assert_eq!(stage.refused_path(greasy), violation);
    stage.lives_on();
}

#[test]
fn a_leaf_is_signed_with_its_key_for_its_place() {
    let mut stage = Stage::new();
    let suite = stage.puppet.suite;
    let mut unsigned = key_package(&mut stage.puppet, |_| {});
    unsigned.leaf_node.signature = vec![0; 64].into();
    assert_eq!(stage.forbidden_proposal(add(unsigned)), Violation::LeafSignature);

    let tree = stage.puppet.tree.clone();
    let (updated, path) = (stage.puppet.updated_leaf(|_| {}), stage.puppet.path(&tree, |_| {}));
    // The leaf is signed for another position, for another group, or by another client.
    for attempt in 0..3 {
        let sign = |stage: &Stage, leaf_node: &mut LeafNode| {
            let group_id = match attempt {
                1 => b"another".as_slice().into(),
                _ => stage.puppet.context.group_id.clone(),
            };
            let signer = if attempt == 2 { &stage.members[0].signer } else { &stage.puppet.signer };
            let position = if attempt == 0 { LeafIndex(1) } else { PUPPET };
            let to_be_signed = leaf_node.to_be_signed((&group_id, position)).unwrap();
            leaf_node.signature = suite.sign_with_label(&**signer, "LeafNodeTBS", &to_be_signed).unwrap();
        };
        let (mut updated, mut path) = (updated.clone(), path.clone());
        sign(&stage, &mut updated);
        let (message, _) = stage.puppet.propose(update(updated));
        assert_eq!(stage.refused(&message), Violation::LeafSignature);
        sign(&stage, &mut path.leaf_node);
        let commit = stage.puppet.commit_of(Vec::new(), Some(path));
        assert_eq!(stage.refused(&commit), Violation::LeafSignature);
    }
    stage.lives_on();
}

#[test]
fn a_leaf_comes_from_where_it_says() {
    let lifetime = Lifetime { not_before: 0, not_after: u64::MAX };
    let (from_key_package, from_update, from_commit) = (
        LeafNodeSource::KeyPackage { lifetime },
        LeafNodeSource::Update,
        LeafNodeSource::Commit { parent_hash: Vec::new().into() },
    );
    let mut stage = Stage::new();
    let suite = stage.puppet.suite;
    for source in [&from_update, &from_commit] {
        let forgery = Forgery::of(&mut stage.puppet, |_| {});
        let forgery = forgery.change(suite, |key_package| {
            key_package.leaf_node.leaf_node_source = source.clone();
        });
        assert_eq!(stage.forbidden_proposal(add(forgery.key_package)), Violation::LeafSource);
    }
    for source in [&from_key_package, &from_commit] {
        let refused = stage.refused_update(|leaf| leaf.leaf_node_source = source.clone());
        assert_eq!(refused, Violation::LeafSource);
    }
    // In a path, the tree checks this first.
    let tree = stage.puppet.tree.clone();
    for source in [&from_key_package, &from_update] {
        let path = stage.puppet.path(&tree, |leaf| leaf.leaf_node_source = source.clone());
        let commit = stage.puppet.commit_of(Vec::new(), Some(path));
        assert_eq!(stage.error(&commit), GroupError::Tree(TreeError::PathParentHash));
    }
    stage.lives_on();
}

#[test]
fn an_update_brings_a_new_encryption_key() {
    let mut stage = Stage::new();
    let old = stage.puppet.own_leaf().encryption_key;
    let refused = stage.refused_update(|leaf| leaf.encryption_key = old.clone());
    assert_eq!(refused, Violation::EncryptionKeyUnchanged);
    // In a path, the tree checks this first.
    let tree = stage.puppet.tree.clone();
    let path = stage.puppet.path(&tree, |leaf| leaf.encryption_key = old);
    let commit = stage.puppet.commit_of(Vec::new(), Some(path));
    assert_eq!(stage.error(&commit), GroupError::Tree(TreeError::PathKeyReused(NodeIndex(0))));
    stage.lives_on();
}

#[test]
fn nobody_has_the_signature_key_of_another() {
    let mut stage = Stage::new();
    let violation = Violation::SignatureKeyInUse(LeafIndex(1));
    // The puppet signs with the member's real key, which it has.
    let stolen = stage.members[0].signer.public_key().clone();
    let mut updated = stage.puppet.updated_leaf(|leaf| leaf.signature_key = stolen.clone());
    stage.puppet.sign_leaf(&mut updated, PUPPET, &*stage.members[0].signer);
    assert_eq!(stage.refused_when_committed(updated), violation);

    let tree = stage.puppet.tree.clone();
    let mut path = stage.puppet.path(&tree, |leaf| leaf.signature_key = stolen);
    stage.puppet.sign_leaf(&mut path.leaf_node, PUPPET, &*stage.members[0].signer);
    let commit = stage.puppet.commit_of(Vec::new(), Some(path));
    assert_eq!(stage.refused(&commit), violation);

    // A member is added again, with other encryption keys.
    let (suite, rng) = (stage.puppet.suite, &mut stage.puppet.rng);
    let again = KeyPackageBundle::new(suite, template(), &*stage.members[0].signer, rng);
    assert_eq!(stage.forbidden(&[add(again.unwrap().key_package)]), violation);
    stage.lives_on();
}

#[test]
fn nobody_has_the_encryption_key_of_another() {
    let mut stage = Stage::new();
    // This gives the parents keys.
    let commit = stage.puppet.commit(Vec::new(), |_, _| {});
    stage.follow(&commit);
    let suite = stage.puppet.suite;
    let of_a_leaf = stage.puppet.tree.leaf(LeafIndex(2)).unwrap().unwrap().encryption_key;
    let of_parents =
        [1, 3].map(|node| stage.puppet.tree.parent(NodeIndex(node)).unwrap().unwrap().encryption_key);
    for key in of_parents.into_iter().chain([of_a_leaf.clone()]) {
        let forgery = Forgery::of(&mut stage.puppet, |_| {});
        let forgery = forgery.change(suite, |key_package| key_package.leaf_node.encryption_key = key);
        assert_eq!(stage.forbidden(&[add(forgery.key_package)]), Violation::EncryptionKeyInUse);
    }
    let updated = stage.puppet.updated_leaf(|leaf| leaf.encryption_key = of_a_leaf);
    assert_eq!(stage.refused_when_committed(updated), Violation::EncryptionKeyInUse);
    stage.lives_on();
}

#[test]
fn keys_are_keys_of_the_cipher_suite() {
    let mut stage = Stage::new();
    let suite = stage.puppet.suite;
    let wrong: [fn(&mut LeafNode); 4] = [
        |leaf| leaf.encryption_key = vec![1; 31].into(),
        // This key has low order.
        |leaf| leaf.encryption_key = vec![0; 32].into(),
        |leaf| leaf.signature_key = vec![1; 33].into(),
        |leaf| leaf.signature_key = Vec::new().into(),
    ];
    for change in wrong {
        let forgery = Forgery::of(&mut stage.puppet, |_| {});
        let forgery = forgery.change(suite, |key_package| change(&mut key_package.leaf_node));
        assert_eq!(stage.forbidden_proposal(add(forgery.key_package)), Violation::InvalidKey);
        assert_eq!(stage.refused_update(change), Violation::InvalidKey);
    }
    // In a path, the tree checks the encryption key first.
    assert_eq!(stage.refused_path(wrong[2]), Violation::InvalidKey);
    let tree = stage.puppet.tree.clone();
    let path = stage.puppet.path(&tree, wrong[0]);
    let commit = stage.puppet.commit_of(Vec::new(), Some(path));
    assert_eq!(stage.error(&commit), GroupError::Tree(TreeError::InvalidEncryptionKey(NodeIndex(0))));
    stage.lives_on();
}
