//! A connection that records whether bytes move.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time;

/// A stream that tells its [`Watch`] when bytes were read or written.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    has_moved: Arc<AtomicBool>,
}

/// Finds out whether the peer of a [`Watched`] stream is idle.
#[derive(Debug)]
pub(crate) struct Watch {
    has_moved: Arc<AtomicBool>,
}

impl<S> Watched<S> {
    /// Watches a stream.
    pub(crate) fn new(stream: S) -> (Self, Watch) {
        let has_moved = Arc::new(AtomicBool::new(false));
        (Self { stream, has_moved: Arc::clone(&has_moved) }, Watch { has_moved })
    }

    /// Records the result of an operation.
    fn record(&self, bytes: usize) {
        if bytes > 0 {
            self.has_moved.store(true, Ordering::Relaxed);
        }
    }
}

impl Watch {
    /// Waits until no byte has moved for `limit`, or up to twice as long.
    pub(crate) async fn idle(&self, limit: Duration) {
        while self.has_moved.swap(false, Ordering::Relaxed) {
            time::sleep(limit).await;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.record(buffer.filled().len().saturating_sub(before));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.record(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
