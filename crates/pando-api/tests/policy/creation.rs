//! Rule 10: the creator of a group is an admin, and the group has a valid policy.

use crate::fixture::{Device, context, extensions, policy, suite};
use pando_api::{CertificateError, ComponentData, PolicyError, PolicyRules, PolicyViolation};
use pando_mls::{CredentialType, Extension, Extensions, Group, GroupError, Violation};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Returns the verdict of the creator and of the server about a new group.
fn create(device: &Device, extensions: &Extensions) -> Result<(), PolicyViolation> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (bundle, cx) = (device.bundle(&mut rng), context(&*device.signer, &PolicyRules));
    let made = Group::builder("a group of 16 by").extensions(extensions.clone()).build(bundle, &cx, &mut rng);
    let verdict = PolicyRules::check_creation(extensions, &device.credential);
    match (made, &verdict) {
        (Ok(_), Ok(())) => {}
        (Err(GroupError::Violation(Violation::GroupRules(reason))), Err(violation)) => {
            assert_eq!(reason, violation.to_string());
        }
        (made, verdict) => panic!("{:?} is not {verdict:?}", made.map(drop)),
    }
    verdict
}

fn with(policy_extension: Option<Extension>) -> Extensions {
    Extensions(policy_extension.into_iter().collect())
}

#[test]
fn the_creator_is_an_admin() {
    let signer = suite().signer(&suite().signature_generate_key(&mut ChaCha20Rng::seed_from_u64(9)).unwrap());
    let extensions = extensions(&policy(&["alice@example.org", "bob@example.org"]), &*signer.unwrap());
    for (name, expected) in [
        ("alice@example.org/laptop", Ok(())),
        ("bob@example.org/phone", Ok(())),
        ("carol@example.org/laptop", Err(PolicyViolation::Creator)),
        ("alice@example.com/laptop", Err(PolicyViolation::Creator)),
    ] {
        assert_eq!(create(&Device::certified(name, 1), &extensions), expected);
    }
    let reason = CertificateError::Type(CredentialType::BASIC);
    assert_eq!(create(&Device::basic("alice@example.org/laptop"), &extensions), Err(reason.into()));
}

#[test]
fn a_group_has_a_valid_policy() {
    let alice = Device::certified("alice@example.org/laptop", 1);
    let component = |component_id, data: &[u8]| {
        with(Some(Extension::new(&ComponentData { component_id, data: data.into() }).unwrap()))
    };
    for (extensions, reason) in [
        (with(None), PolicyError::Missing),
        (component(7, b""), PolicyError::Component(7)),
        (component(0xfa01, b""), PolicyError::Malformed(pando_mls::DecodeError::Truncated)),
    ] {
        assert_eq!(create(&alice, &extensions), Err(PolicyViolation::NoPolicy(reason)));
    }
    let valid = policy(&["alice@example.org"]).to_extension().unwrap();
    assert_eq!(create(&alice, &with(Some(valid))), Ok(()));
}
