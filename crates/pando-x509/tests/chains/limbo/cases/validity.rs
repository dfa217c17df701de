//! Cases about validity periods.

use super::{FAILURE, SUCCESS, below, ca, leaf};
use crate::limbo::format::{Expected, Testcase};

/// Creates a case in which each certificate is valid from the start of one year to the start of
/// another.
fn years(id: &str, root: [u8; 2], intermediate: [u8; 2], client: [u8; 2]) -> Testcase {
    let year = |year: u8| format!("{year:02}0101000000Z");
    let [root, intermediate, client] = [(ca("root"), root), (ca("ca"), intermediate), (leaf(), client)]
        .map(|(template, [from, until])| template.valid_as_written(&year(from), &year(until)));
    below(id, FAILURE, root, intermediate, client).at("2022-01-01T00:00:00+00:00")
}

/// Creates a case whose chain is valid until the first second of April 2024, inclusive.
fn march(id: &str, expected: Expected, from: &str, time: &str) -> Testcase {
    let [root, intermediate, client] =
        [ca("root"), ca("ca"), leaf()].map(|template| template.valid_as_written(from, "240401000000Z"));
    below(id, expected, root, intermediate, client).at(time)
}

pub(super) fn cases() -> Vec<Testcase> {
    let start = "240301000000Z";
    vec![
        years("rfc5280::validity::expired-root", [16, 20], [16, 26], [18, 23]),
        years("rfc5280::validity::expired-intermediate", [16, 26], [16, 20], [18, 23]),
        years("rfc5280::validity::expired-leaf", [16, 26], [16, 26], [18, 21]),
        march("rfc5280::validity::notbefore-exact", SUCCESS, start, "2024-03-01T00:00:00+00:00"),
        march(
            "rfc5280::validity::notbefore-fractional",
            FAILURE,
            "240301000001Z",
            "2024-03-01T00:00:00.999+00:00",
        ),
        march("rfc5280::validity::notafter-exact", SUCCESS, start, "2024-04-01T00:00:00+00:00"),
        march("rfc5280::validity::notafter-fractional", SUCCESS, start, "2024-04-01T00:00:00.005+00:00"),
        march("rfc5280::validity::expired-1-second", FAILURE, start, "2024-04-01T00:00:01+00:00"),
        march("rfc5280::validity::expired-5-seconds", FAILURE, start, "2024-04-01T00:00:05+00:00"),
        march(
            "rfc5280::validity::not-yet-valid-1-second",
            FAILURE,
            "240301000001Z",
            "2024-03-01T00:00:00+00:00",
        ),
        march(
            "rfc5280::validity::not-yet-valid-5-seconds",
            FAILURE,
            "240301000005Z",
            "2024-03-01T00:00:00+00:00",
        ),
    ]
}
