//! A client creates a group, sends a message and prints events. Start `pando serve`, then run
//! `cargo run -p pando-client --example group -- https://localhost:8443 pando-data alice@localhost/laptop`

use getrandom::{SysRng, rand_core::UnwrapErr};
use pando_api::{ClientId, DeviceIdentities, Policy};
use pando_client::{ClientBuilder, Clock, EventId, SystemClock, create_identity};
use pando_issuer::{Authority, Validity};
use pando_mls::{CipherSuite, RustCrypto};
use pando_store::{Key, Memory, Store};
use std::{env, error::Error, fs, path::Path};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().collect();
    let [_, url, data, name] = &*arguments else { return Err("usage: group URL DATA CLIENT".into()) };
    let (own, data): (ClientId, _) = (name.parse()?, Path::new(data));
    let roots = fs::read(data.join("tls/ca.pem"))?;

    // The authority of `pando serve` certifies a new key of this device.
    let mut authority = Authority::open(data.join("authority"))?;
    let mut store = Store::new(Memory::new(), &Key::bytes(&[7; 32])?)?; // `SqliteStore` keeps groups.
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let version = authority.issued_version(&own).map_or(1, |version| version.saturating_add(1));
    let validity = Validity::days(SystemClock.now() / 1_000, 30);
    let issue = |request: &_| authority.issue(request, version, validity, &mut UnwrapErr(SysRng));
    let certificate = create_identity(&mut store, suite, own.clone(), issue)?;
    let identities = DeviceIdentities::new(&RustCrypto, [(own.domain(), authority.anchor())])?;

    let client = ClientBuilder::new(certificate, identities).open(url, &roots, store)?;
    let (group, creation) = client.create_group(Policy::new([own.user()]), []).await?;
    println!("{:?}", client.wait_for(creation).await?);
    client.send(&group, "text/plain", "hello", 0).await?;
    let mut last = EventId::default();
    loop {
        for event in client.next_events(last).await? {
            (last, _) = (event.id, println!("{:?}", event.event));
        }
        client.acknowledge(last).await?;
    }
}
