//! Many Adds in one Commit, while members of other groups send messages.

use crate::clients::{Clients, Device, Member};
use crate::old_welcome::Epoch;
use crate::population::Population;
use crate::recording::Detail;
use crate::senders::Paced;
use crate::server::Server;
use crate::table::{Durations, time};
use pando_api::InboxPage;
use pando_mls::Encode;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The time for which the other groups are measured without the Commit.
const BASELINE: Duration = Duration::from_secs(3);

/// The times and sizes of a Commit with many Adds.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) clients: usize,
    /// The bytes of the request: the Commit, the Welcome and the GroupInfo.
    pub(crate) request: usize,
    /// The time for the committer to make the request.
    pub(crate) build: Duration,
    /// The time from the request to the receipt.
    pub(crate) submit: Duration,
    /// The transactions that write the Commit.
    pub(crate) transactions: usize,
    /// The time of the longest of them.
    pub(crate) longest: Duration,
    /// The time until all inboxes have their entry, from the receipt on.
    pub(crate) copies: Duration,
    /// The bytes of one joiner's page of its inbox.
    pub(crate) inbox: usize,
    /// The epoch of the Commit.
    pub(crate) epoch: Epoch,
}

/// The latencies of messages in other groups.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// Before the Commit.
    pub(crate) before: Durations,
    /// From the request to the receipt.
    pub(crate) submit: Durations,
    /// From the receipt until all inboxes have their entry.
    pub(crate) copies: Durations,
}

/// Adds clients by one Commit. Meanwhile, `others` send messages to their own groups.
pub(crate) async fn measure(
    server: &Server,
    group: &mut Population,
    devices: Vec<Device>,
    others: Vec<Member>,
) -> (Added, Latencies, Vec<Member>) {
    let key_packages = devices.iter().map(Device::key_package).collect();
    let began = Instant::now();
    let request = group.creator.commit(key_packages);
    let build = began.elapsed();
    let mut paced = Paced::start(server, others);
    let mut latencies = Latencies::default();
    if paced.is_active() {
        sleep(BASELINE).await;
    }
    latencies.before = paced.latencies();

    server.service.store().record(Detail::Times);
    let bytes = request.encode().unwrap().len();
    let began = Instant::now();
    server.submit(&mut group.creator, request).await;
    let submit = began.elapsed();
    let transactions = server.recorded(&group.creator);
    let longest = transactions.iter().map(|written| written.duration).max().unwrap();
    let transactions = transactions.len();
    latencies.submit = paced.latencies();

    let began = Instant::now();
    server.run_due().await;
    let copies = began.elapsed();
    latencies.copies = paced.latencies();
    let others = paced.stop().await;

    for device in &devices {
        server.inbox_entry(device).await;
    }
    let entry = server.inbox_entry(devices.last().unwrap()).await;
    let inbox = InboxPage { entries: vec![entry] }.encode().unwrap().len();
    let epoch = Epoch { number: group.creator.group.epoch(), tree_hash: group.creator.tree_hash() };
    let clients = devices.len();
    group.added(devices);
    let added = Added { clients, request: bytes, build, submit, transactions, longest, copies, inbox, epoch };
    (added, latencies, others)
}

/// Adds the clients of all Commits before the last one. Returns the clients of the last Commit.
pub(crate) async fn prepare(server: &Server, clients: &mut Clients, group: &mut Population) -> Vec<Device> {
    loop {
        let (devices, is_last) = group.next(clients);
        if is_last {
            return devices;
        }
        let (added, ..) = measure(server, group, devices, Vec::new()).await;
        let [build, submit, copies] = [added.build, added.submit, added.copies].map(time);
        let members = group.members();
        eprintln!(
            "{members} of {} members; made in {build}, accepted in {submit}, copied in {copies}",
            group.size
        );
    }
}
