//! The authority of a server: the host and the port that a client dials (docs/protocol.md, section
//! 6.1).

use crate::{Domain, IdError};
use pando_wire::Opaque;
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use tls_codec::{Error, Serialize, Size};

/// The port of HTTPS, which the text of an authority leaves out.
const DEFAULT_PORT: u16 = 443;

/// The host and the port of a server. The host is the domain of the server. Each authority has one
/// text: `ds.example.org`, or `ds.example.org:8443` if the port is not 443.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    domain: Domain,
    port: u16,
}

impl Authority {
    /// Returns the authority of a server. Returns `None` for the port 0.
    #[must_use]
    pub fn new(domain: Domain, port: u16) -> Option<Self> {
        (port != 0).then_some(Self { domain, port })
    }

    /// Returns the host, which is the domain of the server.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl From<Domain> for Authority {
    /// Returns the authority of the server of a domain at the port 443.
    fn from(domain: Domain) -> Self {
        Self { domain, port: DEFAULT_PORT }
    }
}

/// Reason why a text is not an authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The host is not a domain.
    #[error("host: {0}")]
    Host(#[from] IdError),
    /// The port is 443, or is not a decimal number from 1 to 65535 without leading zeros.
    #[error("port is 443 or not a number from 1 to 65535")]
    Port,
}

impl FromStr for Authority {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let Some((host, digits)) = text.split_once(':') else {
            return Ok(Self::from(text.parse::<Domain>()?));
        };
        let port = digits.parse().map_err(|_| AuthorityError::Port)?;
        let authority = Self::new(host.parse()?, port).ok_or(AuthorityError::Port)?;
        if authority.to_string() == text { Ok(authority) } else { Err(AuthorityError::Port) }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            DEFAULT_PORT => write!(f, "{}", self.domain),
            port => write!(f, "{}:{port}", self.domain),
        }
    }
}

impl Size for Authority {
    fn tls_serialized_len(&self) -> usize {
        Opaque::from(&*self.to_string()).tls_serialized_len()
    }
}

impl Serialize for Authority {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        Opaque::from(&*self.to_string()).tls_serialize(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_one_text() {
        for (text, port) in
            [("ds.example.org", 443), ("localhost:8443", 8443), ("a.b:1", 1), ("a:65535", 65535)]
        {
            let authority: Authority = text.parse().unwrap();
            assert_eq!((authority.to_string().as_str(), authority.port()), (text, port));
            assert_eq!(Authority::new(authority.domain().clone(), port), Some(authority));
        }
        let domain: Domain = "a.b".parse().unwrap();
        assert_eq!(Authority::from(domain.clone()), "a.b".parse().unwrap());
        assert_eq!(Authority::new(domain, 0), None);
        for text in ["a.b:443", "a.b:", "a.b:0", "a.b:080", "a.b:+80", "a.b:65536", "a.b:80:80", "a.b: 80"] {
            assert_eq!(text.parse::<Authority>(), Err(AuthorityError::Port), "{text}");
        }
        for text in ["", ":80", "A.b", "a.b.", "127.0.0.1:80", "[::1]:80", "alice@a.b"] {
            assert!(text.parse::<Authority>().is_err(), "{text}");
        }
        assert!(matches!("A.b:80".parse::<Authority>(), Err(AuthorityError::Host(_))));
    }
}
