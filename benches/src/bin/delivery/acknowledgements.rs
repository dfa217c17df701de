//! Acknowledgements of one message by all members.

use crate::clients::NOW;
use crate::population::Population;
use crate::server::Server;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The number of members that send at the same time.
const AT_ONCE: usize = 256;

/// The work of the store for acknowledgements.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) writes: u64,
    pub(crate) commits: u64,
    pub(crate) duration: Duration,
}

/// Lets all members acknowledge one message, and a later one within the same minute.
pub(crate) async fn measure(server: &Server, group: &mut Population) -> Acknowledged {
    let seqs = [send(server, group).await, send(server, group).await];
    let ((writes, commits), began) = (server.counters(), Instant::now());
    for (seq, now) in [(seqs[0], NOW), (seqs[1], NOW + 59_999)] {
        acknowledge(server, group, (seq, now)).await;
    }
    let after = server.counters();
    let (writes, commits) = (after.0 - writes, after.1 - commits);
    assert!(writes <= group.size.into(), "{writes} writes for acknowledgements of {} members", group.size);
    Acknowledged { writes, commits, duration: began.elapsed() }
}

async fn send(server: &Server, group: &mut Population) -> u64 {
    let message = group.creator.encrypt(&[0; 32]);
    group.creator.seq = server.send(&group.creator, message).await.head.head.seq;
    group.creator.seq
}

async fn acknowledge(server: &Server, group: &Population, (seq, now): (u64, u64)) {
    let mut tasks = JoinSet::new();
    let chunk = group.callers.len().div_ceil(AT_ONCE);
    for callers in group.callers.chunks(chunk) {
        let (service, group_id, callers) =
            (server.service.clone(), group.creator.group_id(), callers.to_vec());
        tasks.spawn(async move {
            for caller in callers {
                service.acknowledge(&caller, &group_id, seq, now).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
}
