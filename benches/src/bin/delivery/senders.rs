//! Members of small groups that send messages: at fixed times, or as fast as they can.

use crate::clients::{Clients, Device, Member, NOW};
use crate::server::Server;
use crate::table::Durations;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{Instant as Time, sleep_until};

/// The number of groups.
const GROUPS: u32 = 64;

/// The number of members of a group.
const MEMBERS: u32 = 4;

/// The time between two messages of a paced sender.
const PERIOD: Duration = Duration::from_millis(200);

/// Creates the groups. Returns their members, group by group.
pub(crate) async fn create(server: &Server, clients: &mut Clients) -> Vec<Vec<Member>> {
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        let mut devices = clients.devices(MEMBERS);
        let mut creator = server.create_group(clients, devices.remove(0)).await;
        let request = creator.commit(devices.iter().map(Device::key_package).collect());
        server.submit(&mut creator, request).await;
        server.run_due().await;
        let mut members = vec![creator];
        for device in devices {
            members.push(server.join(clients, device).await);
        }
        groups.push(members);
    }
    groups
}

/// Senders that send at fixed times. A latency begins at the time at which the message was to be
/// sent, so that a server that stops for a while cannot hide this by delaying the senders.
pub(crate) struct Paced {
    is_stopped: Arc<AtomicBool>,
    latencies: Arc<Mutex<Durations>>,
    tasks: JoinSet<Member>,
}

impl Paced {
    /// Starts senders, whose first messages are spread over one period.
    pub(crate) fn start(server: &Server, members: Vec<Member>) -> Self {
        let (is_stopped, latencies) = (Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        let step = PERIOD / GROUPS;
        let mut at = Time::now();
        for member in members {
            at += step;
            let (is_stopped, latencies) = (Arc::clone(&is_stopped), Arc::clone(&latencies));
            tasks.spawn(send_paced(server.service.clone(), (member, at), is_stopped, latencies));
        }
        Self { is_stopped, latencies, tasks }
    }

    /// Returns whether there are senders.
    pub(crate) fn is_active(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Returns the latencies since the last call.
    pub(crate) fn latencies(&mut self) -> Durations {
        mem::take(&mut *self.latencies.lock().unwrap())
    }

    /// Stops the senders, and returns the members.
    pub(crate) async fn stop(self) -> Vec<Member> {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.tasks.join_all().await
    }
}

type Service = pando_delivery::service::Service<Arc<crate::recording::RecordingStore>>;

async fn send_paced(
    service: Service,
    (mut member, mut at): (Member, Time),
    is_stopped: Arc<AtomicBool>,
    latencies: Arc<Mutex<Durations>>,
) -> Member {
    while !is_stopped.load(Ordering::Relaxed) {
        let message = member.encrypt(&[0; 32]);
        sleep_until(at).await;
        send(&service, &member, message).await;
        latencies.lock().unwrap().push(at.elapsed());
        at += PERIOD;
    }
    member
}

async fn send(service: &Service, member: &Member, message: Vec<u8>) {
    let request = pando_api::SubmitMessage { message: message.into() };
    service.submit_message(&member.caller, &member.group_id(), request, NOW).await.unwrap();
}

/// The throughput of concurrent senders.
#[derive(Debug)]
pub(crate) struct Throughput {
    pub(crate) senders: usize,
    pub(crate) messages: u64,
    pub(crate) commits: u64,
    pub(crate) duration: Duration,
}

/// Lets all members send `count` messages each, one after the other.
pub(crate) async fn measure(server: &Server, members: Vec<Member>, count: u32) -> Throughput {
    let senders = members.len();
    let prepared: Vec<_> = members
        .into_iter()
        .map(|mut member| {
            let messages: Vec<_> = (0..count).map(|_| member.encrypt(&[0; 32])).collect();
            (member, messages)
        })
        .collect();
    let ((writes, commits), began) = (server.counters(), Instant::now());
    let mut tasks = JoinSet::new();
    for (member, messages) in prepared {
        let service = server.service.clone();
        tasks.spawn(async move {
            for message in messages {
                send(&service, &member, message).await;
            }
        });
    }
    tasks.join_all().await;
    let (duration, after) = (began.elapsed(), server.counters());
    let (messages, commits) = (after.0 - writes, after.1 - commits);
    assert_eq!(messages, u64::from(count) * u64::try_from(senders).unwrap(), "a message is one write");
    Throughput { senders, messages, commits, duration }
}
