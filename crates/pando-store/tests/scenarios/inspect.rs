//! An inventory counts the contents of a store, and a verification finds inconsistencies.

use crate::fixtures::{group_of, sqlite, suite, tea};
use crate::names::Names;
use crate::{Place, for_each_store};
use pando_mls::wire::NodeIndex;
use pando_mls::{
    BasicIdentities, Group, GroupState, IdentityPolicy, KeyKind, PublicGroup, RowKey, RustCrypto, TreeKey,
};
use pando_store::{Backend, Finding, Key, Memory, Record, Store};
use std::time::Duration;
use tempfile::TempDir;

fn counted(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b"), place.open("c")]);
    let alice = &mut devices[0];
    alice.publish(false).unwrap();
    alice.publish(true).unwrap();
    alice.propose_update().unwrap();
    alice.commit(|builder| builder.without_pending()).unwrap();
    // This store follows the group without its secrets.
    let psks = &alice.store;
    let info = alice.group().group_info().build(&alice.client(psks)).unwrap();
    let limits = pando_mls::Limits::default();
    let (_, delta) = PublicGroup::new(suite(), &info, None, &BasicIdentities, limits).unwrap().into_parts();
    let mut server = place.open("server");
    let lock = server.lock(&tea(), Duration::ZERO).unwrap();
    let mut transaction = server.begin().unwrap();
    transaction.apply(&lock, &delta).unwrap();
    transaction.commit().unwrap();

    let inventory = alice.store.inspect().unwrap();
    let [group] = &inventory.groups[..] else { panic!("{inventory:?}") };
    assert_eq!((group.members, group.epoch, group.state), (3, 1, GroupState::Active));
    assert_eq!((group.proposals, group.pending_commit), (1, true));
    assert!(!group.joining);
    assert_eq!(group.own_leaf, Some(alice.group().own_leaf()));
    assert_eq!((inventory.key_packages, inventory.last_resort, inventory.last_resort_uses), (1, 1, 0));
    assert_eq!(inventory.store_id, *alice.store.id());
    assert_eq!((inventory.psks, inventory.signers), (0, 1));
    let rows = alice.stored();
    let amounts = &inventory.records;
    let of_groups: u64 = amounts
        .iter()
        .filter(|(name, _)| !["header", "group", "KeyPackage", "signature key"].contains(*name))
        .map(|(_, amount)| amount.rows)
        .sum();
    assert_eq!(of_groups, rows.len() as u64);
    assert!(amounts["node of the tree"].bytes > 500 && amounts["pending Commit"].rows == 1);
    assert!(alice.store.verify(&RustCrypto, &BasicIdentities).unwrap().is_empty());
    assert!(server.verify(&RustCrypto, &BasicIdentities).unwrap().is_empty());
    assert_eq!(server.inspect().unwrap().groups[0].own_leaf, None);
}

#[test]
fn it_is_counted() {
    for_each_store!(counted);
}

/// Verifies an unencrypted store after an arbitrary change.
fn forged(change: impl FnOnce(&mut Memory, &dyn Fn(RowKey) -> Vec<u8>)) -> Vec<Finding> {
    let mut database = Memory::new();
    let mut alice = group_of(vec![Store::new(database.again().unwrap(), &Key::None).unwrap()]).remove(0);
    let (commit, _) = alice.commit(|builder| builder).unwrap();
    alice.receive(&commit).unwrap();
    alice.publish(false).unwrap();
    let prefix = keys(&database).into_iter().find(|key| key[0] == 2).unwrap()[..17].to_vec();
    database.begin().unwrap();
    change(&mut database, &|row| [&*prefix, &row.to_bytes()].concat());
    database.commit().unwrap();
    alice.store.verify(&RustCrypto, &BasicIdentities).unwrap()
}

fn keys(database: &Memory) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut each = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        Ok(())
    };
    database.scan(&[0][..]..&[0xff][..], &mut each).unwrap();
    keys
}

#[test]
fn what_does_not_hold_together_is_found() {
    assert!(matches!(forged(|_, _| ())[..], []));
    let findings = forged(|database, _| database.put(&[9, 9], &[]).unwrap());
    assert!(matches!(&findings[..], [Finding::UnknownKey(key)] if *key == [9, 9]), "{findings:?}");
    let findings =
        forged(|database, row| database.put(&[row(RowKey::Public), vec![1]].concat(), &[]).unwrap());
    assert!(matches!(&findings[0], Finding::UnknownKey(_)), "{findings:?}");

    let leaf = RowKey::PrivateKey(NodeIndex(0));
    let findings = forged(|database, row| database.put(&row(leaf), &[7; 32]).unwrap());
    assert!(
        matches!(&findings[..], [Finding::RowsMissing(_), Finding::PrivateKey(_, NodeIndex(0))]),
        "{findings:?}"
    );
    let findings = forged(|database, row| {
        // The leaf is replaced by another one, which differs in the last byte of its signature.
        let mut node =
            database.get(&row(RowKey::Tree(TreeKey::Node(NodeIndex(0))))).unwrap().unwrap().expose().to_vec();
        *node.last_mut().unwrap() ^= 1;
        database.put(&row(RowKey::Tree(TreeKey::Node(NodeIndex(0)))), &node).unwrap();
    });
    assert!(matches!(&findings[..], [Finding::RowsMissing(_), Finding::TreeHash(_)]), "{findings:?}");
    // Other rows about the tree are wrong: first a key without a node, and then a wrong number of
    // members in the shape of the tree.
    let key = RowKey::Tree(TreeKey::Key(KeyKind::Signature, 7, NodeIndex(0)));
    let findings = forged(|database, row| database.put(&row(key), &7_u64.to_be_bytes()).unwrap());
    // The fingerprint does not match the record's key.
    assert!(matches!(&findings[..], [Finding::Damaged(Record::Row(..))]), "{findings:?}");
    let findings = forged(|database, row| {
        let shape = row(RowKey::Tree(TreeKey::Shape));
        let mut value = database.get(&shape).unwrap().unwrap().expose().to_vec();
        *value.last_mut().unwrap() ^= 2;
        database.put(&shape, &value).unwrap();
    });
    assert!(matches!(&findings[..], [Finding::RowsMissing(_), Finding::TreeHash(_)]), "{findings:?}");
    let findings = forged(|database, row| database.put(&row(RowKey::Member), &[1]).unwrap());
    assert!(matches!(&findings[..], [Finding::RowsMissing(_), Finding::NotLoaded(_, _)]), "{findings:?}");
    let findings = forged(|database, _| database.delete(&[1][..]..&[2][..]).unwrap());
    assert!(findings.len() > 4 && findings.iter().all(|finding| matches!(finding, Finding::Orphan(_))));
    let findings = forged(|database, _| {
        let key = keys(database).into_iter().find(|key| key[0] == 3).unwrap();
        let value = database.get(&key).unwrap().unwrap();
        database.put(&[&[3], &[5; 16][..]].concat(), value.expose()).unwrap();
        database.put(&key, &[0]).unwrap();
    });
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Misplaced(Record::KeyPackage))));
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Damaged(Record::KeyPackage))));
    assert!(findings.iter().all(|finding| !finding.to_string().is_empty()));
}

/// A damaged database ends the verification, and earlier findings are still reported.
#[test]
fn a_damaged_database_is_found() {
    let folder = TempDir::new().unwrap();
    let mut alice = group_of(vec![sqlite(&folder.path().join("a"), &Key::None).unwrap()]).remove(0);
    let transaction = alice.store.begin().unwrap();
    let sql = "DELETE FROM pando_slots WHERE id = (SELECT slot FROM pando_records WHERE key >= x'0202')";
    assert_eq!(transaction.connection().execute(sql, []).unwrap(), 1);
    transaction.commit().unwrap();
    let findings = alice.store.verify(&RustCrypto, &BasicIdentities).unwrap();
    assert!(matches!(findings[..], [Finding::Damaged(Record::Database)]), "{findings:?}");
}

/// The stored index of clients must match the policy, if the policy identifies clients.
#[test]
fn who_is_there_must_be_stored_for_the_policy() {
    let verify = |memory: &Memory, policy: &dyn IdentityPolicy| {
        let store = Store::new(memory.again().unwrap(), &Key::None).unwrap();
        store.verify(&RustCrypto, policy).unwrap()
    };
    let memory = Memory::new();
    let mut alice = group_of(vec![Store::new(memory.again().unwrap(), &Key::None).unwrap()]).remove(0);
    assert!(matches!(verify(&memory, &BasicIdentities)[..], []));
    assert!(matches!(verify(&memory, &Names)[..], [Finding::TreeHash(_)]));
    // After an update, the index matches both policies.
    let rows = alice.stored();
    let psks = &alice.store;
    let cx = alice.client(psks).with_policy(&Names);
    let delta = Group::load(&rows, &cx).unwrap().take_delta().into_parts().1;
    let (_, lock) = alice.group.take().unwrap();
    let mut transaction = alice.store.begin().unwrap();
    transaction.apply(&lock, &delta).unwrap();
    transaction.commit().unwrap();
    assert!(matches!(verify(&memory, &Names)[..], []));
    assert!(matches!(verify(&memory, &BasicIdentities)[..], []));
}
