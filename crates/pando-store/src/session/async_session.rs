//! A session for asynchronous programs.
//!
//! A session blocks while it reads and writes, and its locks must not be held across `await`. A
//! session therefore runs in its own thread, to which callers send functions.
//!
//! A mutex around a session would not be a safe alternative. A mutex that is locked in a thread
//! pool can deadlock, because large operations use the threads of `rayon`. While such a thread
//! waits, it may run other work of the pool.

use crate::backend::Backend;
use crate::session::Session;
use std::fmt;
use std::thread;
use tokio::sync::{mpsc, oneshot};

/// A function that runs with the session.
type Job<B> = Box<dyn FnOnce(&mut Session<B>) + Send>;

/// A session that runs in its own thread. A clone is another handle to the same session.
///
/// An asynchronous session works with any executor. Functions run sequentially, in the order in
/// which [`AsyncSession::call`] was first awaited. When all handles are dropped, the functions that
/// were already sent still run, and then the thread ends.
///
/// Do not wait for a call in a thread of `rayon`'s pool: the session may need that thread.
pub struct AsyncSession<B: Backend> {
    jobs: mpsc::Sender<Job<B>>,
}

/// The session's thread has ended, because a function panicked in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended, because a function has panicked in its thread")]
pub struct Ended;

impl<B: Backend> AsyncSession<B> {
    /// Capacity of the queue of functions. Callers wait while the queue is full.
    const WAITING: usize = 64;

    /// Moves a session to its own thread.
    ///
    /// # Errors
    /// Returns the error of the operating system if the thread cannot be started.
    pub fn spawn(session: Session<B>) -> std::io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job<B>>(Self::WAITING);
        let run = move || {
            let mut session = session;
            while let Some(job) = waiting.blocking_recv() {
                job(&mut session);
            }
        };
        thread::Builder::new().name("pando session".to_owned()).spawn(run)?;
        Ok(Self { jobs })
    }

    /// Runs a function with the session, and returns its result.
    ///
    /// If the future is dropped before it has sent the function, the function does not run. If the
    /// future is dropped afterwards, the function runs to its end, and its result is dropped.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn call<T: Send + 'static>(
        &self,
        function: impl FnOnce(&mut Session<B>) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (result, returned) = oneshot::channel();
        let job = move |session: &mut Session<B>| {
            // Sending the result fails if the caller has dropped its future.
            let _ = result.send(function(session));
        };
        self.jobs.send(Box::new(job)).await.map_err(|_| Ended)?;
        returned.await.map_err(|_| Ended)
    }
}

impl<B: Backend> Clone for AsyncSession<B> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

impl<B: Backend> fmt::Debug for AsyncSession<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSession")
            .field("waiting", &Self::WAITING.saturating_sub(self.jobs.capacity()))
            .finish()
    }
}
