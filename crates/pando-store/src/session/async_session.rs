//! A session for asynchronous programs.
//!
//! A session blocks while it reads and writes, and its locks must not be held across awaits. So it gets a thread of its own, and
//! callers send it functions to run. (A mutex around the session, locked in a pool of threads, can deadlock: large operations
//! are spread over the threads of `rayon`, and one of these may do other work of the pool while it waits.)

use crate::backend::Backend;
use crate::session::Session;
use std::fmt;
use std::thread;
use tokio::sync::{mpsc, oneshot};

/// A function to be run with the session.
type Job<B> = Box<dyn FnOnce(&mut Session<B>) + Send>;

/// A session that runs in a thread of its own. A clone is another handle to the same session.
///
/// It works with any executor. Functions run one after the other, in the order in which [`AsyncSession::call`] was awaited first.
/// When all handles are dropped, the functions that were sent still run, and then the thread ends.
///
/// Do not wait for a call in a thread of `rayon`'s pool: the session may need that thread.
pub struct AsyncSession<B: Backend> {
    jobs: mpsc::Sender<Job<B>>,
}

/// The session has ended, because a function has panicked in its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended, because a function has panicked in its thread")]
pub struct Ended;

impl<B: Backend> AsyncSession<B> {
    /// Number of functions that may wait. Further callers wait until there is room.
    const WAITING: usize = 64;

    /// Moves a session to a thread of its own.
    ///
    /// # Errors
    /// The error of the operating system if it cannot start a thread.
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
    /// If the future is dropped before it has sent the function, the function does not run; later, it runs to its end, and its
    /// result is dropped.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn call<T: Send + 'static>(
        &self,
        function: impl FnOnce(&mut Session<B>) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (result, returned) = oneshot::channel();
        let job = move |session: &mut Session<B>| {
            // The caller may have gone.
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
