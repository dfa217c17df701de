//! Sections 7.2, 10 and 13.4: the contents of a client's own KeyPackage and leaf. Some rules bind
//! only the client that makes them, and receivers do not check these.

use crate::forge::{Forgery, LISTED, UNKNOWN, Wrong, add, extension, template};
use crate::puppet::{Puppet, says};
use crate::stage::{Stage, violation};
use crate::world::{client, suite};
use pando_mls::{
    Capabilities, Credential, ExtensionType, Group, GroupError, KeyPackageBundle, KeyPackageTemplate, Misuse,
    NewLeaf, ProposalType, Violation,
};

const GREASE: ExtensionType = ExtensionType(0x1a1a);

/// Returns the error of making a KeyPackage.
fn not_made(change: impl FnOnce(&mut KeyPackageTemplate)) -> GroupError {
    let mut puppet = Puppet::new(suite(1));
    let mut template = template();
    change(&mut template);
    KeyPackageBundle::new(puppet.suite, template, &*puppet.signer, &mut puppet.rng).unwrap_err()
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
        let mut stage = Stage::new();
        let mut leaf = stage.puppet.own_leaf();
        list(&mut leaf.capabilities);
        let member = &mut stage.members[0];
        let (client, rng) = (client(&*member.signer), &mut stage.puppet.rng);
        let new_leaf = || NewLeaf { template: says(leaf.clone()), signer: &*member.signer };
        let updated = member.group.propose_update(Some(new_leaf()), b"", &client, rng);
        assert_eq!(updated.map(|_| ()), Err(refused.clone()));
        let built = member.group.commit().new_leaf(new_leaf()).build(&client, rng);
        assert_eq!(built.map(|_| ()), Err(refused.clone()));
        // Receivers have no rule against it.
        let newcomer = Forgery::of(&mut stage.puppet, |template| list(&mut template.capabilities));
        let (message, _) = stage.puppet.propose(add(newcomer.key_package));
        stage.hear(&message);
        stage.lives_on();
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
    let mut puppet = Puppet::new(suite(1));
    // In a KeyPackage and its leaf the extensions are GREASE; in a GroupInfo they may be any type.
    let newcomer = Forgery::of(&mut puppet, |template| {
        template.leaf_extensions.0.push(extension(GREASE, b"ignore me"));
        template.extensions.0.push(extension(GREASE, b"me too"));
    });
    puppet.seat(&newcomer.key_package);
    let mut group_info = puppet.group_info();
    group_info.extensions.0.extend([extension(UNKNOWN, b""), extension(GREASE, b"1")]);
    puppet.sign_group_info(&mut group_info);
    let welcome = puppet.welcome_to(&group_info, &newcomer.key_package);
    let group = Group::join(&welcome, &newcomer.bundle(), None, &client(&*newcomer.signer))
        .unwrap()
        .assume_persisted();
    assert_eq!(group.epoch_authenticator().unwrap().expose(), puppet.epoch_authenticator());

    let mut stage = Stage::new();
    let newcomer = Forgery::of(&mut stage.puppet, |template| {
        template.leaf_extensions.0.push(extension(GREASE, b"ignore me"));
        template.extensions.0.push(extension(UNKNOWN, b"me too"));
    });
    let (message, _) = stage.puppet.propose(add(newcomer.key_package));
    stage.hear(&message);
    stage.lives_on();
}

#[test]
fn nobody_begins_a_group_with_a_leaf_that_nobody_would_accept() {
    let mut puppet = Puppet::new(suite(1));
    let creator = Forgery::of(&mut puppet, |_| {});
    let mut create = |change: &dyn Fn(&mut KeyPackageBundle)| {
        let mut bundle = creator.bundle();
        change(&mut bundle);
        let (id, client) = ("begun", client(&*creator.signer));
        Group::builder(id).build(bundle, &client, &mut puppet.rng).map(|_| ())
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
