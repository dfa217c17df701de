//! An error for invalid input names the violated rule and its section in RFC 9420.

use crate::group_fixture::{GroupFixture, fast_suites};
use pando_mls::{GroupError, LeafIndex, Violation};

#[test]
fn every_violation_knows_its_section() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let GroupError::Violation(violation) =
            fixture.build(0, |builder| builder.remove(LeafIndex(0))).unwrap_err()
        else {
            panic!("not a violation")
        };
        assert_eq!((&violation, violation.section()), (&Violation::OwnRemove, "12.2"));
        assert_eq!(Violation::SameLeaf(LeafIndex(0)).section(), "12.2");
        assert_eq!(Violation::ConfirmationTag.section(), "6.1");
    }
}
