//! The cases for which the policy's result differs from that of x509-limbo, with the reasons.

use super::format::Expected;

/// A set of cases, with the result that x509-limbo expects and the reason for the policy's
/// different result.
pub(crate) struct Deviation {
    pub(crate) expected: Expected,
    pub(crate) reason: &'static str,
    pub(crate) cases: &'static [&'static str],
}

pub(crate) const DEVIATIONS: [Deviation; 17] = [
    // In these cases, the policy is stricter than x509-limbo.
    Deviation {
        expected: Expected::Success,
        reason: "A CA is not a client.",
        cases: &["pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"],
    },
    Deviation {
        expected: Expected::Success,
        reason: "No two issuers of a chain may have the same name, so that no search is needed.",
        cases: &["pathlen::self-issued-certs-pathlen", "pathlen::max-chain-depth-1-self-issued"],
    },
    Deviation {
        expected: Expected::Success,
        reason: "webpki also constrains the names of self-issued certificates.",
        cases: &["rfc5280::nc::permitted-self-issued"],
    },
    Deviation {
        expected: Expected::Success,
        reason: "webpki rejects names below constraints that it cannot compare: directory names and email addresses.",
        cases: &[
            "rfc5280::nc::permitted-dn-match",
            "rfc5280::nc::nc-permits-email-exact",
            "rfc5280::nc::nc-permits-email-domain",
            "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
            "rfc5280::nc::nc-permits-email-literal-double-asterisk",
            "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
        ],
    },
    Deviation {
        expected: Expected::Success,
        reason: "A CA with constraints on other kinds of names cannot certify an identity of this kind.",
        cases: &[
            "rfc5280::nc::permitted-different-constraint-type",
            "rfc5280::nc::excluded-different-constraint-type",
        ],
    },
    Deviation {
        expected: Expected::Success,
        reason: "A wildcard stands for many servers and identifies no client.",
        cases: &["webpki::san::leftmost-wildcard-san", "webpki::nc::nc-permits-dns-san-pattern"],
    },
    // In these cases, the policy is more lenient, because the certificate is not ambiguous.
    Deviation {
        expected: Expected::Failure,
        reason: "authorityKeyIdentifier helps to search for a path, and there is no search.",
        cases: &[
            "rfc5280::aki::leaf-missing-aki",
            "rfc5280::aki::intermediate-missing-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-ski-mismatch",
        ],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "subjectKeyIdentifier helps to search for a path, too.",
        cases: &["rfc5280::ski::root-missing-ski", "rfc5280::ski::intermediate-missing-ski"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "basicConstraints apply whether or not they are critical.",
        cases: &["rfc5280::root-non-critical-basic-constraints"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "nameConstraints apply whether or not they are critical. The Web PKI allows both.",
        cases: &["rfc5280::nc::permitted-dns-match-noncritical"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "An alternative name is a name whether or not it is critical.",
        cases: &[
            "rfc5280::san::noncritical-with-empty-subject",
            "webpki::san::san-critical-with-nonempty-subject",
        ],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "RFC 5280, section 4.1.2.2, asks receivers to be prepared for such serial numbers.",
        cases: &["rfc5280::serial::zero", "rfc5280::serial::negative"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "Certificate policies are not processed. As a critical extension they are rejected.",
        cases: &["rfc5280::pc::ica-noncritical-pc"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "The application decides how long it trusts an anchor.",
        cases: &["rfc5280::validity::expired-root"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "An unknown extension that is not critical is ignored.",
        cases: &["webpki::malformed-aia"],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "The common name is not a name of the client, so it need not match one. Only the Web PKI requires that.",
        cases: &[
            "webpki::cn::ipv4-hex-mismatch",
            "webpki::cn::ipv4-leading-zeros-mismatch",
            "webpki::cn::ipv6-uppercase-mismatch",
            "webpki::cn::ipv6-uncompressed-mismatch",
            "webpki::cn::ipv6-non-rfc5952-mismatch",
            "webpki::cn::punycode-not-in-san",
            "webpki::cn::utf8-vs-punycode-mismatch",
            "webpki::cn::not-in-san",
            "webpki::cn::case-mismatch",
        ],
    },
    Deviation {
        expected: Expected::Failure,
        reason: "RFC 5280 allows these key purposes. Only the Web PKI forbids them for servers.",
        cases: &[
            "webpki::eku::ee-anyeku",
            "webpki::eku::ee-critical-eku",
            "webpki::eku::ee-without-eku",
            "webpki::eku::root-has-eku",
        ],
    },
];

/// Returns the deviation that includes a case, or `None` if the policy does not deviate.
pub(crate) fn deviation(id: &str) -> Option<&'static Deviation> {
    DEVIATIONS.iter().find(|deviation| deviation.cases.contains(&id))
}
