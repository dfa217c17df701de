//! Tests of when two credentials have the same identity, and of when one credential may replace
//! another.

use crate::names::{KINDS, address, directory, dns, email, one_of_each, uri, with_kinds};
use crate::pki::{Certified, P256, P384, Pki, Template, credential, policy};
use der::Encode;
use pando_crypto::RustCrypto;
use pando_group::IdentityPolicy;
use pando_wire::Credential;
use pando_x509::{ChainError, Name, NameKind, X509Config, X509Identities};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

fn two_anchors() -> (X509Identities, Certified, Certified) {
    let one = Template::authority("one").self_signed();
    let other = Template::authority("other").self_signed();
    let policy = X509Identities::new(&RustCrypto, [&one.der, &other.der]).unwrap();
    (with_kinds(policy, &KINDS), one, other)
}

/// Returns whether each of two credentials may replace the other. All functions that compare
/// identities must give the same result.
fn are_same(policy: &X509Identities, one: &[&Certified], other: &[&Certified]) -> bool {
    let check = |chain: &[&Certified]| policy.check(&credential(chain), chain[0].key(), None);
    assert_eq!((check(one), check(other)), (Ok(()), Ok(())));
    let (one, other) = (credential(one), credential(other));
    let are_same = policy.may_succeed(&one, &other);
    assert_eq!(are_same, policy.may_succeed(&other, &one));
    assert_eq!(are_same, policy.identity(&one) == policy.identity(&other));
    assert_eq!(are_same, policy.identify(&one) == policy.identify(&other));
    assert_eq!(policy.client_id(&one), None);
    are_same
}

/// Returns a client for each kind of name, each with its own key.
fn clients(name: &str) -> Vec<(NameKind, Template)> {
    let client = |kind, names| (kind, Template::client("John Smith").names(names).suite(P256));
    let mut clients: Vec<_> =
        one_of_each(name).into_iter().map(|(kind, name)| client(kind, vec![name])).collect();
    clients.push((NameKind::Subject, Template::client("John Smith").without::<SubjectAltName>()));
    clients
}

#[test]
fn a_name_is_another_identity_below_another_anchor() {
    let (policy, one, other) = two_anchors();
    for (kind, template) in clients("john") {
        let ours = template.clone().signed_by(&one);
        let theirs = template.signed_by(&other);
        assert!(!are_same(&policy, &[&ours], &[&theirs]), "{kind}");
        for (client, root) in [(&ours, &one), (&theirs, &other)] {
            assert!(are_same(&policy, &[client], &[client, root]), "{kind}");
            let anchor = policy.identify(&credential(&[client])).unwrap().anchor;
            assert_eq!((anchor.key, anchor.subject), (root.key().clone(), root.name.to_der().unwrap()));
        }
    }
}

#[test]
fn not_even_with_the_same_keys() {
    let (policy, one, other) = two_anchors();
    let ours = Template::client("alice").signed_by(&one);
    let theirs = Template::client("alice").signed_by(&other);
    assert_eq!(ours.key(), theirs.key());
    assert!(!are_same(&policy, &[&ours], &[&theirs]));

    // Create two anchors with the same key but different names.
    let one_again = Template::authority("one").self_signed();
    let other = Template::authority("other").for_key(one_again.signer, &one);
    let policy = X509Identities::new(&RustCrypto, [&one.der, &other.der]).unwrap();
    let theirs = Template::client("alice").signed_by(&other);
    assert_eq!(one.key(), other.key());
    assert!(!are_same(&policy, &[&ours], &[&theirs]));
}

#[test]
fn a_name_that_is_not_global_is_another_identity_below_another_issuer() {
    let (policy, root, _) = two_anchors();
    let sales = Template::authority("sales").signed_by(&root);
    let research = Template::authority("research").signed_by(&root);
    let branch = Template::authority("sales").signed_by(&research);
    let renewed = Template::authority("sales").suite(P384).signed_by(&root);
    for (kind, template) in clients("john") {
        let client = |issuer| template.clone().signed_by(issuer);
        let [direct, below_sales, below_research, below_branch, below_renewed] =
            [&root, &sales, &research, &branch, &renewed].map(client);
        let chains: [&[&Certified]; 4] = [
            &[&direct],
            &[&below_sales, &sales],
            &[&below_research, &research],
            &[&below_branch, &branch, &research],
        ];
        for (at, one) in chains.into_iter().enumerate() {
            for (other_at, other) in chains.into_iter().enumerate() {
                let expected = at == other_at || kind.is_global();
                assert_eq!(are_same(&policy, one, other), expected, "{kind}: {at} and {other_at}");
            }
        }
        // The renewed authority is the same CA with another key.
        assert!(are_same(&policy, &[&below_sales, &sales], &[&below_renewed, &renewed]), "{kind}");
        let issuers = policy.identify(&credential(&[&below_branch, &branch, &research])).unwrap().issuers;
        let named = [&research, &branch].map(|issuer| issuer.name.to_der().unwrap());
        assert_eq!(issuers, if kind.is_global() { vec![] } else { named.to_vec() });
    }
}

#[test]
fn one_name_that_is_not_global_makes_the_identity_the_issuers() {
    let (policy, root, _) = two_anchors();
    let sales = Template::authority("sales").signed_by(&root);
    let template = Template::client("john").names(vec![uri("im:john@example.org"), directory("CN=john")]);
    let (direct, below) = (template.clone().signed_by(&root), template.signed_by(&sales));
    assert!(!are_same(&policy, &[&direct], &[&below, &sales]));
}

#[test]
fn an_anchor_that_changes_its_key_certifies_itself() {
    let old = Template::authority("root").self_signed();
    let new = Template::authority("root").suite(P384).signed_by(&old);
    let policy = with_kinds(policy(&old), &KINDS);
    for (kind, template) in clients("john") {
        let (before, after) = (template.clone().signed_by(&old), template.signed_by(&new));
        assert!(are_same(&policy, &[&before], &[&after, &new]), "{kind}");
    }
}

#[test]
fn an_anchor_that_is_issued_again_is_the_same() {
    let old = Template::authority("root").valid(0, 10).self_signed();
    let new = Template::authority("root").valid(0, 20).self_signed();
    let other_key = Template::authority("root").suite(P384).self_signed();
    let policy = X509Identities::new(&RustCrypto, [&old.der, &new.der, &other_key.der]).unwrap();
    let policy = with_kinds(policy, &KINDS);
    for (kind, template) in clients("john") {
        let (client, other) = (template.clone().signed_by(&old), template.signed_by(&other_key));
        assert!(are_same(&policy, &[&client, &old], &[&client, &new]), "{kind}");
        assert!(are_same(&policy, &[&client], &[&client, &new]), "{kind}");
        // The other anchor has the same name but its own key.
        assert!(!are_same(&policy, &[&client], &[&other]), "{kind}");
    }
}

#[test]
fn the_order_of_the_anchors_does_not_matter() {
    let roots = [P256, P384].map(|suite| Template::authority("root").suite(suite).self_signed());
    let policies = [[&roots[0], &roots[1]], [&roots[1], &roots[0]]]
        .map(|roots| X509Identities::new(&RustCrypto, roots.map(|root| &root.der)).unwrap());
    for root in &roots {
        let credential = credential(&[&Template::client("alice").signed_by(root)]);
        assert_eq!(policies[0].identity(&credential), policies[1].identity(&credential));
        assert_eq!(policies[0].identify(&credential).unwrap().anchor.key, *root.key());
    }
    // The order of the anchors also does not affect the reason for which a chain is rejected.
    let forger = Template::authority("forger").self_signed();
    let forger = Template::authority("root").for_key(forger.signer, &roots[0]);
    let client = Template::client("alice").signed_by(&forger);
    let [one, other] = policies.map(|policy| policy.check(&credential(&[&client]), client.key(), None));
    assert!(one.is_err());
    assert_eq!(one, other);
}

/// If several anchors have the same name, the signature determines the right one. One of them must
/// therefore have signed the chain.
#[test]
fn no_anchor_has_signed() {
    let roots = [P256, P384].map(|suite| Template::authority("root").suite(suite).self_signed());
    let policy = X509Identities::new(&RustCrypto, roots.iter().map(|root| &root.der)).unwrap();
    let forger = Template::authority("root").suite(crate::pki::ED25519).self_signed();
    let forged = credential(&[&Template::client("alice").signed_by(&forger)]);
    assert_eq!(policy.identify(&forged), Err(ChainError::Algorithm));
    assert!(policy.identity(&forged).is_empty());
    assert!(!policy.may_succeed(&forged, &forged));
}

#[test]
fn which_credential_may_succeed_which() {
    let Pki { root, authority, client } = Pki::new();
    let policy = policy(&root);
    let may = |old: &[&Certified], new: &[&Certified]| are_same(&policy, old, new);

    let names = |uri_name: &str, address_name: &str| {
        vec![uri(uri_name), dns("example.org"), email(address_name), address(1)]
    };
    let mut reversed = names("im:alice@example.org", "alice@example.org");
    let old = Template::client("alice").names(reversed.clone()).signed_by(&root);
    reversed.reverse();
    // The new certificate has the same names, but in another order and with another key, issuer and
    // subject.
    let new = Template::client("another").names(reversed).signed_by(&authority);
    assert!(may(&[&old], &[&new, &authority]));
    // The case of domains does not matter, and neither do names of kinds that do not identify
    // clients.
    let same = vec![uri("im:alice@example.org"), dns("EXAMPLE.org"), email("alice@EXAMPLE.org")];
    let same = Template::client("alice").names(same).signed_by(&root);
    assert!(may(&[&old], &[&same]));

    for names in [
        names("im:bob@example.org", "alice@example.org"),
        names("im:Alice@example.org", "alice@example.org"),
        names("im:alice@example.org", "Alice@example.org"),
        names("im:alice@example.org", "alice@example.org")[..2].to_vec(),
    ] {
        let other = Template::client("alice").names(names).signed_by(&root);
        assert!(!may(&[&old], &[&other]));
    }

    // Credentials without an identity cannot replace each other, or even themselves.
    let nameless = credential(&[&Template::client("alice").without::<SubjectAltName>().signed_by(&root)]);
    assert!(!policy.may_succeed(&nameless, &nameless));
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert!(!policy.may_succeed(&basic, &basic));
    assert!(!policy.may_succeed(&credential(&[&client, &authority]), &basic));
}

/// The equality of identities matters, because the members of a successor group are found by their
/// identities.
#[test]
fn credentials_that_may_succeed_each_other_have_the_same_identity_and_no_others() {
    let (policy, root, other_root) = two_anchors();
    let authority = Template::authority("authority").signed_by(&root);
    let lists: Vec<Vec<GeneralName>> = vec![
        vec![uri("u:a"), uri("u:bc")],
        vec![uri("u:ab"), uri("u:c")],
        vec![uri("u:abc")],
        vec![dns("abc")],
        vec![email("a@bc")],
        vec![dns("a"), uri("u:bc")],
        vec![address(1)],
        vec![address(2)],
        vec![directory("CN=alice")],
        vec![directory("CN=alice,O=Test")],
        vec![uri("im:alice@example.org"), address(1)],
        vec![uri("im:Alice@example.org"), address(1)],
    ];
    let mut certificates = Vec::new();
    for names in lists {
        let mut reversed = names.clone();
        reversed.reverse();
        certificates.push((Template::client("one").names(names).signed_by(&root), None));
        let another = Template::client("another").names(reversed);
        certificates.push((another.clone().signed_by(&authority), Some(&authority)));
        certificates.push((another.signed_by(&other_root), None));
    }
    for subject in ["alice", "alice", "bob"] {
        let template = Template::client(subject).without::<SubjectAltName>();
        certificates.push((template.clone().signed_by(&root), None));
        certificates.push((template.signed_by(&authority), Some(&authority)));
    }
    let chain = |(client, issuer): &(Certified, Option<&Certified>)| {
        let chain: Vec<_> = [client].into_iter().chain(*issuer).collect();
        credential(&chain)
    };
    let credentials: Vec<_> = certificates.iter().map(chain).collect();
    let mut pairs = 0;
    for old in &credentials {
        assert!(!policy.identity(old).is_empty());
        for new in &credentials {
            let are_same = policy.may_succeed(old, new);
            assert_eq!(are_same, policy.identity(old) == policy.identity(new));
            pairs += usize::from(are_same);
        }
    }
    // Each credential equals itself. For each of the six lists of global names, the credentials
    // from two issuers equal each other. The two credentials of Alice equal each other below both
    // issuers.
    assert_eq!(pairs, credentials.len() + 2 * 6 + 2 * 2);
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert!(policy.identity(&basic).is_empty());
}

#[test]
fn a_client_is_its_identity_if_identities_are_unique() {
    let (policy, one, other) = two_anchors();
    let unique = policy.with_config(X509Config::default().with_unique_identities(true));
    let client = |suite, root| credential(&[&Template::client("alice").suite(suite).signed_by(root)]);
    let id = |suite, root| unique.client_id(&client(suite, root)).unwrap();
    assert_eq!(id(P256, &one), id(P384, &one));
    assert_ne!(id(P256, &one), id(P256, &other));
    assert_eq!(id(P256, &one), unique.identity(&client(P256, &one)));
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert_eq!(unique.client_id(&basic), None);
}

#[test]
fn names_without_kinds() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").signed_by(&root);
    let identity = policy(&root).identify(&credential(&[&client])).unwrap();
    assert_eq!(identity.names, [Name::Uri("im:alice@example.org".into())].into());
    assert_eq!(identity.issuers, Vec::<Vec<u8>>::new());
}
