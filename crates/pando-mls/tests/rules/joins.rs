//! Tests of section 12.4.3.1: joiners verify the Welcome, the GroupInfo and the tree. An invalid
//! GroupInfo is rejected in every use: with a Welcome, for an external join, and by an observer.

use crate::fixture::violation;
use crate::group_fixture::{GroupFixture, client, external_psk, leaf_template, suite};
use crate::material::{
    AnyIdentity, ForgedKeyPackage, LISTED, OldPsk, Strict, UNKNOWN, Wrong, extension, external_senders,
    key_package, psk_id, required, stranger,
};
use crate::raw_member::RawMember;
use pando_mls::{
    BasicIdentities, Context, CryptoError, ExternalJoin, Group, GroupError, GroupInfo, IdentityPolicy,
    KeyPackageTemplate, Limits, PublicGroup, Violation, Welcome,
};
use pando_schedule::{PskValue, ScheduleError};
use pando_wire::{
    CipherSuite, Credential, CredentialType, ExtensionType, Extensions, GroupId, KeyPackage, LeafIndex,
    Lifetime, ProposalType, ProtocolVersion, Psk, RequiredCapabilities, ResumptionPskUsage,
};

/// Returns a raw member's group, and a client that is in its tree but has no Welcome yet.
fn group_and_invited_client() -> (RawMember, ForgedKeyPackage) {
    let mut raw_member = RawMember::new(suite(1));
    let newcomer = ForgedKeyPackage::of(&mut raw_member, |_| {});
    raw_member.add_leaf(&newcomer.key_package);
    (raw_member, newcomer)
}

fn join(
    welcome: &Welcome,
    newcomer: &ForgedKeyPackage,
    policy: &dyn IdentityPolicy,
) -> Result<Group, GroupError> {
    let cx = client(&*newcomer.signer).with_policy(policy);
    Group::join(welcome, &newcomer.bundle(), None, &cx).map(pando_mls::Unpersisted::assume_persisted)
}

/// Returns the rule that a GroupInfo violates, after checking that it is the same in every use.
fn refused_by(
    raw_member: &mut RawMember,
    newcomer: &ForgedKeyPackage,
    group_info: &GroupInfo,
    policy: &dyn IdentityPolicy,
) -> GroupError {
    let welcome = raw_member.welcome_to(group_info, &newcomer.key_package);
    let error = join(&welcome, newcomer, policy).unwrap_err();

    let watched = PublicGroup::new(raw_member.suite, group_info, None, policy, Limits::default());
    assert_eq!(watched.unwrap_err(), error);

    // An external joiner takes the cipher suite from the GroupInfo itself, so it reports an invalid
    // signature.
    if group_info.group_context.cipher_suite == raw_member.suite.cipher_suite() {
        let (tree, resync, psks) = (None, None, Vec::new());
        let join = ExternalJoin::new(group_info, leaf_template()).tree(tree).replace_leaf(resync).psks(psks);
        let signer = stranger(raw_member.suite);
        let cx = client(&*signer).with_policy(policy);
        assert_eq!(join.build(&cx, &mut raw_member.rng).map(|_| ()).unwrap_err(), error);
    }
    error
}

/// Returns the rule that is violated by a GroupInfo that was changed before it was signed.
fn refused(
    raw_member: &mut RawMember,
    newcomer: &ForgedKeyPackage,
    change: impl FnOnce(&mut GroupInfo),
) -> Violation {
    let mut group_info = raw_member.group_info();
    change(&mut group_info);
    raw_member.sign_group_info(&mut group_info);
    violation(refused_by(raw_member, newcomer, &group_info, &BasicIdentities))
}

/// Checks that the valid Welcome is still accepted.
fn check_join_succeeds(mut raw_member: RawMember, newcomer: &ForgedKeyPackage) {
    let welcome = raw_member.welcome(&newcomer.key_package);
    let group = join(&welcome, newcomer, &BasicIdentities).unwrap();
    assert_eq!(group.epoch_authenticator().unwrap().expose(), raw_member.epoch_authenticator());
}

#[test]
fn a_group_info_is_signed_by_a_member() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    for leaf in [2, 3, 1 << 31, u32::MAX].map(LeafIndex) {
        let found = refused(&mut raw_member, &newcomer, |group_info| group_info.signer = leaf);
        assert_eq!(found, Violation::GroupInfoSigner(leaf));
    }
    // The GroupInfo names another signer, has an empty signature, or was changed after it was
    // signed.
    let found = refused(&mut raw_member, &newcomer, |group_info| group_info.signer = LeafIndex(1));
    assert_eq!(found, Violation::GroupInfoSignature);
    let changes: [fn(&mut GroupInfo); 4] = [
        |group_info| group_info.signature = Vec::new().into(),
        |group_info| group_info.confirmation_tag = Vec::new().into(),
        |group_info| group_info.group_context.epoch = 8,
        |group_info| group_info.extensions.0.push(extension(LISTED, b"")),
    ];
    for change in changes {
        let mut group_info = raw_member.group_info();
        change(&mut group_info);
        let found = violation(refused_by(&mut raw_member, &newcomer, &group_info, &BasicIdentities));
        assert_eq!(found, Violation::GroupInfoSignature);
    }
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn who_has_left_does_not_sign() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let gone = key_package(&mut raw_member, |_| {});
    let leaf = raw_member.add_leaf(&gone);
    let last = key_package(&mut raw_member, |_| {});
    raw_member.add_leaf(&last);
    raw_member.tree.remove(leaf).unwrap();
    raw_member.derive_epoch();
    let found = refused(&mut raw_member, &newcomer, |group_info| group_info.signer = leaf);
    assert_eq!(found, Violation::GroupInfoSigner(leaf));
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn a_group_is_of_the_version_and_cipher_suite_of_the_key_package() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let changes: [fn(&mut GroupInfo); 3] = [
        |group_info| group_info.group_context.cipher_suite = CipherSuite(2),
        |group_info| group_info.group_context.cipher_suite = CipherSuite(0x0a0a),
        |group_info| group_info.group_context.version = ProtocolVersion(2),
    ];
    for change in changes {
        assert_eq!(refused(&mut raw_member, &newcomer, change), Violation::GroupInfoSuite);
    }
    // The Welcome is for a KeyPackage with another cipher suite.
    let other = ForgedKeyPackage::of(&mut RawMember::new(suite(2)), |_| {});
    let welcome = raw_member.welcome(&newcomer.key_package);
    let found = join(&welcome, &other, &BasicIdentities).unwrap_err();
    assert_eq!(violation(found), Violation::GroupInfoSuite);
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn extensions_are_of_one_type_each_and_well_formed() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let twice = [extension(LISTED, b"1"), extension(LISTED, b"2")];
    let found = refused(&mut raw_member, &newcomer, |group_info| {
        group_info.extensions.0.extend(twice.clone());
    });
    assert_eq!(found, Violation::DuplicateExtension(LISTED));
    let found = refused(&mut raw_member, &newcomer, |group_info| {
        group_info.group_context.extensions.0.extend(twice.clone());
    });
    assert_eq!(found, Violation::DuplicateExtension(LISTED));
    for extension_type in [ExtensionType::REQUIRED_CAPABILITIES, ExtensionType::EXTERNAL_SENDERS] {
        let found = refused(&mut raw_member, &newcomer, |group_info| {
            group_info.group_context.extensions.0.push(extension(extension_type, b"\x05abc"));
        });
        assert_eq!(found, Violation::MalformedExtension(extension_type));
    }
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn the_joiner_supports_the_extensions_of_the_group() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let found = refused(&mut raw_member, &newcomer, |group_info| {
        group_info.group_context.extensions.0.push(extension(UNKNOWN, b""));
    });
    assert_eq!(found, Violation::ExtensionUnsupportedByMember(UNKNOWN));
    // Only the joiner does not support the extension.
    let mut raw_member = RawMember::new(suite(1));
    let newcomer = ForgedKeyPackage::of(&mut raw_member, |template| template.capabilities.extensions.clear());
    raw_member.context.extensions.0.push(extension(LISTED, b""));
    raw_member.add_leaf(&newcomer.key_package);
    let welcome = raw_member.welcome(&newcomer.key_package);
    let found = join(&welcome, &newcomer, &BasicIdentities).unwrap_err();
    assert_eq!(violation(found), Violation::ExtensionUnsupportedByMember(LISTED));
}

#[test]
fn the_policy_decides_which_servers_have_a_say() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    raw_member.context.extensions = external_senders(&[&*newcomer.signer]);
    raw_member.derive_epoch();
    let group_info = raw_member.group_info();
    let found = violation(refused_by(&mut raw_member, &newcomer, &group_info, &Strict));
    assert_eq!(found, Violation::ExternalSenderCredential("no servers".into()));
    check_join_succeeds(raw_member, &newcomer);
}

/// Adds a leaf that the members should have rejected. Returns the error with which a joiner rejects
/// the tree.
fn with_leaf(
    extensions: Extensions,
    policy: &dyn IdentityPolicy,
    change: impl FnOnce(&mut KeyPackageTemplate),
) -> GroupError {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let wrong = key_package(&mut raw_member, change);
    raw_member.context.extensions = extensions;
    assert_eq!(raw_member.add_leaf(&wrong), WRONG);
    let group_info = raw_member.group_info();
    refused_by(&mut raw_member, &newcomer, &group_info, policy)
}

/// The index of the leaf that [`with_leaf`] adds.
const WRONG: LeafIndex = LeafIndex(2);

/// Returns the error that names a leaf and the rule that it violates.
fn of(leaf: LeafIndex, violation: Violation) -> GroupError {
    GroupError::Leaf { leaf, violation }
}

#[test]
fn every_leaf_of_the_tree_is_looked_at() {
    let none = Extensions::default;
    let nameless = with_leaf(none(), &Strict, |template| {
        template.credential = Credential::Basic { identity: Vec::new().into() };
    });
    assert_eq!(nameless, of(WRONG, Violation::Credential("no name".into())));
    assert_eq!(
        nameless.to_string(),
        "leaf 2: a credential is not acceptable: no name (RFC 9420, section 5.3.1)"
    );
    // If two leaves do not support each other's credential types, the error names the first leaf.
    let x509 = |also: &'static [CredentialType]| {
        move |template: &mut KeyPackageTemplate| {
            template.credential = Credential::X509 { certificates: Vec::new() };
            template.capabilities.credentials = [&[CredentialType::X509], also].concat();
        }
    };
    let found = with_leaf(none(), &AnyIdentity, x509(&[CredentialType::BASIC][..]));
    assert_eq!(found, of(LeafIndex(0), Violation::CredentialInUseUnsupported(CredentialType::X509)));
    let found = with_leaf(none(), &AnyIdentity, x509(&[][..]));
    assert_eq!(found, of(LeafIndex(0), Violation::CredentialUnsupportedByMember(CredentialType::BASIC)));

    let wrong: [Wrong<KeyPackageTemplate>; 3] = [
        (
            |template| template.leaf_extensions.0.push(extension(UNKNOWN, b"")),
            Violation::LeafExtensionUnsupported(UNKNOWN),
        ),
        (|template| template.lifetime = Lifetime { not_before: 2, not_after: 1 }, Violation::LifetimeTooLong),
        (
            |template| template.leaf_extensions.0 = vec![extension(LISTED, b""), extension(LISTED, b"")],
            Violation::DuplicateExtension(LISTED),
        ),
    ];
    for (change, violation) in wrong {
        assert_eq!(with_leaf(none(), &BasicIdentities, change), of(WRONG, violation));
    }
}

#[test]
fn every_leaf_of_the_tree_has_what_the_group_requires() {
    let demands = required(&RequiredCapabilities {
        extension_types: vec![LISTED],
        proposal_types: vec![ProposalType(0xf001)],
        credential_types: vec![CredentialType::BASIC],
    });
    let lacking: [Wrong<KeyPackageTemplate>; 2] = [
        (|template| template.capabilities.extensions.clear(), Violation::RequiredExtension(LISTED)),
        (
            |template| template.capabilities.proposals.clear(),
            Violation::RequiredProposal(ProposalType(0xf001)),
        ),
    ];
    for (change, violation) in lacking {
        assert_eq!(with_leaf(demands.clone(), &BasicIdentities, change), of(WRONG, violation));
    }
    let x509 = RequiredCapabilities {
        credential_types: vec![CredentialType::X509],
        ..RequiredCapabilities::default()
    };
    let violation = Violation::RequiredCredential(CredentialType::X509);
    assert_eq!(with_leaf(required(&x509), &BasicIdentities, |_| {}), of(LeafIndex(0), violation));
}

#[test]
fn the_joiner_finds_its_own_leaf_as_it_was() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    // The joiner's leaf is not in the tree.
    let stranger = ForgedKeyPackage::of(&mut raw_member, |_| {});
    let welcome = raw_member.welcome(&stranger.key_package);
    let found = join(&welcome, &stranger, &BasicIdentities).unwrap_err();
    assert_eq!(violation(found), Violation::OwnLeafMissing);
    // In the tree, the joiner has another leaf, which is properly signed. This leaf belongs to
    // another KeyPackage, or is a different leaf signed by the owner of the key.
    let changes: [fn(&mut KeyPackage); 2] = [
        |key_package| key_package.leaf_node.capabilities.proposals.clear(),
        |key_package| key_package.leaf_node.credential = Credential::Basic { identity: Vec::new().into() },
    ];
    for change in changes {
        let owner = ForgedKeyPackage::of(&mut raw_member, |_| {});
        let bundle = owner.bundle();
        let owner = owner.change(raw_member.suite, change);
        raw_member.add_leaf(&owner.key_package);
        let welcome = raw_member.welcome(&bundle.key_package);
        let joined = Group::join(&welcome, &bundle, None, &client(&*owner.signer));
        assert_eq!(violation(joined.unwrap_err()), Violation::OwnLeafMissing);
    }
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn nobody_joins_a_group_that_they_are_in_already() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let welcome = raw_member.welcome(&newcomer.key_package);
    let group_id = raw_member.context.group_id.clone();
    let bundle = newcomer.bundle();
    let join = |joined: &dyn Fn(&GroupId) -> bool| {
        let cx = client(&*newcomer.signer).with_groups(&joined);
        Group::join(&welcome, &bundle, None, &cx).map(|_| ())
    };
    let twice = join(&|id| *id == group_id).unwrap_err();
    assert_eq!(violation(twice), Violation::AlreadyInGroup);
    join(&|id| *id != group_id).unwrap();
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn a_welcome_confirms_that_the_joiner_is_in_the_epoch() {
    let (mut raw_member, newcomer) = group_and_invited_client();
    let right = raw_member.group_info().confirmation_tag;
    for tag in [vec![0; 32], right[..31].to_vec(), [&right[..], &[0]].concat(), Vec::new()] {
        let mut group_info = raw_member.group_info();
        group_info.confirmation_tag = tag.into();
        raw_member.sign_group_info(&mut group_info);
        let welcome = raw_member.welcome_to(&group_info, &newcomer.key_package);
        let found = join(&welcome, &newcomer, &BasicIdentities).unwrap_err();
        assert_eq!(violation(found), Violation::ConfirmationTag);
    }
    check_join_succeeds(raw_member, &newcomer);
}

#[test]
fn a_group_that_follows_from_another_has_just_begun() {
    for usage in [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch] {
        for epoch in [0, 2, 7, u64::MAX] {
            let (mut raw_member, newcomer) = group_and_invited_client();
            raw_member.context.epoch = epoch;
            let id = Psk::Resumption { usage, psk_group_id: b"old".as_slice().into(), psk_epoch: 1 };
            raw_member.psks.push((psk_id(id, 32), PskValue::from(vec![1])));
            raw_member.derive_epoch();
            let welcome = raw_member.welcome(&newcomer.key_package);
            let joined = Group::join(&welcome, &newcomer.bundle(), None, &knows(&newcomer));
            assert_eq!(violation(joined.unwrap_err()), Violation::FirstEpoch);
        }
    }
}

#[test]
fn a_group_follows_from_one_other() {
    let usages = [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch];
    for (first, second) in usages.into_iter().flat_map(|first| usages.map(|second| (first, second))) {
        let (mut raw_member, newcomer) = group_and_invited_client();
        raw_member.context.epoch = 1;
        for (usage, epoch) in [(first, 1), (second, 2)] {
            let id = Psk::Resumption { usage, psk_group_id: b"old".as_slice().into(), psk_epoch: epoch };
            raw_member.psks.push((psk_id(id, 32), PskValue::from(vec![1])));
        }
        raw_member.derive_epoch();
        let welcome = raw_member.welcome(&newcomer.key_package);
        let joined = Group::join(&welcome, &newcomer.bundle(), None, &knows(&newcomer));
        assert_eq!(violation(joined.unwrap_err()), Violation::SeveralResumptionPsks);
    }
}

#[test]
fn the_psks_of_a_welcome_are_such_as_a_commit_can_have() {
    let id = |nonce_len| psk_id(external_psk(1), nonce_len);
    for (ids, violation) in [
        (vec![id(31)], Violation::PskNonce),
        (vec![id(32), id(0)], Violation::PskNonce),
        (vec![id(32), id(32)], Violation::DuplicatePsk),
    ] {
        let (mut raw_member, newcomer) = group_and_invited_client();
        raw_member.psks = ids.into_iter().map(|id| (id, PskValue::from(vec![1, 1]))).collect();
        raw_member.derive_epoch();
        let welcome = raw_member.welcome(&newcomer.key_package);
        let found = join(&welcome, &newcomer, &BasicIdentities).unwrap_err();
        assert_eq!(self::violation(found), violation);
        raw_member.psks = vec![(id(32), PskValue::from(vec![1, 1]))];
        raw_member.derive_epoch();
        check_join_succeeds(raw_member, &newcomer);
    }
}

#[test]
fn a_welcome_has_the_psks_of_its_commit_in_their_order() {
    let mut group = GroupFixture::of(suite(1), 2);
    let newcomer = group.newcomer();
    let (_, welcome) = group
        .commit(1, |builder| builder.add(newcomer.key_package()).psk(external_psk(2)).psk(external_psk(1)));
    group.enter(newcomer, &welcome.unwrap());
    // If the PSKs are in another order, they yield other secrets, so the GroupInfo cannot be
    // decrypted.
    let (mut raw_member, newcomer) = group_and_invited_client();
    let id = |name| (psk_id(external_psk(name), 32), PskValue::from(vec![name, name]));
    raw_member.psks = vec![id(1), id(2)];
    raw_member.derive_epoch();
    let (group_info, swapped) = (raw_member.group_info(), [2, 1].map(|name| id(name).0).to_vec());
    let welcome = raw_member.welcome_with(&group_info, &newcomer.key_package, swapped);
    let closed = GroupError::Schedule(ScheduleError::Crypto(CryptoError::DecryptionFailed));
    assert_eq!(join(&welcome, &newcomer, &BasicIdentities).unwrap_err(), closed);
    check_join_succeeds(raw_member, &newcomer);
}

/// Returns the context of a client that has the PSK of the old group.
fn knows(newcomer: &ForgedKeyPackage) -> Context<'_> {
    client(&*newcomer.signer).with_psks(&OldPsk)
}

/// Shows that a client rejects the same parameters when it creates a group as when it joins one.
#[test]
fn a_group_is_not_created_that_its_creator_could_not_join() {
    let mut raw_member = RawMember::new(suite(1));
    let owner = ForgedKeyPackage::of(&mut raw_member, |_| {});
    let rng = &mut raw_member.rng;
    let mut refused = |extensions: Extensions, policy: &dyn IdentityPolicy| {
        let (id, cx) = ("new", client(&*owner.signer).with_policy(policy));
        let created = Group::builder(id).extensions(extensions).build(owner.bundle(), &cx, rng);
        violation(created.map(|_| ()).unwrap_err())
    };
    let unknown = Extensions(vec![extension(UNKNOWN, b"")]);
    assert_eq!(refused(unknown, &AnyIdentity), Violation::ExtensionUnsupportedByMember(UNKNOWN));
    let needs = RequiredCapabilities { extension_types: vec![UNKNOWN], ..RequiredCapabilities::default() };
    assert_eq!(refused(required(&needs), &AnyIdentity), Violation::RequiredExtension(UNKNOWN));
    let grease = ExtensionType(0x1a1a);
    let greasy = Extensions(vec![extension(grease, b"")]);
    assert_eq!(refused(greasy, &AnyIdentity), Violation::ExtensionUnsupportedByMember(grease));
    let twice = Extensions(vec![extension(LISTED, b"1"), extension(LISTED, b"2")]);
    assert_eq!(refused(twice, &AnyIdentity), Violation::DuplicateExtension(LISTED));
    let malformed = Extensions(vec![extension(ExtensionType::EXTERNAL_SENDERS, b"")]);
    let violation = Violation::MalformedExtension(ExtensionType::EXTERNAL_SENDERS);
    assert_eq!(refused(malformed, &AnyIdentity), violation);
    let servers = external_senders(&[&*owner.signer]);
    let violation = Violation::ExternalSenderCredential("no servers".into());
    assert_eq!(refused(servers, &Strict), violation);
}
