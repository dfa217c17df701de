//! The URL of a server (docs/protocol.md, sections 1 and 6.1).

use pando_api::{Authority, AuthorityError};

/// Reason why a text is not the URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is not `https`. Requests over plain HTTP would reveal the token.
    #[error("URL of a server begins with https://")]
    Scheme,
    /// The rest is not an authority.
    #[error("URL of a server: {0}")]
    Authority(#[from] AuthorityError),
}

/// Returns the authority of the server with this URL, for example `https://ds.example.org`. The
/// path is absent or `/`.
///
/// # Errors
/// [`UrlError`] if the scheme is not `https`, or the rest is not an authority.
pub fn authority_of_url(url: &str) -> Result<Authority, UrlError> {
    let rest = url.strip_prefix("https://").ok_or(UrlError::Scheme)?;
    Ok(rest.strip_suffix('/').unwrap_or(rest).parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_the_scheme_https_and_no_path() {
        for (url, authority) in [
            ("https://ds.example.org", "ds.example.org"),
            ("https://ds.example.org/", "ds.example.org"),
            ("https://localhost:8443", "localhost:8443"),
        ] {
            assert_eq!(authority_of_url(url).unwrap().to_string(), authority);
        }
        for url in ["http://ds.example.org", "ds.example.org", "HTTPS://ds.example.org", "ftp://a.b", ""] {
            assert_eq!(authority_of_url(url), Err(UrlError::Scheme), "{url}");
        }
        for url in ["https://", "https://a.b/v1", "https://a.b//", "https://a@b.c", "https://127.0.0.1"] {
            assert!(matches!(authority_of_url(url), Err(UrlError::Authority(_))), "{url}");
        }
    }
}
