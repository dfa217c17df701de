//! Two clients create a group and exchange a message. `cargo run -p pando-store --example first`

use pando_mls::{BasicIdentities, CipherSuite, Client, Credential, Group, GroupId};
use pando_store::session::{Session, no_rows};
use pando_store::{Key, SqliteStore};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (folder, key) = (tempfile::tempdir()?, Key::bytes(&[7; 32])?); // From the system's store of keys.
    let client = Client::new(BasicIdentities);
    let mut alice = Session::new(SqliteStore::open(folder.path().join("alice"), &key)?, client.clone());
    let mut bob = Session::new(SqliteStore::open(folder.path().join("bob"), &key)?, client);
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let alices = alice.identity(suite, Credential::basic("alice"))?;
    let bobs = bob.identity(suite, Credential::basic("bob"))?;

    // In place of `no_rows`, a closure writes the application's rows in the same transaction.
    let key_package = bob.create_key_package(&bobs, |builder| builder, no_rows)?;
    let tea = GroupId::from("tea");
    alice.create_group(Group::builder("tea"), &alices, no_rows)?;
    alice.commit(&tea, |commit| commit.add(key_package), no_rows)?;
    alice.accept_commit(&tea, no_rows)?; // Once the delivery service has accepted it.
    alice.send_outbox(&tea, |welcome| {
        println!("{:?}", bob.receive(welcome, no_rows)?);
        Ok(())
    })?;

    let message = alice.send(&tea, "at five?", no_rows)?;
    println!("{:?}", bob.receive(&message, no_rows)?);
    Ok(())
}
