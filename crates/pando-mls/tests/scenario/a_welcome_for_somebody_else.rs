//! A Welcome is of use to those whom it adds, and to nobody else.

use crate::world::{World, suites};
use pando_mls::{GroupError, Missing};

#[test]
fn a_welcome_for_somebody_else_is_of_no_use() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let (invited, other) = (world.newcomer(), world.newcomer());
        let (_, welcome) = world.commit(0, |builder| builder.add(invited.key_package()));
        let welcome = welcome.unwrap();
        let joined = other.join(&welcome, None, world.config).map(|_| ());
        assert_eq!(joined.unwrap_err(), GroupError::Missing(Missing::WelcomeSecrets));
        // Nor with the invited one's KeyPackage, and keys of one's own.
        let mut stolen = world.newcomer();
        stolen.bundle.key_package = invited.key_package();
        let joined = stolen.join(&welcome, None, world.config).map(|_| ());
        assert!(matches!(joined.unwrap_err(), GroupError::Crypto(_)));
        world.enter(invited, &welcome);
    }
}
