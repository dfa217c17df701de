//! Requests without their types, as they wait in a queue.

use crate::store::error::{Failure, FailureKind, StoreError};
use crate::store::interface::Transaction;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use tokio::sync::oneshot;

/// The result of a request, or the panic of its function.
type Outcome<T, E> = thread::Result<Result<T, E>>;

/// Sends the result of a request to its caller, or an error of the store instead.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The state of a write request after its function has run.
pub(super) struct Ran {
    /// Whether the function has returned `Ok`.
    pub(super) is_ok: bool,
    pub(super) reply: Reply,
}

/// A write request.
pub(super) trait Write: Send {
    fn partition(&self) -> &[u8];

    /// Returns whether the caller has dropped its future.
    fn is_abandoned(&self) -> bool;

    /// Runs the function of the request. Catches its panic.
    fn run(self: Box<Self>, transaction: &mut dyn Transaction) -> Ran;

    /// Returns an error to the caller. The function of the request does not run.
    fn refuse(self: Box<Self>, error: StoreError);

    /// Drops the request, whose caller has dropped its future.
    fn abandon(self: Box<Self>);
}

struct WriteRequest<W, T, E> {
    partition: Box<[u8]>,
    work: W,
    sender: oneshot::Sender<Outcome<T, E>>,
}

impl<W, T, E> Write for WriteRequest<W, T, E>
where
    W: FnOnce(&mut dyn Transaction) -> Result<T, E> + Send,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    fn partition(&self) -> &[u8] {
        &self.partition
    }

    fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }

    fn run(self: Box<Self>, transaction: &mut dyn Transaction) -> Ran {
        let Self { work, sender, .. } = *self;
        // After a panic, the transaction is rolled back, so no inconsistent state is visible.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(transaction)));
        let is_ok = matches!(outcome, Ok(Ok(_)));
        let reply = move |result: Result<(), StoreError>| {
            contain(move || {
                let outcome = match result {
                    Err(error) if outcome.is_ok() => Ok(Err(error.into())),
                    _ => outcome,
                };
                // Sending the outcome fails if the caller has dropped its future.
                let _ = sender.send(outcome);
            });
        };
        Ran { is_ok, reply: Box::new(reply) }
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        contain(move || {
            let _ = self.sender.send(Ok(Err(error.into())));
        });
    }

    fn abandon(self: Box<Self>) {
        contain(move || drop(self));
    }
}

/// Runs code of the caller: the conversion of an error, or the destructor of a function or of a
/// result. A panic of this code must not end the thread, because all other requests need the
/// thread.
fn contain(run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        // The destructor of the panic's value could panic again.
        std::mem::forget(panic);
    }
}

/// The receiver of a request's result.
pub(super) struct Receiver<T, E>(oneshot::Receiver<Outcome<T, E>>);

impl<T, E: From<StoreError>> Receiver<T, E> {
    /// Waits for the result. If the request is lost because its thread has ended, returns `lost`.
    pub(super) async fn receive(self, lost: StoreError) -> Result<T, E> {
        match self.0.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(lost.into()),
        }
    }
}

/// The error for a write request that is lost because its thread has ended.
pub(super) const LOST_WRITE: StoreError =
    StoreError::OutcomeUnknown(Failure::new(FailureKind::Internal, None));

/// Returns a write request and the receiver of its result.
pub(super) fn write<T, E>(
    partition: &[u8],
    work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
) -> (Box<dyn Write>, Receiver<T, E>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    (Box::new(WriteRequest { partition: partition.into(), work, sender }), Receiver(receiver))
}

/// A function that runs with a connection of type `C`, or with the error that prevents this. The
/// returned function sends the result to the caller, and is called after the snapshot has ended.
pub(super) type Read<C> = Box<dyn FnOnce(Result<&C, StoreError>) -> Box<dyn FnOnce() + Send> + Send>;

/// Returns a read request and the receiver of its result.
pub(super) fn read<C, T, E>(
    work: impl FnOnce(&C) -> Result<T, E> + Send + 'static,
) -> (Read<C>, Receiver<T, E>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let read = move |connection: Result<&C, StoreError>| {
        let outcome = catch_unwind(AssertUnwindSafe(|| match connection {
            // If the caller has dropped its future, the work would be useless.
            Ok(_) if sender.is_closed() => Err(StoreError::Stopped.into()),
            Ok(connection) => work(connection),
            Err(error) => Err(error.into()),
        }));
        let reply = move || {
            contain(move || {
                let _ = sender.send(outcome);
            });
        };
        Box::new(reply) as Box<dyn FnOnce() + Send>
    };
    (Box::new(read), Receiver(receiver))
}
