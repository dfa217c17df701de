//! A Welcome can be used only by the clients that are added by it.

use crate::group_fixture::{GroupFixture, client, fast_suites, suites};
use pando_mls::{Group, GroupError, Missing, Misuse};

#[test]
fn a_welcome_for_somebody_else_is_of_no_use() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let (invited, other) = (fixture.newcomer(), fixture.newcomer());
        let (_, welcome) = fixture.commit(0, |builder| builder.add(invited.key_package()));
        let welcome = welcome.unwrap();
        let joined = other.join(&welcome, None, fixture.config).map(|_| ());
        assert_eq!(joined.unwrap_err(), GroupError::Missing(Missing::WelcomeSecrets));
        // The KeyPackage of the invited client cannot be used with other private keys either.
        let mut stolen = fixture.newcomer();
        stolen.bundle.key_package = invited.key_package();
        let joined = Group::join(&welcome, &stolen.bundle, None, &client(&*invited.signer)).map(drop);
        assert!(matches!(joined.unwrap_err(), GroupError::Crypto(_)));
        fixture.enter(invited, &welcome);
    }
}

/// Shows that a joiner must sign with the key in its KeyPackage. With another key, it could not
/// send any messages later, when the KeyPackage has been used up.
#[test]
fn a_joiner_signs_with_the_key_of_its_key_package() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let (newcomer, other) = (fixture.newcomer(), fixture.newcomer());
        let added = newcomer.key_package();
        let (_, welcome) = fixture.commit(0, |builder| builder.add(added));
        let welcome = welcome.unwrap();
        let refused = Group::join(&welcome, &newcomer.bundle, None, &client(&*other.signer)).map(drop);
        assert_eq!(refused.unwrap_err(), GroupError::Misuse(Misuse::WrongSigner));
        fixture.enter(newcomer, &welcome);
        fixture.chat(2);
    }
}
