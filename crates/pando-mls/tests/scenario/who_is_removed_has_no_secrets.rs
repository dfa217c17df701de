//! A member that merges its own removal deletes its secrets, both in memory and in its store.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{GroupError, Misuse, RowKey};

#[test]
fn who_is_removed_has_no_secrets() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        // At this point, there are secrets of every kind to delete.
        fixture.commit(0, |builder| builder);
        fixture.chat(2);
        fixture.members[1].propose_update(&mut fixture.rng).unwrap();
        // Another member removes leaf 0.
        let mut removed = fixture.remove(2, 0);
        assert!(!removed.group.is_active());
        assert_eq!(removed.group.epoch_authenticator(), None);
        let not_active = GroupError::Misuse(Misuse::Ended);
        assert_eq!(removed.group.export("label", b"", 32).unwrap_err(), not_active);
        assert!((0..=removed.group.epoch()).all(|epoch| removed.group.resumption_psk(epoch).is_none()));
        let left: Vec<_> = removed.rows.keys().filter(|key| !matches!(key, RowKey::Tree(_))).collect();
        assert_eq!(left, [&RowKey::Public, &RowKey::Member, &RowKey::State]);
        // A restart does not restore any secrets.
        removed.restart();
        assert!(!removed.group.is_active());
        let message = fixture.send(0, b"hello");
        assert_eq!(removed.process(&message).unwrap_err(), not_active);
        assert_eq!(removed.send(b"hello", &mut fixture.rng).unwrap_err(), not_active);
    }
}
