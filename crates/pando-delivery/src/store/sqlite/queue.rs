//! A bounded queue of requests that is fair between partitions.

use crate::store::sqlite::config::QueueLimits;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A queue of jobs. Jobs of one partition leave the queue in the order in which they have entered
/// it. Partitions take turns, with one job at each turn, so a partition with many jobs delays the
/// job of another partition only by one job.
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    limits: QueueLimits,
}

/// The reason why a queue does not accept a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The job would exceed a limit.
    Full,
    /// The queue is closed.
    Closed,
}

struct State<J> {
    partitions: HashMap<Arc<[u8]>, Waiting<J>>,
    /// The partitions with waiting jobs, each once, in the order of their turns.
    turns: VecDeque<Arc<[u8]>>,
    requests: usize,
    bytes: usize,
    is_closed: bool,
}

/// The jobs of one partition, each with its size.
struct Waiting<J> {
    jobs: VecDeque<(usize, J)>,
    bytes: usize,
}

impl<J> Queue<J> {
    pub(super) fn new(limits: QueueLimits) -> Self {
        let (partitions, turns) = (HashMap::new(), VecDeque::new());
        let state = State { partitions, turns, requests: 0, bytes: 0, is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), limits }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        // No code panics while it holds the lock, so the state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. `bytes` is the size of the job.
    pub(super) fn push(&self, partition: &[u8], bytes: usize, job: J) -> Result<(), Refused> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Refused::Closed);
        }
        let limits = &self.limits;
        let (total, total_bytes) = (state.requests, state.bytes);
        let fits = |waiting: usize, bytes_waiting: usize, requests: usize, limit: usize| {
            waiting < requests && (waiting == 0 || bytes_waiting.saturating_add(bytes) <= limit)
        };
        let (own, own_bytes) =
            state.partitions.get(partition).map_or((0, 0), |waiting| (waiting.jobs.len(), waiting.bytes));
        if !fits(total, total_bytes, limits.requests, limits.bytes)
            || !fits(own, own_bytes, limits.partition_requests, limits.partition_bytes)
        {
            return Err(Refused::Full);
        }
        state.add(partition, bytes, job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for a job, and returns the waiting jobs whose turns are next: at most `requests` jobs,
    /// and no more than fit into `bytes`, but at least one. Returns no jobs if the queue is closed.
    pub(super) fn take(&self, requests: usize, bytes: usize) -> VecDeque<J> {
        let mut state = self.state();
        while state.turns.is_empty() && !state.is_closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut jobs, mut taken) = (VecDeque::new(), 0_usize);
        while jobs.is_empty() || jobs.len() < requests {
            let Some(next) = state.next_bytes() else { break };
            taken = taken.saturating_add(next);
            if taken > bytes && !jobs.is_empty() {
                break;
            }
            jobs.extend(state.next());
        }
        jobs
    }

    /// Closes the queue, and returns the jobs that still wait.
    pub(super) fn close(&self) -> Vec<J> {
        let mut state = self.state();
        state.is_closed = true;
        let jobs = std::iter::from_fn(|| state.next()).collect();
        drop(state);
        self.changed.notify_all();
        jobs
    }
}

impl<J> State<J> {
    fn add(&mut self, partition: &[u8], bytes: usize, job: J) {
        if let Some(waiting) = self.partitions.get_mut(partition) {
            waiting.jobs.push_back((bytes, job));
            waiting.bytes = waiting.bytes.saturating_add(bytes);
        } else {
            let partition: Arc<[u8]> = partition.into();
            let waiting = Waiting { jobs: VecDeque::from([(bytes, job)]), bytes };
            self.partitions.insert(Arc::clone(&partition), waiting);
            self.turns.push_back(partition);
        }
        self.requests = self.requests.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Returns the size of the job whose turn is next.
    fn next_bytes(&self) -> Option<usize> {
        let waiting = self.partitions.get(self.turns.front()?)?;
        waiting.jobs.front().map(|(bytes, _)| *bytes)
    }

    /// Removes and returns the job whose turn is next.
    fn next(&mut self) -> Option<J> {
        let partition = self.turns.pop_front()?;
        let waiting = self.partitions.get_mut(&partition)?;
        let (bytes, job) = waiting.jobs.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        if waiting.jobs.is_empty() {
            self.partitions.remove(&partition);
        } else {
            self.turns.push_back(partition);
        }
        self.requests = self.requests.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits =
        QueueLimits { requests: 10, bytes: 100, partition_requests: 6, partition_bytes: 50 };

    #[test]
    fn partitions_take_turns() {
        let queue = Queue::new(LIMITS);
        for (partition, job) in [(b"a", 1), (b"a", 2), (b"a", 3), (b"b", 4), (b"c", 5), (b"c", 6)] {
            queue.push(partition, 1, job).unwrap();
        }
        assert_eq!(queue.take(4, 100), [1, 4, 5, 2]);
        queue.push(b"b", 1, 7).unwrap();
        assert_eq!(queue.take(100, 100), [6, 3, 7]);
    }

    #[test]
    fn a_batch_is_bounded_by_bytes() {
        let queue = Queue::new(LIMITS);
        for (partition, bytes, job) in [(b"a", 40, 1), (b"b", 30, 2), (b"c", 10, 3), (b"d", 5, 4)] {
            queue.push(partition, bytes, job).unwrap();
        }
        // The first job is taken even though it exceeds the limit.
        assert_eq!(queue.take(100, 35), [1]);
        assert_eq!(queue.take(100, 35), [2]);
        assert_eq!(queue.take(100, 35), [3, 4]);
    }

    #[test]
    fn one_partition_cannot_fill_the_queue() {
        let queue = Queue::new(LIMITS);
        for job in 0..6 {
            queue.push(b"a", 1, job).unwrap();
        }
        assert_eq!(queue.push(b"a", 1, 6), Err(Refused::Full));
        for job in 6..10 {
            queue.push(b"b", 1, job).unwrap();
        }
        assert_eq!(queue.push(b"c", 1, 10), Err(Refused::Full));
        // When jobs have left, there is room again.
        assert_eq!(queue.take(2, 100), [0, 6]);
        queue.push(b"c", 1, 10).unwrap();
    }

    #[test]
    fn bytes_are_bounded_but_a_single_large_job_is_accepted() {
        let queue = Queue::new(LIMITS);
        queue.push(b"a", 1_000, 1).unwrap();
        assert_eq!(queue.push(b"a", 1, 2), Err(Refused::Full));
        assert_eq!(queue.push(b"b", 1, 3), Err(Refused::Full));
        assert_eq!(queue.take(1, 1), [1]);
        queue.push(b"a", 40, 4).unwrap();
        assert_eq!(queue.push(b"a", 11, 5), Err(Refused::Full));
        queue.push(b"a", 10, 6).unwrap();
        queue.push(b"b", 50, 7).unwrap();
        assert_eq!(queue.push(b"c", 1, 8), Err(Refused::Full));
    }

    #[test]
    fn a_closed_queue_returns_its_jobs_and_refuses_new_ones() {
        let queue = Queue::new(LIMITS);
        queue.push(b"a", 1, 1).unwrap();
        assert_eq!(queue.close(), [1]);
        assert_eq!(queue.push(b"a", 1, 2), Err(Refused::Closed));
        assert!(queue.take(1, 1).is_empty());
    }
}
