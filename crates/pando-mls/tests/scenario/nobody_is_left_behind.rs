//! A reinitialization must include every member. A successor group that lacks a member cannot be
//! created.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::{extensions, reinit};
use crate::successors::{Way, create, key_packages, newcomers, reinitialize};
use pando_mls::{BasicIdentities, GroupError, LeafIndex, Violation};

#[test]
fn nobody_is_left_behind_by_a_reinitialization() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        reinitialize(&mut fixture, 0, reinit(suite, extensions(&[])));
        for by in [0, 1] {
            let mut newcomers = newcomers(&mut fixture, suite, 2);
            let (creator, packages) = (newcomers.pop().unwrap(), key_packages(&newcomers));
            let created =
                create(&mut fixture, by, Way::Reinitialized, creator, packages, &BasicIdentities).map(|_| ());
            let missing = Violation::MemberMissing(LeafIndex(2));
            assert_eq!(created.unwrap_err(), GroupError::Violation(missing));
        }
    }
}
