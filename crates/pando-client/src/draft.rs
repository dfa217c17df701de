//! Requests before they are authenticated (docs/protocol.md, sections 1 and 6.2).

use crate::ranges::ByteRange;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RANGE};
use http::{Method, request};
use pando_api::Authority;

/// A request before it is authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The query without the question mark.
    pub(crate) query: Option<String>,
    /// The body, and its media type unless it is empty.
    pub(crate) body: Bytes,
    pub(crate) media_type: Option<&'static str>,
    pub(crate) range: Option<ByteRange>,
    /// The name of the limit of the body in the description of the server.
    pub(crate) limit: &'static str,
    /// The seconds for which the server may wait for a result.
    pub(crate) wait: u64,
    /// The most bytes of the answer.
    pub(crate) answer_limit: usize,
}

impl Draft {
    /// Returns a request without a body, with a short answer.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: None,
            body: Bytes::new(),
            media_type: None,
            range: None,
            limit: "request_bytes",
            wait: 0,
            answer_limit: crate::answer::SHORT,
        }
    }

    /// Returns the request with a body of a media type.
    pub(crate) fn with_body(self, media_type: &'static str, body: Bytes) -> Self {
        let media_type = (!body.is_empty()).then_some(media_type);
        Self { media_type, body, ..self }
    }

    /// Returns whether the request only reads.
    pub(crate) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Returns the HTTP request to a server, without the headers that authenticate it.
    pub(crate) fn http(&self, server: &Authority) -> request::Builder {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = format!("https://{server}{}{query}", self.path);
        let mut request = http::Request::builder().method(&self.method).uri(uri);
        if let Some(media_type) = self.media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        if let Some(range) = self.range {
            request = request.header(RANGE, range.to_string());
        }
        request
    }
}
