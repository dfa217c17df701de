//! An application's own rows are stored if and only if the group's rows are stored. The application
//! may have used the database before the store was created in it.

use crate::fixtures::{group_of, rng, sqlite, tea};
use pando_mls::Encode;
use pando_store::rusqlite::Connection;
use pando_store::{Key, Misuse, StoreError};
use tempfile::TempDir;

/// SQLite ends a transaction after some errors. Nothing may be written after that, and an
/// application that ignores the error must not commit the failed transaction.
#[test]
fn a_transaction_that_has_ended_takes_nothing() {
    let folder = TempDir::new().unwrap();
    let open = |name: &str| sqlite(&folder.path().join(name), &Key::None).unwrap();
    let mut devices = group_of(vec![open("a"), open("b")]);
    let alice = &mut devices[0];
    let sql = "CREATE TABLE once (id INTEGER UNIQUE ON CONFLICT ROLLBACK); INSERT INTO once VALUES (1)";
    alice.store.connection().execute_batch(sql).unwrap();
    let before = alice.stored();
    let (mut group, lock) = alice.group.take().unwrap();
    let delta = {
        let psks = &alice.store;
        group.encrypt(b"hello", &alice.client(psks), &mut rng(1)).unwrap().into_parts().1
    };
    let mut transaction = alice.store.begin().unwrap();
    transaction.connection().execute("INSERT INTO once VALUES (1)", []).unwrap_err();
    let ended = |result| matches!(result, Err(StoreError::Misuse(Misuse::TransactionEnded)));
    assert!(ended(transaction.apply(&lock, &delta)));
    assert!(ended(transaction.put_psk(b"psk", &b"secret".as_slice().into())));
    assert!(ended(transaction.commit()));
    drop(lock);
    alice.reload().unwrap();
    assert_eq!(alice.stored(), before);
    assert!(alice.store.psk(b"psk").unwrap().is_none());
}

#[test]
fn the_outbox_and_the_group_are_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let own = Connection::open(&path).unwrap();
    own.execute_batch("CREATE TABLE outbox (id INTEGER PRIMARY KEY, message BLOB NOT NULL) STRICT").unwrap();
    drop(own);
    let open = |name: &str| sqlite(&folder.path().join(name), &Key::None).unwrap();
    let mut devices = group_of(vec![open("a"), open("b")]);
    let alice = &mut devices[0];
    let count = |alice: &crate::fixtures::Device<pando_store::Sqlite>| -> i64 {
        alice.store.connection().query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).unwrap()
    };
    for fails in [false, true, false] {
        let before = (count(alice), alice.stored());
        let sent = alice.operate(
            |group, cx, rng| group.encrypt(b"hello", cx, rng),
            |transaction, message| {
                let sql = "INSERT INTO outbox (message) VALUES (?1)";
                transaction.connection().execute(sql, [message.encode()?])?;
                transaction.connection().query_row("SELECT count(*) FROM outbox", [], |row| {
                    assert_eq!(row.get(0), Ok(before.0 + 1));
                    Ok(())
                })?;
                if fails { Ok(transaction.connection().execute("nonsense", []).map(|_| ())?) } else { Ok(()) }
            },
        );
        if fails {
            assert!(matches!(sent, Err(StoreError::Misuse(Misuse::Sql(_)))), "{sent:?}");
            assert_eq!((count(alice), alice.stored()), before);
            alice.reload().unwrap();
        } else {
            sent.unwrap();
            assert_eq!(count(alice), before.0 + 1);
            assert_ne!(alice.stored(), before.1);
        }
    }
    assert!(alice.store.contains(&tea()).unwrap());
}
