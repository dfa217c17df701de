//! Running stories.

use pando_api::{ClientId, UserId};
use pando_client::Event;
use pando_mls::GroupId;
use pando_simulation::{Certificates, Script};
use std::sync::OnceLock;

/// Runs a story.
pub(crate) fn run(story: impl AsyncFnOnce(Script<'static>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { story(Script::begin(certificates()).await.unwrap()).await });
}

/// The certificates of all stories.
pub(crate) fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| Certificates::issue().unwrap())
}

/// Lets a device create a group with users, and everything settle.
pub(crate) async fn group_of(story: &mut Script<'_>, device: &str, users: &[&str]) -> GroupId {
    let device = story.device(device).unwrap();
    let group_id = story.create(device, users).unwrap().unwrap();
    story.settle().await.unwrap();
    group_id
}

/// Lets everything settle, and checks the invariants.
pub(crate) async fn settle(story: &mut Script<'_>) {
    if let Err(error) = story.settle().await {
        panic!("{error}\n{}", story.text());
    }
    let violations = story.check().await.unwrap();
    assert!(violations.is_empty(), "{violations:?}\n{}", story.text());
}

/// Returns how many events of a device fulfil a condition.
pub(crate) fn count(story: &Script<'_>, device: usize, is_it: impl Fn(&Event) -> bool) -> usize {
    story.events(device).iter().filter(|event| is_it(event)).count()
}

/// Returns how many operations of a device were done.
pub(crate) fn done(story: &Script<'_>, device: usize) -> usize {
    count(story, device, |event| matches!(event, Event::OperationDone(_)))
}

/// Returns how many messages a device has received.
pub(crate) fn received(story: &Script<'_>, device: usize) -> usize {
    count(story, device, |event| matches!(event, Event::Message(_)))
}

pub(crate) fn user(name: &str) -> UserId {
    format!("{name}@example.org").parse().unwrap()
}

pub(crate) fn client(name: &str) -> ClientId {
    name.replace('/', "@example.org/").parse().unwrap()
}
