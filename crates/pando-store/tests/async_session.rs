//! Two sessions of an asynchronous program use many groups at the same time.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_mls::{
    BasicIdentities, CipherSuite, Client, CommitBuilder, Credential, Group, GroupId, KeyPackage,
};
use pando_store::session::{AsyncSession, Ended, Event, Received, no_rows};
use pando_store::{Key, Memory, Session, Store, StoredSigner};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::atomic::{AtomicU64, Ordering};

const NOW: u64 = 1_800_000_000;
const GROUPS: u64 = 100;
/// Number of members that a Commit adds, which is large enough to make the library use the threads
/// of `rayon`.
const MEMBERS: u64 = 40;

type Alone = AsyncSession<Memory>;

fn start(name: &str) -> (Alone, StoredSigner) {
    let store = Store::new(Memory::default(), &Key::bytes(&[7; 32]).unwrap()).unwrap();
    static SEED: AtomicU64 = AtomicU64::new(1);
    let rng = ChaCha20Rng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed));
    let mut session = Session::with_sources(store, Client::new(BasicIdentities), || NOW, rng);
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let identity = session.identity(suite, Credential::basic(name)).unwrap();
    (AsyncSession::spawn(session).unwrap(), identity)
}

async fn key_package(session: &Alone, identity: &StoredSigner) -> KeyPackage {
    let identity = identity.clone();
    let create = move |session: &mut Session<Memory>| session.create_key_package(&identity, |it| it, no_rows);
    session.call(create).await.unwrap().unwrap()
}

/// Alice creates a group, adds Bob and many others, and Bob receives her message.
async fn live(number: u64, (alice, alices): (Alone, StoredSigner), (bob, bobs): (Alone, StoredSigner)) {
    let id = GroupId::from(format!("group {number}").as_str());
    let mut added = vec![key_package(&bob, &bobs).await];
    for other in 1..MEMBERS {
        // The private keys of these members are not needed.
        let (other, identity) = start(&format!("member {other} of group {number}"));
        added.push(key_package(&other, &identity).await);
    }
    let group = id.clone();
    let messages = alice.call(move |alice| {
        alice.create_group(Group::builder(group.clone()), &alices, no_rows)?;
        alice.commit(&group, |it| added.into_iter().fold(it, CommitBuilder::add), no_rows)?;
        alice.accept_commit(&group, no_rows)?;
        let mut messages: Vec<_> = alice.outbox(&group)?.into_iter().map(|(_, welcome)| welcome).collect();
        messages.push(alice.send(&group, format!("hello {number}").as_str(), no_rows)?);
        Ok::<_, pando_store::session::SessionError>(messages)
    });
    for message in messages.await.unwrap().unwrap() {
        let receive = move |bob: &mut Session<Memory>| bob.receive(&message, no_rows);
        let received = bob.call(receive).await.unwrap().unwrap();
        let Received::Applied { events, .. } = received else { panic!("{received:?}") };
        match events.as_slice() {
            [Event::Joined { group_id, epoch: 1, .. }] => assert_eq!(*group_id, id),
            [event] => assert_eq!(event.text(), Some(format!("hello {number}").as_str())),
            other => panic!("{other:?}"),
        }
    }
    let members = bob.call(move |bob| bob.group(&id).unwrap().members().count()).await.unwrap();
    assert_eq!(members as u64, MEMBERS + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_groups_live_at_the_same_time() {
    let (alice, bob) = (start("alice"), start("bob"));
    let tasks: Vec<_> =
        (0..GROUPS).map(|number| tokio::spawn(live(number, alice.clone(), bob.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_session_ends_when_a_function_panics() {
    let (alice, _) = start("alice");
    let panicked = alice.call(|_| std::panic::resume_unwind(Box::new("on purpose"))).await;
    assert_eq!(panicked, Err::<(), _>(Ended));
    assert_eq!(alice.call(|_| ()).await, Err(Ended));
}

#[tokio::test]
async fn a_function_whose_caller_has_gone_runs_to_its_end() {
    let (alice, identity) = start("alice");
    {
        let slow = alice.call(move |alice| {
            alice.create_group(Group::builder("tea"), &identity, no_rows).unwrap();
        });
        let mut slow = std::pin::pin!(slow);
        // The future is polled once, which sends the function, and is then dropped.
        tokio::select! {
            biased;
            _ = &mut slow => {}
            () = std::future::ready(()) => {}
        }
    }
    let id = GroupId::from("tea");
    assert_eq!(alice.call(move |alice| alice.group(&id).unwrap().epoch()).await, Ok(0));
}
