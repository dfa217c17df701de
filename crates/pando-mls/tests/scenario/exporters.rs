//! The application exports secrets from the group. All members obtain the same secret. Each label,
//! context and epoch yields a different secret, and no secret reveals anything about the others.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{GroupError, Misuse, SecretBytes, Suite};

fn all_differ(mut secrets: Vec<SecretBytes>) {
    let count = secrets.len();
    secrets.sort_by(|a, b| a.expose().cmp(b.expose()));
    secrets.dedup();
    assert_eq!(secrets.len(), count);
}

fn exported(suite: Suite) {
    let mut fixture = GroupFixture::of(suite, 3);
    let mut secrets = Vec::new();
    for by in [0, 1] {
        for (label, context) in [("a", &b""[..]), ("b", b""), ("a", b"b"), ("ab", b""), ("", b"ab")] {
            let derived: Vec<_> = fixture
                .members
                .iter()
                .map(|member| member.group.export(label, context, 32).unwrap())
                .collect();
            assert!(derived.iter().all(|secret| *secret == derived[0]));
            secrets.push(derived[0].expose().into());
        }
        fixture.commit(by, |builder| builder);
    }
    // A removed member cannot export the secrets of the next epoch.
    let gone = fixture.remove(0, 1);
    assert_eq!(gone.group.export("a", b"", 32).unwrap_err(), GroupError::Misuse(Misuse::Ended));
    secrets.push(fixture.members[0].group.export("a", b"", 32).unwrap());
    all_differ(secrets);
}

#[test]
fn secrets_differ_by_label_context_and_epoch() {
    suites().for_each(exported);
}

#[test]
fn secrets_have_the_length_that_was_asked_for() {
    for suite in suites() {
        let fixture = GroupFixture::of(suite, 2);
        let group = &fixture.members[0].group;
        let length = |length| group.export("label", b"context", length).map(|secret| secret.expose().len());
        // The output of HKDF is limited to 255 times the hash length.
        let most = 255 * suite.hash_len();
        for few in [0, 1, 31, 32, 33, 1000, most] {
            assert_eq!(length(few), Ok(few));
        }
        for many in [most + 1, 65_535, 65_536, 1 << 20] {
            assert!(length(many).is_err());
        }
        // A longer secret does not begin with a shorter secret of the same label and context.
        let (short, long) =
            (group.export("label", b"", 16).unwrap(), group.export("label", b"", 32).unwrap());
        assert_ne!(short.expose(), &long.expose()[..16]);
    }
}
