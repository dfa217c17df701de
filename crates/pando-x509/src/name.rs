//! Names in certificates.

use rustls_pki_types::DnsName;

/// Returns whether the text is a domain name in the preferred syntax (RFC 5280, section 4.2.1.6): no wildcard, no
/// underscore, no dot at an end, no IP address.
pub(crate) fn is_host(text: &str) -> bool {
    !text.contains('_') && !text.ends_with('.') && DnsName::try_from(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn hosts() {
        for host in ["example.org", "localhost", "a-b.EXAMPLE", "1.example", "xn--bcher-kva.example"] {
            assert!(is_host(host), "{host}");
        }
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            ".example.org",
            "example.org.",
            "a..b",
            "*.example.org",
            "a_b.example",
            "192.0.2.1",
            "-a.b",
            "a-.b",
            "bücher.example",
            " a.b",
            &long,
        ] {
            assert!(!is_host(text), "{text}");
        }
    }
}
