//! Altered methods, paths and queries (docs/protocol.md, section 1), and the same request of
//! another session. The session signs each of them.

use crate::recorder::operation;
use crate::requests::{Draft, Session};
use crate::server::Server;
use crate::specification::operations;
use pando_api::ProblemCode;
use std::sync::Arc;

/// Sends all alterations of the target of a request. Returns their number.
pub(crate) async fn send_all(server: &Server, draft: &Draft, outsider: Option<&Arc<Session>>) -> u64 {
    let mut sent = Targets { server, draft, count: 0 };
    sent.methods().await;
    sent.paths().await;
    sent.queries().await;
    sent.ranges().await;
    if let Some(outsider) = outsider {
        sent.outsider(outsider).await;
    }
    sent.count
}

struct Targets<'a> {
    server: &'a Server,
    draft: &'a Draft,
    count: u64,
}

impl Targets<'_> {
    async fn refused(&mut self, altered: &Draft, expected: &[ProblemCode]) {
        self.count += 1;
        let code = self.server.refused(&altered.sign(), "another target").await;
        assert!(expected.contains(&code), "{code:?}: {} {}", altered.method, altered.target);
    }

    async fn target(&mut self, target: String, expected: &[ProblemCode]) {
        self.refused(&Draft { target, ..self.draft.clone() }, expected).await;
    }

    /// Sends methods that the document does not name for the path.
    async fn methods(&mut self) {
        let (operation, operations) = (operation(self.draft), operations());
        let path = operation.split_once(' ').unwrap().1;
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            if !operations.contains(&format!("{method} {path}")) {
                let altered = Draft { method: method.to_owned(), ..self.draft.clone() };
                self.refused(&altered, &[ProblemCode::MethodNotAllowed]).await;
            }
        }
        let lower = Draft { method: self.draft.method.to_lowercase(), ..self.draft.clone() };
        self.refused(&lower, &[ProblemCode::MethodNotAllowed]).await;
    }

    async fn paths(&mut self) {
        let query = self.draft.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = self.draft.path().to_owned();
        for other in
            [format!("{path}/"), format!("/{path}"), format!("{path}/x"), path.replace("/v1/", "/v2/")]
        {
            if other != path {
                // Some paths are also the beginning of others, which have other methods.
                let expected = [ProblemCode::NotFound, ProblemCode::MethodNotAllowed];
                self.target(format!("{other}{query}"), &expected).await;
            }
        }
        let mut segments: Vec<_> = path.split('/').collect();
        let Some(variable) = segments.get(3).copied().filter(|_| segments[2] != "sessions") else { return };
        if segments[2] == "key-packages" {
            return;
        }
        let encoded = format!("%{:x}{}", variable.as_bytes()[0], &variable[1..]);
        let padded = format!("{variable}=");
        let malformed = ["AAAA", &encoded, &padded, "A", "*", "-1", "01", "18446744073709551616", "+1"];
        for other in malformed {
            segments[3] = other;
            let target = format!("{}{query}", segments.join("/"));
            self.target(target, &[ProblemCode::Malformed]).await;
        }
        if segments[2] == "groups" {
            // A group that does not exist.
            segments[3] = "AAAAAAAAAAAAAAAAAAAAAA";
            let target = segments.join("/");
            let expected = [ProblemCode::NotFound, ProblemCode::InvalidMessage];
            self.target(format!("{target}{query}"), &expected).await;
            segments[3] = variable;
        }
        if segments.get(4) == Some(&"trees") {
            segments[5] = "AAAA";
            self.target(segments.join("/"), &[ProblemCode::NotFound]).await;
            let long = "A".repeat(87);
            for other in ["AB", "A", "%41AAA", "AAAA=", &long] {
                segments[5] = other;
                self.target(segments.join("/"), &[ProblemCode::Malformed]).await;
            }
        }
    }

    async fn queries(&mut self) {
        let (path, query) = (self.draft.path().to_owned(), self.draft.query().unwrap_or_default());
        let separator = if query.is_empty() { "" } else { "&" };
        for more in ["x=1", "x", "after", "Expires=1", "wait=", "%61fter=1", "=", "&"] {
            self.target(format!("{path}?{query}{separator}{more}"), &[ProblemCode::Malformed]).await;
        }
        for (name, value) in query.split('&').filter_map(|parameter| parameter.split_once('=')) {
            self.target(format!("{path}?{query}&{name}={value}"), &[ProblemCode::Malformed]).await;
            for other in ["", "01", "+1", "-1", "1.0", "0x1", "18446744073709551616", "1%30", "a"] {
                let old = format!("{name}={value}");
                let query = query.replace(&old, &format!("{name}={other}"));
                self.target(format!("{path}?{query}"), &[ProblemCode::Malformed]).await;
            }
        }
        if operation(self.draft) == "PUT /blobs/{digest}" {
            for query in ["", "?", "?expires=0", "?expires=1799999999999"] {
                self.target(format!("{path}{query}"), &[ProblemCode::Malformed]).await;
            }
        }
    }

    /// Sends ranges that begin after the end, and two of them.
    async fn ranges(&mut self) {
        if self.draft.range.is_none() {
            return;
        }
        for range in ["bytes=1000000-", "bytes=1000000-1000001", "bytes=18446744073709551615-", "bytes=-0"] {
            let altered = self.draft.clone().with_range(range);
            self.refused(&altered, &[ProblemCode::Malformed]).await;
        }
        let twice = self.draft.sign().and("range", "bytes=0-1");
        assert_eq!(self.server.refused(&twice, "two ranges").await, ProblemCode::Malformed);
        self.count += 1;
    }

    /// Sends the request in a session of a client that is in no group.
    async fn outsider(&mut self, outsider: &Arc<Session>) {
        if self.draft.session.is_none() {
            return;
        }
        let altered = Draft { session: Some(Arc::clone(outsider)), ..self.draft.clone() };
        let operation = operation(self.draft);
        if operation == "DELETE /inbox/{seq}" {
            // The number is one of the client's own inbox, in which there is no such entry.
            let before = self.server.store().changes();
            assert_eq!(self.server.send(&altered.sign()).await.status, 204);
            assert_eq!(self.server.store().changes(), before);
            self.count += 1;
        }
        let expected = match operation.as_str() {
            "POST /groups" => ProblemCode::SenderMismatch,
            "POST /key-packages" => ProblemCode::InvalidKeyPackage,
            // An external Commit, which joins, may come from a client of a user with a member.
            _ if operation.contains("/groups/") => ProblemCode::NotFound,
            // The client has its own list, inbox and claims, and blobs are for all clients.
            _ => return,
        };
        self.refused(&altered, &[expected]).await;
    }
}
