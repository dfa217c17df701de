//! Rules 2 to 6 and 8: a proposal is judged by its sender, whether the committer proposes it by
//! value or refers to the proposal of another member.

use crate::fixture::{Device, Fixture, Verdict, policy, refused};
use crate::proposals::{add, custom, psk, reinit, remove, set_extensions};
use pando_api::{ComponentData, POLICY_COMPONENT, Permission, Policy, PolicyError, PolicyViolation};
use pando_mls::wire::{ExternalSender, ExternalSenders};
use pando_mls::{Credential, Extension, ExtensionType, Extensions, Proposal, ProposalType};

const ALICE: usize = 0;
const BOB: usize = 2;
const CAROL: usize = 4;

const CLIENTS: [&str; 5] = [
    "alice@example.org/laptop",
    "alice@example.org/phone",
    "bob@example.org/laptop",
    "bob@example.org/phone",
    "carol@example.org/laptop",
];

fn group(policy: &Policy) -> Fixture {
    Fixture::new(policy, &CLIENTS)
}

/// Checks the verdict about a proposal: in a Commit of its sender, as a standalone proposal, and in
/// a Commit of another member, who is an admin or not.
fn check(policy: &Policy, sender: usize, proposal: impl Fn(&mut Fixture) -> Proposal, expected: &Verdict) {
    let mut fixture = group(policy);
    let by_value = proposal(&mut fixture);
    assert_eq!(fixture.verdict_of(sender, &[by_value]), *expected, "by value");
    for committer in [ALICE, CAROL] {
        let mut fixture = group(policy);
        let proposal = proposal(&mut fixture);
        let is_about_committer =
            matches!(&proposal, Proposal::Remove(remove) if remove.removed.0 == committer as u32);
        if committer == sender || is_about_committer {
            continue;
        }
        let message = fixture.propose(sender, proposal);
        let verdicts = fixture.verdict_by_reference(Some(sender), committer, &message);
        assert_eq!(verdicts, (expected.clone(), expected.clone()), "by reference");
    }
}

fn add_device(name: &'static str) -> impl Fn(&mut Fixture) -> Proposal {
    move |fixture| add(fixture.key_package(&Device::certified(name, 1)))
}

#[test]
fn rule_2_adds() {
    let by_admins = policy(&["alice@example.org"]);
    let by_everyone = Policy { add: Permission::Everyone, ..by_admins.clone() };
    let violation = refused(PolicyViolation::Add);
    for (policy, sender, added, expected) in [
        (&by_admins, ALICE, "dave@example.org/laptop", Ok(())),
        (&by_admins, ALICE, "bob@example.org/tablet", Ok(())),
        (&by_admins, BOB, "dave@example.org/laptop", violation.clone()),
        (&by_admins, BOB, "bob@example.com/tablet", violation.clone()),
        (&by_admins, BOB, "alice@example.org/tablet", violation),
        (&by_admins, BOB, "bob@example.org/tablet", Ok(())),
        (&by_everyone, BOB, "dave@example.org/laptop", Ok(())),
        (&by_everyone, BOB, "bob@example.org/tablet", Ok(())),
    ] {
        check(policy, sender, add_device(added), &expected);
    }
}

#[test]
fn rule_3_removes() {
    let by_admins = policy(&["alice@example.org"]);
    let by_everyone = Policy { remove: Permission::Everyone, ..by_admins.clone() };
    let violation = refused(PolicyViolation::Remove);
    for (policy, sender, removed, expected) in [
        (&by_admins, ALICE, 4, Ok(())),
        (&by_admins, ALICE, 1, Ok(())),
        (&by_admins, BOB, 4, violation.clone()),
        (&by_admins, BOB, 1, violation),
        (&by_admins, BOB, 3, Ok(())),
        (&by_everyone, BOB, 4, Ok(())),
        (&by_everyone, BOB, 1, Ok(())),
    ] {
        check(policy, sender, |_| remove(removed), &expected);
    }
}

/// A member may propose its own removal.
#[test]
fn rule_3_own_removal() {
    let mut fixture = group(&policy(&["alice@example.org"]));
    let message = fixture.propose(BOB, remove(BOB as u32));
    assert_eq!(fixture.verdict_by_reference(Some(BOB), CAROL, &message), (Ok(()), Ok(())));
}

#[test]
fn rule_4_updates_and_pre_shared_keys() {
    let policy = policy(&["alice@example.org"]);
    check(&policy, BOB, |_| psk(), &Ok(()));
    let mut fixture = group(&policy);
    let message = fixture.propose_update(BOB, None);
    assert_eq!(fixture.verdict_by_reference(Some(BOB), CAROL, &message), (Ok(()), Ok(())));
}

/// Returns extensions with this policy component and the same external senders.
fn extensions_with_component(fixture: &Fixture, component: &ComponentData) -> Extensions {
    let mut extensions = fixture.extensions_with(&policy(&["alice@example.org"]));
    extensions.0[0] = Extension::new(component).unwrap();
    extensions
}

#[test]
fn rule_5_extensions() {
    let old = policy(&["alice@example.org"]);
    let new = Policy { add: Permission::Everyone, ..policy(&["alice@example.org", "bob@example.org"]) };
    let same_senders = |fixture: &mut Fixture| set_extensions(fixture.extensions_with(&new));
    check(&old, ALICE, same_senders, &Ok(()));
    // The order of the extensions does not matter.
    let other_order = |fixture: &mut Fixture| {
        let mut extensions = fixture.extensions_with(&new);
        extensions.0.reverse();
        set_extensions(extensions)
    };
    check(&old, ALICE, other_order, &Ok(()));
    check(&old, BOB, same_senders, &refused(PolicyViolation::Extensions));
}

#[test]
fn rule_5_external_senders_stay() {
    let old = policy(&["alice@example.org"]);
    let violation = refused(PolicyViolation::ExternalSenders);
    let without = |fixture: &mut Fixture| {
        let mut extensions = fixture.extensions_with(&old);
        extensions.0.retain(|extension| extension.extension_type != ExtensionType::EXTERNAL_SENDERS);
        set_extensions(extensions)
    };
    check(&old, ALICE, without, &violation);
    let with_another = |fixture: &mut Fixture| {
        let other = Device::certified("eve@example.org/laptop", 1);
        let sender = |signer: &dyn pando_mls::Signer, credential| ExternalSender {
            signature_key: signer.public_key().clone(),
            credential,
        };
        let senders = vec![
            sender(&*fixture.server_signer, Credential::basic("ds.example.org")),
            sender(&*other.signer, other.credential.clone()),
        ];
        let mut extensions = fixture.extensions_with(&old);
        extensions.0[1] = Extension::new(&ExternalSenders(senders)).unwrap();
        set_extensions(extensions)
    };
    check(&old, ALICE, with_another, &violation);
}

#[test]
fn rule_5_the_new_policy_is_valid() {
    let old = policy(&["alice@example.org"]);
    let without = |fixture: &mut Fixture| {
        let mut extensions = fixture.extensions_with(&old);
        extensions.0.remove(0);
        set_extensions(extensions)
    };
    check(&old, ALICE, without, &refused(PolicyViolation::NewPolicy(PolicyError::Missing)));
    let other_component = |fixture: &mut Fixture| {
        let component = ComponentData { component_id: 7, data: b"data".into() };
        set_extensions(extensions_with_component(fixture, &component))
    };
    let violation = PolicyViolation::NewPolicy(PolicyError::Component(7));
    check(&old, ALICE, other_component, &refused(violation));
    let too_long = |fixture: &mut Fixture| {
        let component = ComponentData { component_id: POLICY_COMPONENT, data: vec![0; 4_097].into() };
        set_extensions(extensions_with_component(fixture, &component))
    };
    check(&old, ALICE, too_long, &refused(PolicyViolation::NewPolicy(PolicyError::Length(4_097))));
}

#[test]
fn rule_6_reinitialization() {
    let old = policy(&["alice@example.org"]);
    let valid = |fixture: &mut Fixture| reinit(fixture.extensions_with(&policy(&["bob@example.org"])));
    check(&old, ALICE, valid, &Ok(()));
    check(&old, BOB, valid, &refused(PolicyViolation::ReInit));
    let without = refused(PolicyViolation::NewPolicy(PolicyError::Missing));
    let without_policy = |fixture: &mut Fixture| {
        let mut extensions = fixture.extensions_with(&old);
        extensions.0.remove(0);
        reinit(extensions)
    };
    check(&old, ALICE, without_policy, &without);
    let without_server = |fixture: &mut Fixture| {
        let mut extensions = fixture.extensions_with(&old);
        extensions.0.remove(1);
        reinit(extensions)
    };
    check(&old, ALICE, without_server, &refused(PolicyViolation::ExternalSenders));
    check(&old, ALICE, |_| reinit(Extensions::default()), &refused(PolicyViolation::ExternalSenders));
}

#[test]
fn rule_8_other_types() {
    let old = policy(&["alice@example.org", "bob@example.org"]);
    let violation = refused(PolicyViolation::ProposalType(ProposalType(crate::fixture::CUSTOM)));
    for sender in [ALICE, BOB] {
        check(&old, sender, |_| custom(), &violation);
    }
}

/// The proposals of one Commit have different senders, and each is judged by its own.
#[test]
fn each_proposal_is_judged_by_its_own_sender() {
    let mut fixture = group(&policy(&["alice@example.org"]));
    // Alice proposes what Bob may not propose, and Bob commits both proposals.
    let message = fixture.propose(ALICE, remove(CAROL as u32));
    assert_eq!(fixture.verdict_by_reference(Some(ALICE), BOB, &message), (Ok(()), Ok(())));
    assert_eq!(fixture.verdict_of(BOB, &[remove(3)]), Ok(()));
    // Bob commits his own proposal, too, which he may not make.
    let again = add_device("dave@example.org/laptop")(&mut fixture);
    assert_eq!(fixture.verdict_of(BOB, &[again]), refused(PolicyViolation::Add));
}
