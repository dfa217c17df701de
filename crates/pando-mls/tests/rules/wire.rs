//! Tests of sections 2.1.1 and 6: inputs that cannot be decoded.

use crate::fixture::RuleFixture;
use pando_mls::{Decode, Encode, MlsMessage};
use pando_wire::{Commit, RatchetTree};

#[test]
fn a_presence_octet_is_zero_or_one() {
    // Control: a Commit without proposals and without a path can be decoded.
    assert_eq!(Commit::decode(&[0, 0]).unwrap(), Commit { proposals: Vec::new(), path: None });
    // Control: a tree with a blank node can be decoded.
    assert_eq!(RatchetTree::decode(&[1, 0]).unwrap(), RatchetTree(vec![None]));
    for octet in 2..=u8::MAX {
        Commit::decode(&[0, octet]).unwrap_err();
        RatchetTree::decode(&[1, octet]).unwrap_err();
    }
}

#[test]
fn a_message_is_of_version_one() {
    let mut fixture = RuleFixture::new();
    let bytes = fixture.raw_member.commit(Vec::new(), |_, _| {}).encode().unwrap();
    assert_eq!(bytes[..2], [0, 1]);
    for version in [0, 2, 0xff] {
        let mut changed = bytes.clone();
        changed[1] = version;
        MlsMessage::decode(&changed).unwrap_err();
        changed[..2].copy_from_slice(&[1, version]);
        MlsMessage::decode(&changed).unwrap_err();
    }
    fixture.follow(&MlsMessage::decode(&bytes).unwrap());
    fixture.check_still_works();
}
