//! Several clients join by one Commit, and each receives only its own part of the Welcome.

use crate::world::{World, suites};
use pando_mls::Missing;

#[test]
fn a_welcome_for_each() {
    for suite in suites() {
        let mut world = World::new(suite);
        let newcomers = [world.newcomer(), world.newcomer(), world.newcomer()];
        let (_, welcome) = world.commit(0, |builder| {
            newcomers
                .iter()
                .fold(builder, |builder, newcomer| builder.add(newcomer.bundle.key_package.clone()))
        });
        let welcome = welcome.unwrap();
        assert_eq!(welcome.secrets.len(), 3);
        let stranger = world.newcomer();
        let reference = suite.key_package_ref(&stranger.bundle.key_package).unwrap();
        assert_eq!(welcome.only_for(&reference), None);
        let mut parts = Vec::new();
        for newcomer in newcomers {
            let reference = suite.key_package_ref(&newcomer.bundle.key_package).unwrap();
            let part = welcome.only_for(&reference).unwrap();
            assert_eq!(part.secrets.len(), 1);
            world.members.push(newcomer.join(&part, None, world.config).unwrap());
            parts.push(part);
        }
        world.agree();
        world.chat(3);
        // The part for one joiner is of no use to another.
        let refused = stranger.join(&parts[0], None, world.config).err();
        assert_eq!(refused, Some(Missing::WelcomeSecrets.into()));
    }
}
