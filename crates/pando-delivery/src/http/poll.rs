//! Long polling (docs/protocol.md, sections 7 and 13).

use super::shutdown::Shutdown;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The longest time that a client may wait, in seconds.
const MAX_WAIT: u64 = 60;

/// The waiting of a client for a result that is not empty.
#[derive(Debug)]
pub(crate) struct Poll {
    changes: watch::Receiver<()>,
    shutdown: Shutdown,
    end: Option<Instant>,
}

impl Poll {
    /// Begins a poll of at most `wait` seconds. The caller obtains `changes` and then reads, so
    /// that it misses no change.
    pub(crate) fn new(changes: watch::Receiver<()>, wait: u64, shutdown: Shutdown) -> Self {
        let wait = Duration::from_secs(wait.min(MAX_WAIT));
        Self { changes, shutdown, end: Instant::now().checked_add(wait) }
    }

    /// Waits after an empty result. Returns whether the caller reads again: after a change, and
    /// once more when the time is over. Returns `false` at once when the server shuts down.
    pub(crate) async fn wait(&mut self) -> bool {
        let Some(end) = self.end.filter(|end| Instant::now() < *end) else { return false };
        tokio::select! {
            Ok(()) = self.changes.changed() => true,
            () = sleep_until(end) => true,
            () = self.shutdown.wait() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shutdown::ShutdownSender;
    use super::*;
    use tokio::time::sleep;

    /// Polls for `wait` seconds, while there is a change each 7 seconds and the server shuts down
    /// after 20. The result is there from the read `from` on. Returns the number of the last read
    /// and the seconds that have passed.
    async fn polled(wait: u64, from: usize) -> (usize, u64) {
        let (sender, changes) = watch::channel(());
        let (shutdown, signal) = ShutdownSender::new();
        let start = Instant::now();
        let read = async {
            let (mut poll, mut reads) = (Poll::new(changes, wait, signal), 1_usize);
            while reads < from && poll.wait().await {
                reads = reads.saturating_add(1);
            }
            (reads, start.elapsed().as_secs())
        };
        let events = async {
            sleep(Duration::from_secs(7)).await;
            sender.send_replace(());
            sleep(Duration::from_secs(7)).await;
            sender.send_replace(());
            // The source of changes has gone.
            drop(sender);
            sleep(Duration::from_secs(6)).await;
            shutdown.send();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = read => result,
            () = events => panic!("no event remains"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_ends_with_a_result_its_time_or_the_server() {
        // The result is there at once, after the first change, after the second change.
        assert_eq!(polled(30, 1).await, (1, 0));
        assert_eq!(polled(30, 2).await, (2, 7));
        assert_eq!(polled(30, 3).await, (3, 14));
        // No entry comes: a last read at the end of the time, or none when the server shuts down.
        assert_eq!(polled(0, 9).await, (1, 0));
        assert_eq!(polled(5, 9).await, (2, 5));
        assert_eq!(polled(16, 9).await, (4, 16));
        assert_eq!(polled(30, 9).await, (3, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn no_poll_waits_longer_than_a_minute() {
        let (_sender, changes) = watch::channel(());
        let (_shutdown, signal) = ShutdownSender::new();
        let (start, mut poll) = (Instant::now(), Poll::new(changes, u64::MAX, signal));
        assert!(poll.wait().await && !poll.wait().await);
        assert_eq!(start.elapsed().as_secs(), 60);
    }
}
