//! A member that merges its own removal deletes its secrets, in memory and in its store.

use crate::world::{World, suites};
use pando_mls::{GroupError, Misuse, RowKey};

#[test]
fn who_is_removed_has_no_secrets() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        // There are secrets of every kind to delete.
        world.commit(0, |builder| builder);
        world.chat(2);
        world.members[1].propose_update(&mut world.rng).unwrap();
        // Another member removes leaf 0.
        let mut removed = world.remove(2, 0);
        assert!(!removed.group.is_active());
        assert_eq!(removed.group.epoch_authenticator(), None);
        let not_active = GroupError::Misuse(Misuse::Ended);
        assert_eq!(removed.group.export("label", b"", 32).unwrap_err(), not_active);
        assert!((0..=removed.group.epoch()).all(|epoch| removed.group.resumption_psk(epoch).is_none()));
        let left: Vec<_> = removed.rows.keys().filter(|key| !matches!(key, RowKey::Tree(_))).collect();
        assert_eq!(left, [&RowKey::Public, &RowKey::Member, &RowKey::State]);
        // A restart does not bring anything back.
        removed.restart();
        assert!(!removed.group.is_active());
        let message = world.send(0, b"hello");
        assert_eq!(removed.process(&message).unwrap_err(), not_active);
        assert_eq!(removed.send(b"hello", &mut world.rng).unwrap_err(), not_active);
    }
}
