//! A client that is not a member of the old group is proposed as a member of a branch. The creator
//! rejects this client. If a creator skips the check, the invited members refuse to join.

use crate::group_fixture::{GroupFixture, suites};
use crate::policies::AnyIdentity;
use crate::successors::{Way, create, newcomers};
use pando_mls::{BasicIdentities, Credential, GroupError, IdentityPolicy, LeafIndex, Violation};

#[test]
fn a_branch_has_no_strangers() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let stranger = fixture.newcomer_with(|template| {
            template.credential = Credential::Basic { identity: b"a stranger".as_slice().into() };
        });
        let refused = GroupError::Violation(Violation::NotInOldGroup(LeafIndex(1)));
        for (policy, made) in [(&BasicIdentities as &dyn IdentityPolicy, false), (&AnyIdentity, true)] {
            let mut newcomers = newcomers(&mut fixture, suite, 2);
            let (creator, invited) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
            let packages = vec![stranger.key_package(), invited.key_package()];
            match create(&mut fixture, 1, Way::Branched, creator, packages, policy) {
                Ok((_, welcome)) => {
                    assert!(made);
                    let joined = invited.join_successor(&welcome, &fixture.members[0]).map(|_| ());
                    assert_eq!(joined.unwrap_err(), refused);
                }
                Err(error) => {
                    assert!(!made);
                    assert_eq!(error, refused);
                }
            }
        }
    }
}
