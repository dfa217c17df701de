//! Opening a client.

use crate::world::{World, key};
use pando_client::{
    ClientBuilder, EngineError, EventId, HttpSettings, IdentityError, OpenError, create_identity,
};
use pando_mls::CipherSuite;
use pando_store::{Memory, Store};

fn store() -> Store<Memory> {
    Store::new(Memory::new(), &key()).unwrap()
}

/// The client needs nothing but a URL, roots, a store, a certificate and the trust anchors.
#[tokio::test]
async fn a_client_is_opened_by_its_url() {
    let mut world = World::new().await;
    let mut store = store();
    let credential = world.certify("alice/laptop", &mut store);
    let mut http = HttpSettings::default();
    http.addresses = vec![("example.org".parse().unwrap(), world.server.endpoint.address)];
    let url = format!("https://{}", world.server.authority);
    let builder = ClientBuilder::new(credential, world.identities()).clock(world.clock).http(http);
    let client = builder.open(&url, world.server.endpoint.certificate.as_bytes(), store).unwrap();
    assert_eq!(client.own().to_string(), "alice@example.org/laptop");
    let (_, creation) = client.create_group(crate::world::policy(), []).await.unwrap();
    client.wait_for(creation).await.unwrap();
    assert!(!client.next_events(EventId::default()).await.unwrap().is_empty());
    assert!(format!("{client:?}").contains("alice@example.org/laptop"));
}

#[tokio::test]
async fn settings_that_do_not_fit_are_refused() {
    let mut world = World::new().await;
    let mut known = store();
    let credential = world.certify("alice/laptop", &mut known);
    let builder = || world.builder(&credential);
    let roots = world.server.endpoint.certificate.as_bytes();
    assert!(matches!(builder().open("http://example.org", roots, store()), Err(OpenError::Url(_))));
    assert!(matches!(builder().open("https://example.org", b"", store()), Err(OpenError::Http(_))));
    let opened = builder().open("https://example.org", roots, store());
    assert!(matches!(opened, Err(OpenError::Engine(EngineError::NoIdentity))));
    // The certificate is of a key of another cipher suite.
    let other = pando_client::EngineSettings::new(CipherSuite(2));
    let opened = builder().settings(other).open("https://example.org", roots, known);
    assert!(matches!(opened, Err(OpenError::Engine(EngineError::NoIdentity))));
}

#[test]
fn a_client_needs_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut world = runtime.block_on(World::new());
    let mut store = store();
    let credential = world.certify("alice/laptop", &mut store);
    let roots = world.server.endpoint.certificate.as_bytes();
    let opened = world.builder(&credential).open("https://example.org", roots, store);
    assert!(matches!(opened, Err(OpenError::NoRuntime)));
}

#[test]
fn an_identity_without_certificate_is_not_stored() {
    let mut store = store();
    let client = "alice@example.org/laptop".parse().unwrap();
    let refused = create_identity(&mut store, crate::clients::SUITE, client, |_| Err("no"));
    assert!(matches!(refused, Err(IdentityError::Authority(error)) if error.to_string() == "no"));
    assert!(store.signers().unwrap().is_empty());
    let client = "alice@example.org/laptop".parse().unwrap();
    let refused = create_identity(&mut store, CipherSuite(0x1234), client, |_| Err("no"));
    assert!(matches!(refused, Err(IdentityError::CipherSuite(_))));
}
