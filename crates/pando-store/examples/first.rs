//! Two clients, a group and a message. `cargo run -p pando-store --example first`

use getrandom::{SysRng, rand_core::UnwrapErr};
use pando_mls::{BasicIdentities, CipherSuite, Client, Credential, GroupId};
use pando_store::{Key, Session, SqliteStore, session::Call};
use std::{error::Error, time::UNIX_EPOCH};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let (folder, key) = (tempfile::tempdir()?, Key::bytes(&[7; 32])?); // From the system's store of keys.
    let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
    let client = Client::new(BasicIdentities);
    let mut alice = Session::new(SqliteStore::open(folder.path().join("alice"), &key)?, client.clone());
    let mut bob = Session::new(SqliteStore::open(folder.path().join("bob"), &key)?, client);
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let alices = alice.identity(suite, Credential::basic("alice"), call)?;
    let bobs = bob.identity(suite, Credential::basic("bob"), call)?;

    // The last argument of a call writes the application's rows in the same transaction.
    let (tea, bobs) =
        (GroupId::from("tea"), bob.create_key_package(&bobs, false, call, |it| it, |_, _| Ok(()))?);
    alice.create_group(tea.clone(), &alices, call, |it| it, |_| Ok(()))?;
    alice.commit(&tea, call, |commit| commit.add(bobs), |_, _| Ok(()))?;
    alice.accept_commit(&tea, |_, _| Ok(()))?; // Once the delivery service has accepted it.
    for (id, welcome) in alice.outbox(&tea)? {
        println!("{:?}", bob.receive(&welcome, call, |_, _| Ok(()))?);
        alice.acknowledge(&tea, id, call)?;
    }
    let message = alice.send(&tea, "at five?", call, |_, _| Ok(()))?;
    println!("{:?}", bob.receive(&message, call, |_, _| Ok(()))?);
    Ok(())
}
