//! Tests of validity periods that begin before 1970 and of the encodings of times (RFC 5280,
//! section 4.1.2.5).

use crate::pki::{Certified, Pki, Template, check_both, credential, credential_of, policy};
use pando_x509::{AnchorError, ChainError, X509Identities};

/// A time on 2001-09-09, which lies within all validity periods in these tests that end in the 21st
/// century.
const NOW: u64 = 1_000_000_000;

/// Times before 1970, some as UTCTime and some as GeneralizedTime.
const EARLY: [&str; 5] =
    ["500101000000Z", "691231235959Z", "19500101000000Z", "15821010120000Z", "00000229000000Z"];

const LATE: &str = "300101000000Z";

fn both(root: &Certified, chain: &[&Certified]) -> Result<(), ChainError> {
    let (now, ever) = check_both(root, chain, NOW);
    assert_eq!(now, ever);
    now
}

#[test]
fn certificates_that_are_valid_since_before_1970() {
    for early in EARLY {
        let old = |template: Template| template.valid_as_written(early, LATE);
        let new = |template: Template| template.valid_as_written("000101000000Z", LATE);
        for (is_leaf, is_intermediate, is_anchor) in
            [(true, false, false), (false, true, false), (false, false, true), (true, true, true)]
        {
            let dated = |is_old, template| if is_old { old(template) } else { new(template) };
            let root = dated(is_anchor, Template::authority("root")).self_signed();
            let authority = dated(is_intermediate, Template::authority("authority")).signed_by(&root);
            let client = dated(is_leaf, Template::client("alice")).signed_by(&authority);
            assert_eq!(both(&root, &[&client, &authority]), Ok(()), "{early}");
            assert_eq!(both(&root, &[&client, &authority, &root]), Ok(()), "{early}");
        }
    }
}

/// The parsers see a copy of the certificate, whose times differ from those in the signed original.
#[test]
fn no_byte_of_an_early_certificate_can_be_changed() {
    let root = Template::authority("root").valid_as_written(EARLY[0], LATE).self_signed();
    let authority = Template::authority("authority").valid_as_written(EARLY[1], LATE).signed_by(&root);
    let client = Template::client("alice").valid_as_written(EARLY[2], LATE).signed_by(&authority);
    let policy = policy(&root);
    let chain = [&client.der, &authority.der];
    for (index, certificate) in chain.into_iter().enumerate() {
        for at in 0..certificate.len() {
            let mut changed = certificate.clone();
            changed[at] ^= 1;
            let mut chain = chain;
            chain[index] = &changed;
            let credential = credential_of(chain.map(Vec::as_slice));
            assert!(policy.check(&credential, client.key(), None).is_err(), "certificate {index}, byte {at}");
        }
    }
    // The modified copy of a certificate is not a valid certificate itself, because it was not
    // signed.
    let copied = |from: &str| {
        let text = |der: &[u8]| der.windows(from.len()).position(|text| text == from.as_bytes()).unwrap();
        let mut der = authority.der.clone();
        let at = text(&der);
        der[at..at + from.len()].copy_from_slice(b"700101000000Z");
        der
    };
    let copy = copied(EARLY[1]);
    let credential = credential_of([&*client.der, &*copy]);
    assert_eq!(policy.check(&credential, client.key(), None), Err(ChainError::Signature));
}

#[test]
fn certificates_that_expired_before_1970() {
    let Pki { root, .. } = Pki::new();
    let client = |from, until| Template::client("alice").valid_as_written(from, until).signed_by(&root);
    let expired = client(EARLY[0], EARLY[1]);
    assert_eq!(check_both(&root, &[&expired], 0), (Err(ChainError::Expired), Ok(())));
    assert_eq!(check_both(&root, &[&expired], NOW), (Err(ChainError::Expired), Ok(())));
    // The last second before 1970 must differ from the first second of 1970.
    let until_1970 = client(EARLY[0], "700101000000Z");
    assert_eq!(check_both(&root, &[&until_1970], 0), (Ok(()), Ok(())));
    assert_eq!(check_both(&root, &[&until_1970], 1), (Err(ChainError::Expired), Ok(())));
}

#[test]
fn periods_before_1970_that_do_not_overlap() {
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").valid_as_written("600101000000Z", "600601000000Z");
    let authority = authority.signed_by(&root);
    let client = |from, until| Template::client("alice").valid_as_written(from, until).signed_by(&authority);
    let once = client("600601000000Z", LATE);
    assert_eq!(check_both(&root, &[&once, &authority], NOW), (Err(ChainError::Expired), Ok(())));
    let never = client("600601000001Z", LATE);
    assert_eq!(both(&root, &[&never, &authority]), Err(ChainError::NeverValid));
    let reversed = client("600201000000Z", "600101000000Z");
    assert_eq!(both(&root, &[&reversed, &authority]), Err(ChainError::NeverValid));
}

/// RFC 5280 requires UTCTime for times until 2049, but receivers must support both encodings.
#[test]
fn generalized_time_before_2050() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").valid_as_written("20000101000000Z", "20300101000000Z");
    assert_eq!(both(&root, &[&client.signed_by(&root)]), Ok(()));
    let client = Template::client("alice").valid_as_written("000101000000Z", "99991231235959Z");
    assert_eq!(both(&root, &[&client.signed_by(&root)]), Ok(()));
}

#[test]
fn times_that_are_malformed() {
    let Pki { root, .. } = Pki::new();
    for time in [
        "690229000000Z",
        "19690229000000Z",
        "501301000000Z",
        "5001010000Z",
        "500101000000",
        "500101000000+0100",
        "19500101000000.5Z",
        "",
    ] {
        for (from, until) in [(time, LATE), ("500101000000Z", time)] {
            let client = Template::client("alice").valid_as_written(from, until).signed_by(&root);
            assert_eq!(both(&root, &[&client]), Err(ChainError::Malformed(0)), "{from} to {until}");
            let anchor = Template::authority("anchor").valid_as_written(from, until).self_signed();
            let result = X509Identities::new(&pando_crypto::RustCrypto, [&anchor.der]);
            assert_eq!(result.map(|_| ()), Err(AnchorError::Malformed(0)), "{from} to {until}");
        }
    }
    let credential = credential(&[&Template::client("alice").valid_as_written("?", "!").signed_by(&root)]);
    assert_eq!(policy(&root).identify(&credential), Err(ChainError::Malformed(0)));
}
