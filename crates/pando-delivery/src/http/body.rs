//! Reading the bodies of requests.

use super::limits::BodyLimits;
use crate::error::Refusal;
use axum::body::{Body, Bytes};
use http_body::Body as _;
use http_body_util::BodyExt;
use pando_api::ProblemCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

/// Number of bytes that one permit of the memory stands for.
const UNIT: usize = 1 << 10;

/// The memory for the bodies of all requests.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    permits: Arc<Semaphore>,
    pause: Duration,
}

/// A complete body. Its bytes count as used memory as long as `memory` exists.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) memory: Option<OwnedSemaphorePermit>,
}

impl BodyMemory {
    /// Returns an unused memory.
    pub(crate) fn new(limits: &BodyLimits) -> Self {
        let permits = limits.all.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), pause: limits.pause }
    }

    /// Reads a body with at most `limit` bytes.
    ///
    /// # Errors
    /// - [`ProblemCode::TooLarge`] if the body is longer.
    /// - [`ProblemCode::Overloaded`] if there is no memory left, or the client is too slow.
    /// - [`ProblemCode::Malformed`] if the body ends early.
    pub(crate) async fn read(&self, mut body: Body, limit: usize) -> Result<Received, Refusal> {
        let overloaded = |why: &str| Refusal::new(ProblemCode::Overloaded, why);
        let announced = body.size_hint().lower();
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(too_large(limit));
        }
        let (mut bytes, mut memory) = (Vec::new(), None);
        loop {
            let frame = time::timeout(self.pause, body.frame()).await;
            let Some(frame) = frame.map_err(|_| overloaded("the body did not arrive in time"))? else {
                break;
            };
            let frame = frame.map_err(|_| Refusal::new(ProblemCode::Malformed, "the body ends early"))?;
            // Trailers are ignored.
            let Ok(data) = frame.into_data() else { continue };
            let length = bytes.len().saturating_add(data.len());
            if length > limit {
                return Err(too_large(limit));
            }
            self.reserve(&mut memory, length)
                .ok_or_else(|| overloaded("there are too many large requests"))?;
            bytes.extend_from_slice(&data);
        }
        Ok(Received { bytes: bytes.into(), memory })
    }

    /// Extends the memory of a request to this number of bytes.
    fn reserve(&self, memory: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Option<()> {
        let held = memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(UNIT).saturating_sub(held);
        if missing > 0 {
            let missing = u32::try_from(missing).ok()?;
            let more = Arc::clone(&self.permits).try_acquire_many_owned(missing).ok()?;
            match memory {
                Some(memory) => memory.merge(more),
                None => *memory = Some(more),
            }
        }
        Some(())
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(ProblemCode::TooLarge, "").with(|problem| problem.limit = u64::try_from(limit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(all: usize) -> BodyMemory {
        BodyMemory::new(&BodyLimits { all, ..BodyLimits::default() })
    }

    fn code<T>(result: Result<T, Refusal>) -> Option<ProblemCode> {
        result.err().and_then(|refusal| refusal.problem().known_code())
    }

    #[tokio::test]
    async fn a_body_above_its_limit_is_refused_with_the_limit() {
        let memory = memory(1 << 20);
        for length in [0, 1, 10] {
            let received = memory.read(Body::from(vec![7; length]), 10).await.unwrap();
            assert_eq!(received.bytes, vec![7; length]);
        }
        let refusal = memory.read(Body::from(vec![7; 11]), 10).await.unwrap_err();
        assert_eq!((refusal.problem().code.as_str(), refusal.problem().limit), ("too-large", Some(10)));
    }

    #[tokio::test]
    async fn the_memory_is_shared_and_returned() {
        let memory = memory(2 * UNIT);
        let first = memory.read(Body::from(vec![7; UNIT + 1]), 1 << 20).await.unwrap();
        assert_eq!(code(memory.read(Body::from(vec![7]), 1 << 20).await), Some(ProblemCode::Overloaded));
        assert!(memory.read(Body::empty(), 1 << 20).await.is_ok());
        drop(first);
        assert!(memory.read(Body::from(vec![7; 2 * UNIT]), 1 << 20).await.is_ok());
    }
}
