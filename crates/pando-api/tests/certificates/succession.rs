//! Tests of the succession of credentials.

use crate::pki::{self, Certified, Template};
use crate::{certify, credential, namesake, pin, template};
use pando_api::{DeviceIdentities, MAX_VERSION};
use pando_mls::{Credential, IdentityPolicy};

const LAPTOP: &str = "alice@example.org/laptop";

fn may_succeed(policy: &DeviceIdentities, old: &Certified, new: &Certified) -> bool {
    policy.may_succeed(&credential(old), &credential(new))
}

#[test]
fn only_higher_versions_and_the_same_certificate_succeed() {
    let anchor = Template::authority("ca").self_signed();
    let policy = pin(&[("example.org", &anchor)]);
    let versions = [1, 2, 3, 9, 10, MAX_VERSION].map(|version| certify(&anchor, LAPTOP, version));
    for (place, old) in versions.iter().enumerate() {
        for (other, new) in versions.iter().enumerate() {
            assert_eq!(may_succeed(&policy, old, new), place <= other, "{place} {other}");
        }
    }
    // The same version and key in another certificate.
    let old = certify(&anchor, LAPTOP, 3);
    let again = template(LAPTOP, 3).serial_number(&[2]).signed_by(&anchor);
    assert_eq!((old.key(), old.der == again.der), (again.key(), false));
    assert!(!may_succeed(&policy, &old, &again));
    assert!(!may_succeed(&policy, &again, &old));
}

#[test]
fn other_clients_do_not_succeed() {
    let anchor = Template::authority("ca").self_signed();
    let policy = pin(&[("example.org", &anchor), ("example.com", &anchor)]);
    let old = certify(&anchor, LAPTOP, 1);
    for other in ["alice@example.org/phone", "bob@example.org/laptop", "alice@example.com/laptop"] {
        assert!(!may_succeed(&policy, &old, &certify(&anchor, other, 2)), "{other}");
    }
}

/// While an authority changes its key, two trust anchors are pinned for its domain.
#[test]
fn a_certificate_below_another_anchor_of_the_domain_succeeds() {
    let old_anchor = Template::authority("old").self_signed();
    let same_name = namesake(&old_anchor);
    let other_name = Template::authority("new").self_signed();
    for new_anchor in [&same_name, &other_name] {
        let both = pin(&[("example.org", &old_anchor), ("example.org", new_anchor)]);
        let (old, new) = (certify(&old_anchor, LAPTOP, 3), certify(new_anchor, LAPTOP, 4));
        assert!(may_succeed(&both, &old, &new));
        // Versions rise across trust anchors.
        assert!(!may_succeed(&both, &new, &old));
        assert!(!may_succeed(&both, &old, &certify(new_anchor, LAPTOP, 3)));

        // If only one of the two trust anchors is pinned, one of the certificates is refused.
        for anchor in [&old_anchor, new_anchor] {
            let one = pin(&[("example.org", anchor)]);
            let is_by_name = old_anchor.name == new_anchor.name;
            // Only `validate` verifies signatures, if one trust anchor has the issuer's name.
            assert_eq!(may_succeed(&one, &old, &new), is_by_name);
            assert!([&old, &new].iter().any(|it| one.check(&credential(it), it.key(), None).is_err()));
        }
    }
}

#[test]
fn an_anchor_of_another_domain_gives_no_successor() {
    let [ours, theirs] = ["ours", "theirs"].map(|name| Template::authority(name).self_signed());
    let policy = pin(&[("example.org", &ours), ("example.com", &theirs)]);
    let old = certify(&ours, LAPTOP, 1);
    assert!(!may_succeed(&policy, &old, &certify(&theirs, LAPTOP, 2)));
    let unknown = pin(&[("example.com", &theirs)]);
    assert!(!may_succeed(&unknown, &old, &old));
}

#[test]
fn credentials_that_are_not_device_certificates_do_not_succeed() {
    let anchor = Template::authority("ca").self_signed();
    let policy = pin(&[("example.org", &anchor)]);
    let certificate = credential(&certify(&anchor, LAPTOP, 1));
    let basic = Credential::basic(LAPTOP);
    let chain = pki::credential(&[&certify(&anchor, LAPTOP, 2), &anchor]);
    for (old, new) in [
        (&certificate, &basic),
        (&basic, &certificate),
        (&basic, &basic),
        (&certificate, &chain),
        (&chain, &chain),
    ] {
        assert!(!policy.may_succeed(old, new));
    }
}
