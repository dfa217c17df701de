//! Several clients join by one Commit, and each client receives only its own part of the Welcome.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::Missing;

#[test]
fn a_welcome_for_each() {
    for suite in suites() {
        let mut fixture = GroupFixture::new(suite);
        let newcomers = [fixture.newcomer(), fixture.newcomer(), fixture.newcomer()];
        let (_, welcome) = fixture.commit(0, |builder| {
            newcomers
                .iter()
                .fold(builder, |builder, newcomer| builder.add(newcomer.bundle.key_package.clone()))
        });
        let welcome = welcome.unwrap();
        assert_eq!(welcome.secrets.len(), 3);
        let stranger = fixture.newcomer();
        let reference = suite.key_package_ref(&stranger.bundle.key_package).unwrap();
        assert_eq!(welcome.only_for(&reference), None);
        let mut parts = Vec::new();
        for newcomer in newcomers {
            let reference = suite.key_package_ref(&newcomer.bundle.key_package).unwrap();
            let part = welcome.only_for(&reference).unwrap();
            assert_eq!(part.secrets.len(), 1);
            fixture.members.push(newcomer.join(&part, None, fixture.config).unwrap());
            parts.push(part);
        }
        fixture.agree();
        fixture.chat(3);
        // Another joiner cannot use the part that is meant for one joiner.
        let refused = stranger.join(&parts[0], None, fixture.config).err();
        assert_eq!(refused, Some(Missing::WelcomeSecrets.into()));
    }
}
