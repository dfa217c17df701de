//! An invitation to a branch arrives late. The invitation can be used only as long as the client
//! keeps the resumption PSK of the epoch in which the group branched.

use crate::group_fixture::{GroupFixture, client, suites};
use crate::successors::{Way, create, newcomers};
use pando_mls::{BasicIdentities, GroupError, Missing};

#[test]
fn a_branch_of_a_forgotten_epoch_cannot_be_joined() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let mut newcomers = newcomers(&mut fixture, suite, 2);
        let (creator, other) = (newcomers.pop().unwrap(), newcomers.pop().unwrap());
        let packages = vec![other.key_package()];
        let (creator, welcome) =
            create(&mut fixture, 1, Way::Branched, creator, packages, &BasicIdentities).unwrap();
        let epoch = fixture.context().epoch;
        for _ in 0..fixture.config.past_epochs {
            fixture.commit(0, |builder| builder);
            let (old, cx) = (&fixture.members[0].group, client(&*other.signer));
            let joined = old.join_successor(&welcome, &other.bundle, None, &cx).unwrap().assume_persisted();
            assert_eq!(joined.epoch_authenticator(), creator.group.epoch_authenticator());
        }
        fixture.commit(0, |builder| builder);
        let joined = other.join_successor(&welcome, &fixture.members[0]).map(|_| ());
        assert_eq!(joined.unwrap_err(), GroupError::Missing(Missing::Epoch(epoch)));
    }
}
