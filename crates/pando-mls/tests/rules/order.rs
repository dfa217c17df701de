//! Tests of section 12.3: proposals are applied in a fixed order, no matter in which order the
//! committer lists them. Only the result must be valid, not the intermediate states.

use crate::fixture::RuleFixture;
use crate::group_fixture::client;
use crate::material::{
    AnyIdentity, ForgedKeyPackage, by_value, remove, required, set_extensions, stranger, update,
};
use crate::raw_member::{RAW_MEMBER, template_of};
use pando_mls::{
    CredentialType, LeafIndex, Limits, NewLeaf, Processed, PublicGroup, PublicProcessed, Violation,
};
use pando_wire::{Credential, ProposalOrRef, RequiredCapabilities, Sender};

/// Shows that a signature key can pass from one member to another. By Updates in the same Commit,
/// the raw member takes over the key that another member gives up. Both orders of the Updates are
/// valid.
#[test]
fn a_signature_key_passes_from_one_member_to_another() {
    let mut fixture = RuleFixture::new();
    let passed = fixture.members[0].signer.public_key().clone();
    let mut taken = fixture.raw_member.updated_leaf(|leaf| leaf.signature_key = passed);
    fixture.raw_member.sign_leaf(&mut taken, RAW_MEMBER, &*fixture.members[0].signer);
    let (message, take) = fixture.raw_member.propose(update(taken.clone()));
    fixture.deliver_proposal(&message);

    let (giver, new_signer) = (fixture.members[0].leaf(), stranger(fixture.raw_member.suite));
    let mut given = fixture.raw_member.updated_leaf(|_| {});
    let old = fixture.raw_member.tree.leaf(giver).unwrap().unwrap();
    (given.signature_key, given.credential) = (new_signer.public_key().clone(), old.credential);
    fixture.raw_member.sign_leaf(&mut given, giver, &*new_signer);
    let (message, give) =
        fixture.raw_member.propose_by(giver, update(given.clone()), &*fixture.members[0].signer);
    fixture.deliver_proposal(&message);

    let (committer, mut tree) = (fixture.members[1].leaf(), fixture.raw_member.tree.clone());
    tree.update(RAW_MEMBER, &taken).unwrap();
    tree.update(giver, &given).unwrap();
    for order in [[&take, &give], [&give, &take]] {
        let list = order.map(|reference| ProposalOrRef::Reference(reference.clone())).to_vec();
        let path = fixture.raw_member.path_as(committer, &tree, &*fixture.members[1].signer);
        let sender = Sender::Member(committer);
        let commit = fixture.raw_member.commit_as(sender, list, Some(path), &*fixture.members[1].signer);
        // All parts of the Commit that can be verified without secrets are valid.
        let seen = fixture
            .observer
            .process(commit, fixture.policy, &pando_mls::AdmitAll, None)
            .unwrap()
            .assume_persisted();
        assert!(matches!(seen, PublicProcessed::Commit(_)));
    }
    // Applying only one of the two Updates is not enough.
    let mut tree = fixture.raw_member.tree.clone();
    tree.update(RAW_MEMBER, &taken).unwrap();
    let path = fixture.raw_member.path_as(committer, &tree, &*fixture.members[1].signer);
    let list = vec![ProposalOrRef::Reference(take)];
    let signer = &*fixture.members[1].signer;
    let commit = fixture.raw_member.commit_as(Sender::Member(committer), list, Some(path), signer);
    assert_eq!(fixture.refused(&commit), Violation::SignatureKeyInUse(giver));
    fixture.check_still_works();
}

/// Shows that a client that supports only one credential type can be added by the same Commit that
/// removes the last member with another type.
#[test]
fn a_type_of_credential_goes_with_the_last_who_has_it() {
    let mut fixture = RuleFixture::with(|parameters| {
        parameters.policy = &AnyIdentity;
        parameters.template.capabilities.credentials.push(CredentialType::X509);
    });
    let newcomer = ForgedKeyPackage::of(&mut fixture.raw_member, |template| {
        template.credential = Credential::X509 { certificates: Vec::new() };
        template.capabilities.credentials.push(CredentialType::X509);
    });
    fixture.raw_member.add_leaf(&newcomer.key_package);
    let observer = PublicGroup::new(
        fixture.raw_member.suite,
        &fixture.raw_member.group_info(),
        None,
        &AnyIdentity,
        Limits::default(),
    )
    .unwrap()
    .assume_persisted();
    fixture.observer = observer;
    let updated = fixture.raw_member.updated_leaf(|leaf| {
        leaf.capabilities.credentials = vec![CredentialType::BASIC];
    });
    let (message, reference) = fixture.raw_member.propose(update(updated.clone()));
    let _ = fixture.observer.process(message, fixture.policy, &pando_mls::AdmitAll, None).unwrap();

    let committer = fixture.members[0].leaf();
    for goes in [true, false] {
        let mut tree = fixture.raw_member.tree.clone();
        tree.update(RAW_MEMBER, &updated).unwrap();
        let mut list = vec![ProposalOrRef::Reference(reference.clone())];
        if goes {
            tree.remove(LeafIndex(3)).unwrap();
            list.extend(by_value(&[remove(3)]));
        }
        let path = fixture.raw_member.path_as(committer, &tree, &*fixture.members[0].signer);
        let signer = &*fixture.members[0].signer;
        let commit = fixture.raw_member.commit_as(Sender::Member(committer), list, Some(path), signer);
        let seen = fixture.observer.process(commit, fixture.policy, &pando_mls::AdmitAll, None);
        let in_use = Violation::CredentialInUseUnsupported(CredentialType::X509);
        assert_eq!(seen.map(|_| ()), if goes { Ok(()) } else { Err(in_use.into()) });
    }
}

/// Shows that a committer can require a capability that only its new leaf in the same Commit
/// supports.
#[test]
fn a_committer_supports_what_it_requires_by_its_new_leaf() {
    let mut fixture = RuleFixture::new();
    let mut leaf_node = fixture.raw_member.tree.leaf(LeafIndex(1)).unwrap().unwrap();
    leaf_node.capabilities.credentials.push(CredentialType::X509);
    let commit = fixture.raw_member.commit(by_value(&[remove(2)]), |tree, _| {
        tree.remove(LeafIndex(2)).unwrap();
        tree.truncate().unwrap();
    });
    fixture.members.truncate(1);
    fixture.follow(&commit);
    let updated = fixture.raw_member.updated_leaf(|leaf| {
        leaf.capabilities.credentials.push(CredentialType::X509);
    });
    let (message, _) = fixture.raw_member.propose(update(updated));
    fixture.deliver_proposal(&message);

    let member = &mut fixture.members[0];
    let x509 = RequiredCapabilities {
        credential_types: vec![CredentialType::X509],
        ..RequiredCapabilities::default()
    };
    let new_leaf = NewLeaf { template: template_of(leaf_node), signer: &*member.signer };
    let builder = member.group.commit().proposal(set_extensions(required(&x509))).new_leaf(new_leaf);
    let cx = client(&*member.signer).with_policy(fixture.policy);
    let output =
        builder.build(&cx, &mut fixture.raw_member.rng).unwrap().persist_to(&mut member.rows).unwrap();
    let mine = member.process(&output.message).unwrap();
    assert!(matches!(mine, Processed::OwnCommit));
    member.merge_pending();
    assert_eq!(member.group.public().context().extensions, required(&x509));
}
