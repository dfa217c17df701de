//! Sending requests of a script, and recording them with their answers. A recorder may send all
//! alterations of each request before the request itself.

use crate::requests::{Answer, Draft, Wire};
use crate::server::Server;
use crate::{authentication, bodies, targets};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A request with its answer.
pub(crate) struct Exchange {
    /// The operation, as docs/protocol.md names it.
    pub(crate) operation: String,
    pub(crate) draft: Draft,
    pub(crate) wire: Wire,
    pub(crate) answer: Answer,
}

/// The number of altered requests that were sent, by operation.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Altered {
    /// Requests with another body.
    pub(crate) bodies: u64,
    /// Requests with another method or target.
    pub(crate) targets: u64,
    /// Requests with another token or signature.
    pub(crate) authentication: u64,
}

/// The number of altered requests that are valid, by operation and reason.
pub(crate) type Valid = BTreeMap<(String, &'static str), u64>;

/// The sender of the requests of a script.
pub(crate) struct Recorder {
    pub(crate) server: Arc<Server>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) altered: BTreeMap<String, Altered>,
    pub(crate) valid: Valid,
    /// A session of a client without any rights.
    pub(crate) outsider: Option<Arc<crate::requests::Session>>,
    alters: bool,
}

impl Recorder {
    /// Returns a recorder. If `alters` is set, it sends altered requests, too.
    pub(crate) fn new(server: Arc<Server>, alters: bool) -> Self {
        let (altered, valid) = (BTreeMap::new(), Valid::new());
        Self { server, exchanges: Vec::new(), altered, valid, outsider: None, alters }
    }

    /// Sends a request after all its alterations. If an alteration is valid, its effect is undone.
    pub(crate) async fn send(&mut self, draft: Draft) -> Answer {
        if self.alters {
            self.alter(&draft).await;
        }
        self.send_plain(draft).await
    }

    /// Sends a request.
    pub(crate) async fn send_plain(&mut self, draft: Draft) -> Answer {
        let wire = draft.sign();
        let answer = self.server.send(&wire).await;
        self.record(draft, wire, answer.clone());
        answer
    }

    pub(crate) fn record(&mut self, draft: Draft, wire: Wire, answer: Answer) {
        let operation = operation(&draft);
        self.exchanges.push(Exchange { operation, draft, wire, answer });
    }

    async fn alter(&mut self, draft: &Draft) {
        let operation = operation(draft);
        let before = self.server.dump();
        let bodies = bodies::send_all(&self.server, draft, &mut self.valid).await;
        let targets = targets::send_all(&self.server, draft, self.outsider.as_ref()).await;
        let authentication = authentication::send_all(&self.server, draft, self.outsider.as_ref()).await;
        assert!(self.server.dump() == before, "an altered request has an effect: {operation}");
        let altered = self.altered.entry(operation).or_default();
        altered.bodies += bodies;
        altered.targets += targets;
        altered.authentication += authentication;
    }
}

/// Returns the operation of a request: the method, and the path with the names of its variables.
pub(crate) fn operation(draft: &Draft) -> String {
    let path = draft.path();
    let mut segments: Vec<_> = path.strip_prefix("/v1").unwrap_or(path).split('/').collect();
    let variable = match segments.get(1) {
        Some(&"groups") => "{group}",
        Some(&"inbox") => "{seq}",
        Some(&"blobs") => "{digest}",
        _ => segments.get(2).copied().unwrap_or_default(),
    };
    if let Some(segment) = segments.get_mut(2) {
        *segment = variable;
    }
    if segments.get(3) == Some(&"trees") {
        segments[4] = "{hash}";
    }
    format!("{} {}", draft.method, segments.join("/"))
}
