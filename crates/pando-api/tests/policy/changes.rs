//! A Commit that changes the policy is judged by the policy of the epoch before.

use crate::fixture::{Device, Fixture, policy, refused};
use crate::proposals::{add, remove, set_extensions};
use pando_api::{Permission, Policy, PolicyViolation};

const CLIENTS: [&str; 4] = [
    "alice@example.org/laptop",
    "bob@example.org/laptop",
    "carol@example.org/laptop",
    "carol@example.org/phone",
];

#[test]
fn a_commit_that_gives_a_right_does_not_use_it() {
    let old = policy(&["alice@example.org"]);
    let mut fixture = Fixture::new(&old, &CLIENTS);
    let new = Policy { remove: Permission::Everyone, ..policy(&["alice@example.org", "bob@example.org"]) };
    let extensions = fixture.extensions_with(&new);
    // Bob proposes a removal that only the new policy allows. Alice commits both.
    let message = fixture.propose(1, remove(2));
    let violation = refused(PolicyViolation::Remove);
    assert_eq!(fixture.hear(Some(1), Some(0), &message), violation);
    let set = set_extensions(extensions);
    let made = fixture.build(0, &pando_mls::AdmitAll, |builder| builder.proposal(set.clone())).unwrap();
    assert_eq!(fixture.receive(Some(0), &made), violation);
    // In the next epoch, the new policy counts.
    fixture.clear(0);
    fixture.commit(0, |builder| builder.proposal(set.clone()).without_pending());
    assert_eq!(fixture.verdict_of(1, &[remove(2)]), Ok(()));
    let dave = add(fixture.key_package(&Device::certified("dave@example.org/laptop", 1)));
    assert_eq!(fixture.verdict_of(1, std::slice::from_ref(&dave)), Ok(()));
    assert_eq!(fixture.verdict_of(2, &[dave]), refused(PolicyViolation::Add));
    assert_eq!(fixture.verdict_of(1, &[set]), Ok(()));
}

#[test]
fn a_commit_that_takes_a_right_may_use_it() {
    let old = Policy { remove: Permission::Everyone, ..policy(&["alice@example.org"]) };
    let mut fixture = Fixture::new(&old, &CLIENTS);
    let new = set_extensions(fixture.extensions_with(&policy(&["alice@example.org"])));
    let message = fixture.propose(1, remove(2));
    assert_eq!(fixture.hear(Some(1), None, &message), Ok(()));
    assert_eq!(fixture.verdict_of(0, std::slice::from_ref(&new)), Ok(()));
    fixture.commit(0, |builder| builder.proposal(new));
    assert_eq!(fixture.verdict_of(1, &[remove(3)]), refused(PolicyViolation::Remove));
}

/// An admin that stops being an admin in this Commit may still make the rest of it.
#[test]
fn an_admin_hands_over() {
    let mut fixture = Fixture::new(&policy(&["alice@example.org"]), &CLIENTS);
    let new = set_extensions(fixture.extensions_with(&policy(&["bob@example.org"])));
    let proposals = [new.clone(), remove(2)];
    assert_eq!(fixture.verdict_of(0, &proposals), Ok(()));
    fixture.commit(0, |builder| builder.proposals(proposals.iter().cloned()));
    assert_eq!(fixture.verdict_of(0, std::slice::from_ref(&new)), refused(PolicyViolation::Extensions));
    assert_eq!(fixture.verdict_of(1, &[new]), Ok(()));
}
