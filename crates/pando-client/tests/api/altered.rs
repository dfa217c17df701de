//! A transport whose answers a test alters.

use bytes::Bytes;
use http::Response;
use pando_client::{HttpTransport, Outgoing, Transport, TransportError};
use std::sync::{Arc, Mutex};

/// The result of a transport.
pub(crate) type Result = std::result::Result<Response<Bytes>, TransportError>;

type Alteration = Box<dyn FnMut(Result) -> Result + Send>;

/// A transport whose answers to some requests are altered.
#[derive(Clone)]
pub(crate) struct Altered {
    inner: HttpTransport,
    /// The beginning of the path of altered requests, and the alteration.
    alteration: Arc<Mutex<Option<(String, Alteration)>>>,
}

impl Altered {
    pub(crate) fn new(inner: HttpTransport) -> Self {
        Self { inner, alteration: Arc::default() }
    }

    /// Alters the answers to all later requests whose path begins with `path`.
    pub(crate) fn alter(&self, path: &str, alteration: impl FnMut(Result) -> Result + Send + 'static) {
        *self.alteration.lock().unwrap() = Some((path.to_owned(), Box::new(alteration)));
    }

    /// Alters answers that are responses.
    pub(crate) fn alter_response(&self, path: &str, alter: impl Fn(&mut Response<Bytes>) + Send + 'static) {
        self.alter(path, move |result| {
            result.map(|mut response| {
                alter(&mut response);
                response
            })
        });
    }

    /// Alters the bodies of answers.
    pub(crate) fn alter_body(&self, path: &str, alter: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
        self.alter_response(path, move |response| {
            *response.body_mut() = alter(response.body()).into();
        });
    }

    pub(crate) fn stop(&self) {
        *self.alteration.lock().unwrap() = None;
    }
}

impl Transport for Altered {
    async fn send(&self, outgoing: Outgoing) -> Result {
        let path = outgoing.request.uri().path().to_owned();
        let result = self.inner.send(outgoing).await;
        match &mut *self.alteration.lock().unwrap() {
            Some((prefix, alteration)) if path.starts_with(&**prefix) => alteration(result),
            _ => result,
        }
    }
}
