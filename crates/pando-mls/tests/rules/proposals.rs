//! Tests of section 12.1: proposals that are invalid on their own, both when sent alone and in a
//! Commit.

use crate::fixture::RuleFixture;
use crate::group_fixture::{external_psk, suites};
use crate::material::{LISTED, by_value, extension, external_init, psk, reinit, remove, set_extensions};
use pando_mls::Violation;
use pando_wire::{Extensions, LeafIndex, ProtocolVersion, Psk, ReInit, ResumptionPskUsage};

fn next_group(fixture: &RuleFixture) -> ReInit {
    ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: fixture.raw_member.suite.cipher_suite(),
        extensions: Extensions::default(),
    }
}

#[test]
fn who_is_not_there_cannot_be_removed() {
    let mut fixture = RuleFixture::new();
    for leaf in [3, 4, 1 << 31, u32::MAX] {
        let nobody = Violation::RemovedIsNoMember(LeafIndex(leaf));
        assert_eq!(fixture.forbidden_proposal(remove(leaf)), nobody);
    }
    fixture.check_still_works();
}

#[test]
fn the_nonce_of_a_psk_is_as_long_as_a_hash() {
    for suite in suites() {
        let mut fixture = RuleFixture::with(|parameters| parameters.suite = suite);
        let right = suite.hash_len();
        for len in [0, 1, right - 1, right + 1, 2 * right] {
            let refused = fixture.forbidden_proposal(psk(external_psk(1), len));
            assert_eq!(refused, Violation::PskNonce);
        }
        fixture.check_still_works();
    }
}

/// Shows that a PSK for reinitialization or branching is rejected even if the members have it. Such
/// a PSK may be used only in the first Commit of the new group. The epoch of the PSK makes no
/// difference.
#[test]
fn psks_of_other_uses_are_not_proposed() {
    for epoch in [0, 1, 7] {
        let mut fixture = RuleFixture::with(|parameters| parameters.epoch = epoch);
        for usage in [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch] {
            let psk_group_id = fixture.raw_member.context.group_id.clone();
            let id = Psk::Resumption { usage, psk_group_id, psk_epoch: epoch };
            let len = fixture.raw_member.suite.hash_len();
            assert_eq!(fixture.forbidden_proposal(psk(id, len)), Violation::PskUsage);
        }
        fixture.check_still_works();
    }
}

#[test]
fn a_reinitialization_does_not_lower_the_version() {
    let mut fixture = RuleFixture::new();
    let lower = ReInit { version: ProtocolVersion(0), ..next_group(&fixture) };
    assert_eq!(fixture.forbidden_proposal(reinit(lower)), Violation::ReInitVersion);
    fixture.check_still_works();
}

#[test]
fn new_extensions_are_of_one_type_each() {
    let mut fixture = RuleFixture::new();
    let extensions = Extensions(vec![extension(LISTED, b"1"), extension(LISTED, b"2")]);
    let violation = Violation::DuplicateExtension(LISTED);
    assert_eq!(fixture.forbidden_proposal(set_extensions(extensions.clone())), violation);
    fixture.check_still_works();
    // Section 12.1.5 contains only one rule for a received ReInit. In addition, a member does not
    // create a ReInit that it could not follow itself.
    let mut fixture = RuleFixture::new();
    let next = ReInit { extensions, ..next_group(&fixture) };
    assert_eq!(fixture.not_built(&[reinit(next.clone())]), violation);
    let commit = fixture.raw_member.commit(by_value(&[reinit(next)]), |_, _| {});
    fixture.follow(&commit);
}

#[test]
fn who_is_in_the_group_does_not_come_from_outside() {
    let mut fixture = RuleFixture::new();
    assert_eq!(fixture.forbidden_proposal(external_init()), Violation::ExternalInitInRegularCommit);
    fixture.check_still_works();
}

#[test]
fn a_reinitialization_is_for_itself() {
    let mut fixture = RuleFixture::new();
    let next = || next_group(&fixture);
    let lists = [
        vec![reinit(next()), psk(external_psk(1), fixture.raw_member.suite.hash_len())],
        vec![remove(2), reinit(next())],
        vec![reinit(next()), reinit(next())],
    ];
    for list in lists {
        assert_eq!(fixture.forbidden(&list), Violation::ReInitNotAlone);
    }
    fixture.check_still_works();
}
