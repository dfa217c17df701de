//! Tests of sections 7.2, 10 and 13.4: the contents of a client's own KeyPackage and leaf. Some
//! rules apply only to the client that creates them, and receivers do not check these rules.

use crate::fixture::{RuleFixture, violation};
use crate::group_fixture::{client, suite};
use crate::material::{ForgedKeyPackage, LISTED, UNKNOWN, Wrong, add, extension, template};
use crate::raw_member::{RawMember, template_of};
use pando_mls::{
    Capabilities, Credential, ExtensionType, Group, GroupError, KeyPackageBundle, KeyPackageTemplate, Misuse,
    NewLeaf, ProposalType, Violation,
};

const GREASE: ExtensionType = ExtensionType(0x1a1a);

/// Returns the error with which the creation of a KeyPackage fails.
fn not_made(change: impl FnOnce(&mut KeyPackageTemplate)) -> GroupError {
    let mut raw_member = RawMember::new(suite(1));
    let mut template = template();
    change(&mut template);
    KeyPackageBundle::new(raw_member.suite, template, &*raw_member.signer, &mut raw_member.rng).unwrap_err()
}

#[test]
fn nobody_lists_what_everybody_supports() {
    let listed: [fn(&mut Capabilities); 4] = [
        |capabilities| capabilities.extensions.push(ExtensionType::APPLICATION_ID),
        |capabilities| capabilities.extensions.push(ExtensionType::EXTERNAL_SENDERS),
        |capabilities| capabilities.proposals.push(ProposalType::ADD),
        |capabilities| capabilities.proposals.push(ProposalType::GROUP_CONTEXT_EXTENSIONS),
    ];
    let refused = GroupError::Misuse(Misuse::DefaultCapability);
    for list in listed {
        assert_eq!(not_made(|template| list(&mut template.capabilities)), refused);
        let mut fixture = RuleFixture::new();
        let mut leaf = fixture.raw_member.own_leaf();
        list(&mut leaf.capabilities);
        let member = &mut fixture.members[0];
        let (cx, rng) = (client(&*member.signer), &mut fixture.raw_member.rng);
        let new_leaf = || NewLeaf { template: template_of(leaf.clone()), signer: &*member.signer };
        let updated = member.group.propose_update(Some(new_leaf()), b"", &cx, rng);
        assert_eq!(updated.map(|_| ()), Err(refused.clone()));
        let built = member.group.commit().new_leaf(new_leaf()).build(&cx, rng);
        assert_eq!(built.map(|_| ()), Err(refused.clone()));
        // There is no rule by which receivers reject this.
        let newcomer =
            ForgedKeyPackage::of(&mut fixture.raw_member, |template| list(&mut template.capabilities));
        let (message, _) = fixture.raw_member.propose(add(newcomer.key_package));
        fixture.deliver_proposal(&message);
        fixture.check_still_works();
    }
}

#[test]
fn nobody_says_of_themselves_what_they_do_not_support() {
    let twice = || vec![extension(LISTED, b"1"), extension(LISTED, b"2")];
    let unknown = Violation::LeafExtensionUnsupported(UNKNOWN);
    let wrong: [Wrong<KeyPackageTemplate>; 3] = [
        (
            |template| template.credential = Credential::X509 { certificates: Vec::new() },
            Violation::OwnCredentialUnsupported,
        ),
        (|template| template.leaf_extensions.0.push(extension(UNKNOWN, b"")), unknown.clone()),
        (|template| template.extensions.0.push(extension(UNKNOWN, b"")), unknown),
    ];
    for (change, expected) in wrong {
        assert_eq!(violation(not_made(change)), expected);
    }
    let duplicate = Violation::DuplicateExtension(LISTED);
    assert_eq!(violation(not_made(|template| template.leaf_extensions.0 = twice())), duplicate);
    assert_eq!(violation(not_made(|template| template.extensions.0 = twice())), duplicate);
}

#[test]
fn unknown_extensions_are_ignored() {
    let mut raw_member = RawMember::new(suite(1));
    // In a KeyPackage and in its leaf, the unknown extensions are GREASE. In a GroupInfo, they may
    // have any type.
    let newcomer = ForgedKeyPackage::of(&mut raw_member, |template| {
        template.leaf_extensions.0.push(extension(GREASE, b"ignore me"));
        template.extensions.0.push(extension(GREASE, b"me too"));
    });
    raw_member.add_leaf(&newcomer.key_package);
    let mut group_info = raw_member.group_info();
    group_info.extensions.0.extend([extension(UNKNOWN, b""), extension(GREASE, b"1")]);
    raw_member.sign_group_info(&mut group_info);
    let welcome = raw_member.welcome_to(&group_info, &newcomer.key_package);
    let group = Group::join(&welcome, &newcomer.bundle(), None, &client(&*newcomer.signer))
        .unwrap()
        .assume_persisted();
    assert_eq!(group.epoch_authenticator().unwrap().expose(), raw_member.epoch_authenticator());

    let mut fixture = RuleFixture::new();
    let newcomer = ForgedKeyPackage::of(&mut fixture.raw_member, |template| {
        template.leaf_extensions.0.push(extension(GREASE, b"ignore me"));
        template.extensions.0.push(extension(UNKNOWN, b"me too"));
    });
    let (message, _) = fixture.raw_member.propose(add(newcomer.key_package));
    fixture.deliver_proposal(&message);
    fixture.check_still_works();
}

#[test]
fn nobody_begins_a_group_with_a_leaf_that_nobody_would_accept() {
    let mut raw_member = RawMember::new(suite(1));
    let creator = ForgedKeyPackage::of(&mut raw_member, |_| {});
    let mut create = |change: &dyn Fn(&mut KeyPackageBundle)| {
        let mut bundle = creator.bundle();
        change(&mut bundle);
        let (id, cx) = ("begun", client(&*creator.signer));
        Group::builder(id).build(bundle, &cx, &mut raw_member.rng).map(|_| ())
    };
    let unsigned = create(&|bundle| bundle.key_package.leaf_node.capabilities.proposals.clear());
    assert_eq!(violation(unsigned.unwrap_err()), Violation::LeafSignature);
    let keyless = create(&|bundle| bundle.key_package.leaf_node.encryption_key = vec![0; 32].into());
    assert_eq!(violation(keyless.unwrap_err()), Violation::InvalidKey);
    let default = create(&|bundle| {
        bundle.key_package.leaf_node.capabilities.proposals.push(ProposalType::ADD);
    });
    assert_eq!(default, Err(GroupError::Misuse(Misuse::DefaultCapability)));
    create(&|_| {}).unwrap();
}
