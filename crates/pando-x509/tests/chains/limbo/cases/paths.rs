//! Cases about the lengths of paths and about certificates that are not part of a path.

use super::{FAILURE, SUCCESS, ca, case, leaf};
use crate::limbo::format::{Expected, Testcase};
use crate::names::dns;
use crate::pki::{Certified, P384};
use x509_cert::name::Name;

pub(super) fn cases() -> Vec<Testcase> {
    [lengths(), depths(), cycles(), detours()].concat()
}

/// Creates a case with a root, a sequence of CAs with the given path lengths, each below the
/// previous one, and a leaf.
fn chain(id: &str, expected: Expected, lengths: &[Option<u8>]) -> Testcase {
    let root = ca("root").self_signed();
    let mut authorities: Vec<Certified> = Vec::new();
    for (depth, length) in lengths.iter().enumerate() {
        let authority = ca(&format!("ca {depth}")).constraints(true, *length);
        authorities.push(authority.signed_by(authorities.last().unwrap_or(&root)));
    }
    let pool: Vec<_> = authorities.iter().collect();
    case(id, expected, &[&root], &pool, &leaf().signed_by(authorities.last().unwrap_or(&root)))
}

fn lengths() -> Vec<Testcase> {
    let root = ca("root").self_signed();
    let first = ca("ca").constraints(true, Some(0)).signed_by(&root);
    let as_leaf =
        ca("ca as leaf").names(vec![dns("example.com")]).constraints(true, Some(0)).signed_by(&first);
    // The second CA has the same name as the first.
    let above = ca("ca").constraints(true, Some(1)).signed_by(&root);
    let again = ca("ca").suite(P384).constraints(true, Some(1)).signed_by(&above);
    let last = ca("last").constraints(true, Some(0)).signed_by(&again);
    vec![
        chain("pathlen::ee-with-intermediate-pathlen-0", SUCCESS, &[Some(0)]),
        chain("pathlen::ee-with-intermediate-pathlen-1", SUCCESS, &[Some(1)]),
        chain("pathlen::ee-with-intermediate-pathlen-2", SUCCESS, &[Some(2)]),
        case("pathlen::validation-ignores-pathlen-in-leaf", SUCCESS, &[&root], &[&first], &as_leaf),
        chain("pathlen::intermediate-violates-pathlen-0", FAILURE, &[Some(0), Some(0)]),
        chain("pathlen::intermediate-pathlen-may-increase", SUCCESS, &[Some(1), Some(2)]),
        chain("pathlen::intermediate-pathlen-too-long", FAILURE, &[Some(1), Some(0), Some(0)]),
        case(
            "pathlen::self-issued-certs-pathlen",
            SUCCESS,
            &[&root],
            &[&above, &again, &last],
            &leaf().signed_by(&last),
        ),
    ]
}

fn depths() -> Vec<Testcase> {
    let root = ca("root").self_signed();
    let above = ca("ca").signed_by(&root);
    let again = ca("ca").suite(P384).signed_by(&above);
    vec![
        chain("pathlen::max-chain-depth-0", SUCCESS, &[]).max_depth(0),
        chain("pathlen::max-chain-depth-0-exhausted", FAILURE, &[None]).max_depth(0),
        chain("pathlen::max-chain-depth-1", SUCCESS, &[None]).max_depth(1),
        chain("pathlen::max-chain-depth-1-exhausted", FAILURE, &[None, None]).max_depth(1),
        case(
            "pathlen::max-chain-depth-1-self-issued",
            SUCCESS,
            &[&root],
            &[&above, &again],
            &leaf().signed_by(&again),
        )
        .max_depth(1),
    ]
}

/// Returns cases in which CAs certify each other but no root certifies them.
fn cycles() -> Vec<Testcase> {
    let root = ca("root").self_signed();
    // These certificates provide the keys of both CAs, but are not part of the cases.
    let (one, other) = (ca("one").self_signed(), ca("other").self_signed());
    let one_below = ca("one").for_key(ca("one").self_signed().signer, &other);
    let other_below = ca("other").for_key(ca("other").self_signed().signer, &one);
    let distinct = |id| case(id, FAILURE, &[&root], &[&one_below, &other_below], &leaf().signed_by(&one));

    let name = one.name.clone();
    let second = ca("other").subject(name.clone()).for_key(ca("other").self_signed().signer, &one);
    let first = ca("one").subject(name).for_key(ca("one").self_signed().signer, &second);
    vec![
        distinct("pathological::intermediate-cycle-distinct-cas"),
        distinct("pathological::intermediate-cycle-distinct-cas-max-depth").max_depth(255),
        case(
            "pathological::intermediate-cycle-same-logical-ca",
            FAILURE,
            &[&root],
            &[&first, &second],
            &leaf().signed_by(&first),
        ),
        unrooted("pathological::pathological-chain-distinct-subject-distinct-key", false, false),
        unrooted("pathological::pathological-chain-same-subject-distinct-key", true, false),
        unrooted("pathological::pathological-chain-distinct-subject-same-key", false, true),
        unrooted("pathological::pathological-chain-same-subject-same-key", true, true),
    ]
}

/// Creates a case with a long sequence of CAs, each below the previous one, that does not lead to
/// the root.
fn unrooted(id: &str, is_one_name: bool, is_one_key: bool) -> Testcase {
    let root = ca("root").self_signed();
    let mut authorities: Vec<Certified> = Vec::new();
    for number in 0..30 {
        let template = |number: usize| ca(&format!("ca {number}"));
        let signer = template(if is_one_key { 0 } else { number }).self_signed().signer;
        let template = template(if is_one_name { 0 } else { number });
        let authority = match authorities.last() {
            Some(issuer) => template.for_key(signer, issuer),
            None => template.self_signed(),
        };
        authorities.push(authority);
    }
    let pool: Vec<_> = authorities.iter().collect();
    case(id, FAILURE, &[&root], &pool, &leaf().signed_by(authorities.last().unwrap()))
}

/// Returns cases with certificates that are not part of the path.
fn detours() -> Vec<Testcase> {
    let root = ca("root").self_signed();
    let authority = ca("ca").signed_by(&root);
    let unrelated = ca("unrelated root").self_signed();
    let client = leaf().signed_by(&authority);
    let expired = ca("root").valid(0, 1).for_key(ca("root").self_signed().signer, &unrelated);

    // The root certifies other CAs, which also certify the root.
    let [b, c] = ["b", "c"].map(|name| ca(name).signed_by(&root));
    let crossed = |name: &str, issuer: &Certified| ca(name).for_key(ca(name).self_signed().signer, issuer);
    let [root_by_b, root_by_c] = [&b, &c].map(|issuer| crossed("root", issuer));
    let (b_by_c, c_by_b) = (crossed("b", &c), crossed("c", &b));
    let bare = leaf().subject(Name::default()).names(vec![dns("cve-2024-0567.example.com")]);
    vec![
        case("rfc5280::chain-untrusted-root", FAILURE, &[&unrelated], &[&root, &authority], &client),
        case("rfc5280::root-and-intermediate-swapped", SUCCESS, &[&authority], &[&root], &client),
        case(
            "pathological::multiple-chains-expired-intermediate",
            SUCCESS,
            &[&root, &unrelated],
            &[&expired],
            &leaf().signed_by(&root),
        ),
        case(
            "cve::cve-2024-0567",
            SUCCESS,
            &[&root],
            &[&authority, &root_by_b, &root_by_c, &b, &b_by_c, &c, &c_by_b],
            &bare.signed_by(&authority),
        )
        .named("DNS", "cve-2024-0567.example.com"),
    ]
}
