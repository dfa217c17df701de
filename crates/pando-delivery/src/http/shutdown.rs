//! The signal that a server shuts down.

use tokio::sync::watch;

/// The sender of the signal.
#[derive(Debug)]
pub struct ShutdownSender(watch::Sender<bool>);

/// A receiver of the signal.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl ShutdownSender {
    /// Returns a sender and a receiver.
    #[must_use]
    pub fn new() -> (Self, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Shutdown(receiver))
    }

    /// Sends the signal. The same happens when the sender is dropped.
    pub fn send(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits for the signal.
    pub async fn wait(&mut self) {
        // An error means that the sender is dropped.
        let _ = self.0.wait_for(|is_sent| *is_sent).await;
    }
}
