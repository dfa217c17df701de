//! Section 12.3: proposals are applied in a fixed order, whatever order the committer lists them
//! in. Only the result must be valid, not the intermediate states.

use crate::forge::{Forgery, Gullible, by_value, remove, required, set_extensions, stranger, update};
use crate::puppet::{PUPPET, says};
use crate::stage::Stage;
use crate::world::client;
use pando_mls::{
    CredentialType, LeafIndex, Limits, NewLeaf, Processed, PublicGroup, PublicProcessed, Violation,
};
use pando_wire::{Credential, ProposalOrRef, RequiredCapabilities, Sender};

/// By Updates in one Commit, the puppet takes the signature key that another member gives up. Both
/// orders are valid.
#[test]
fn a_signature_key_passes_from_one_member_to_another() {
    let mut stage = Stage::new();
    let passed = stage.members[0].signer.public_key().clone();
    let mut taken = stage.puppet.updated_leaf(|leaf| leaf.signature_key = passed);
    stage.puppet.sign_leaf(&mut taken, PUPPET, &*stage.members[0].signer);
    let (message, take) = stage.puppet.propose(update(taken.clone()));
    stage.hear(&message);

    let (giver, new_signer) = (stage.members[0].leaf(), stranger(stage.puppet.suite));
    let mut given = stage.puppet.updated_leaf(|_| {});
    let old = stage.puppet.tree.leaf(giver).unwrap().unwrap();
    (given.signature_key, given.credential) = (new_signer.public_key().clone(), old.credential);
    stage.puppet.sign_leaf(&mut given, giver, &*new_signer);
    let (message, give) = stage.puppet.propose_by(giver, update(given.clone()), &*stage.members[0].signer);
    stage.hear(&message);

    let (committer, mut tree) = (stage.members[1].leaf(), stage.puppet.tree.clone());
    tree.update(PUPPET, &taken).unwrap();
    tree.update(giver, &given).unwrap();
    for order in [[&take, &give], [&give, &take]] {
        let list = order.map(|reference| ProposalOrRef::Reference(reference.clone())).to_vec();
        let path = stage.puppet.path_as(committer, &tree, &*stage.members[1].signer);
        let sender = Sender::Member(committer);
        let commit = stage.puppet.commit_as(sender, list, Some(path), &*stage.members[1].signer);
        // Everything that can be verified without secrets is valid.
        let seen = stage
            .observer
            .process(commit, stage.policy, &pando_mls::AdmitAll, None)
            .unwrap()
            .assume_persisted();
        assert!(matches!(seen, PublicProcessed::Commit(_)));
    }
    // One of the two Updates alone is not enough.
    let mut tree = stage.puppet.tree.clone();
    tree.update(PUPPET, &taken).unwrap();
    let path = stage.puppet.path_as(committer, &tree, &*stage.members[1].signer);
    let list = vec![ProposalOrRef::Reference(take)];
    let signer = &*stage.members[1].signer;
    let commit = stage.puppet.commit_as(Sender::Member(committer), list, Some(path), signer);
    assert_eq!(stage.refused(&commit), Violation::SignatureKeyInUse(giver));
    stage.lives_on();
}

/// A client is added that supports only one credential type, while the last member with another
/// type is removed.
#[test]
fn a_type_of_credential_goes_with_the_last_who_has_it() {
    let mut stage = Stage::with(|setting| {
        setting.policy = &Gullible;
        setting.template.capabilities.credentials.push(CredentialType::X509);
    });
    let newcomer = Forgery::of(&mut stage.puppet, |template| {
        template.credential = Credential::X509 { certificates: Vec::new() };
        template.capabilities.credentials.push(CredentialType::X509);
    });
    stage.puppet.seat(&newcomer.key_package);
    let observer =
        PublicGroup::new(stage.puppet.suite, &stage.puppet.group_info(), None, &Gullible, Limits::default())
            .unwrap()
            .assume_persisted();
    stage.observer = observer;
    let updated = stage.puppet.updated_leaf(|leaf| {
        leaf.capabilities.credentials = vec![CredentialType::BASIC];
    });
    let (message, reference) = stage.puppet.propose(update(updated.clone()));
    let _ = stage.observer.process(message, stage.policy, &pando_mls::AdmitAll, None).unwrap();

    let committer = stage.members[0].leaf();
    for goes in [true, false] {
        let mut tree = stage.puppet.tree.clone();
        tree.update(PUPPET, &updated).unwrap();
        let mut list = vec![ProposalOrRef::Reference(reference.clone())];
        if goes {
            tree.remove(LeafIndex(3)).unwrap();
            list.extend(by_value(&[remove(3)]));
        }
        let path = stage.puppet.path_as(committer, &tree, &*stage.members[0].signer);
        let signer = &*stage.members[0].signer;
        let commit = stage.puppet.commit_as(Sender::Member(committer), list, Some(path), signer);
        let seen = stage.observer.process(commit, stage.policy, &pando_mls::AdmitAll, None);
        let in_use = Violation::CredentialInUseUnsupported(CredentialType::X509);
        assert_eq!(seen.map(|_| ()), if goes { Ok(()) } else { Err(in_use.into()) });
    }
}

/// A committer requires a capability that its new leaf in the same Commit supports.
#[test]
fn a_committer_supports_what_it_requires_by_its_new_leaf() {
    let mut stage = Stage::new();
    let mut leaf_node = stage.puppet.tree.leaf(LeafIndex(1)).unwrap().unwrap();
    leaf_node.capabilities.credentials.push(CredentialType::X509);
    let commit = stage.puppet.commit(by_value(&[remove(2)]), |tree, _| {
        tree.remove(LeafIndex(2)).unwrap();
        tree.truncate().unwrap();
    });
    stage.members.truncate(1);
    stage.follow(&commit);
    let updated = stage.puppet.updated_leaf(|leaf| {
        leaf.capabilities.credentials.push(CredentialType::X509);
    });
    let (message, _) = stage.puppet.propose(update(updated));
    stage.hear(&message);

    let member = &mut stage.members[0];
    let x509 = RequiredCapabilities {
        credential_types: vec![CredentialType::X509],
        ..RequiredCapabilities::default()
    };
    let new_leaf = NewLeaf { template: says(leaf_node), signer: &*member.signer };
    let builder = member.group.commit().proposal(set_extensions(required(&x509))).new_leaf(new_leaf);
    let client = client(&*member.signer).with_policy(stage.policy);
    let output = builder.build(&client, &mut stage.puppet.rng).unwrap().persist_to(&mut member.rows).unwrap();
    let mine = member.process(&output.message).unwrap();
    assert!(matches!(mine, Processed::OwnCommit));
    member.merge_pending();
    assert_eq!(member.group.public().context().extensions, required(&x509));
}
