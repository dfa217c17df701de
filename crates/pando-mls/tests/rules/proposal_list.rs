//! Tests of section 12.2: proposals that are invalid together, or that are invalid in a Commit of
//! this committer.

use crate::fixture::RuleFixture;
use crate::group_fixture::{Member, client, external_psk};
use crate::material::{
    Strict, add, by_value, custom, external_init, key_package, psk, remove, set_extensions, stranger, update,
};
use pando_mls::{CommitBuilder, Processed, Violation};
use pando_wire::{Credential, Extensions, LeafIndex, ProposalOrRef, ProposalRef, ProposalType, Sender};

fn refer(reference: &ProposalRef) -> ProposalOrRef {
    ProposalOrRef::Reference(reference.clone())
}

#[test]
fn nobody_commits_an_update_of_their_own() {
    let mut fixture = RuleFixture::new();
    let leaf_node = fixture.raw_member.updated_leaf(|_| {});
    assert_eq!(fixture.forbidden(&[update(leaf_node.clone())]), Violation::OwnUpdate);
    // This rule applies even to an Update that was properly proposed.
    let (message, reference) = fixture.raw_member.propose(update(leaf_node));
    fixture.deliver_proposal(&message);
    let commit = fixture.raw_member.commit_of(vec![refer(&reference)], None);
    assert_eq!(fixture.refused(&commit), Violation::OwnUpdate);
    fixture.check_still_works();
}

#[test]
fn nobody_removes_themselves() {
    let mut fixture = RuleFixture::new();
    assert_eq!(fixture.refused_commit(&[remove(0)]), Violation::OwnRemove);
    assert_eq!(fixture.not_built(&[remove(1)]), Violation::OwnRemove);
    let (message, reference) = fixture.raw_member.propose(remove(0));
    fixture.deliver_proposal(&message);
    let commit = fixture.raw_member.commit_of(vec![refer(&reference)], None);
    assert_eq!(fixture.refused(&commit), Violation::OwnRemove);
    fixture.check_still_works();
}

#[test]
fn one_thing_happens_to_a_leaf() {
    let mut fixture = RuleFixture::new();
    assert_eq!(fixture.forbidden(&[remove(2), remove(2)]), Violation::SameLeaf(LeafIndex(2)));
    // Another member's Commit covers an Update of the raw member together with its Remove, or
    // covers two Updates.
    let [first, second] = [(); 2].map(|()| {
        let leaf_node = fixture.raw_member.updated_leaf(|_| {});
        let (message, reference) = fixture.raw_member.propose(update(leaf_node));
        fixture.deliver_proposal(&message);
        refer(&reference)
    });
    let remove = ProposalOrRef::Proposal(remove(0));
    let committer = Sender::Member(fixture.members[0].leaf());
    for list in [
        vec![first.clone(), second.clone()],
        vec![first.clone(), remove.clone()],
        vec![remove, second],
        vec![first.clone(), first],
    ] {
        let commit = fixture.raw_member.commit_as(committer, list, None, &*fixture.members[0].signer);
        assert_eq!(fixture.refused(&commit), Violation::SameLeaf(LeafIndex(0)));
    }
    fixture.check_still_works();
}

#[test]
fn a_client_is_added_once() {
    let mut fixture = RuleFixture::new();
    let added = add(key_package(&mut fixture.raw_member, |_| {}));
    assert_eq!(fixture.forbidden(&[added.clone(), added]), Violation::SameClient);
    fixture.check_still_works();
}

#[test]
fn a_client_is_what_the_policy_says() {
    let mut fixture = RuleFixture::with(|parameters| parameters.policy = &Strict);
    let twins = [(); 2].map(|()| {
        add(key_package(&mut fixture.raw_member, |template| {
            template.credential = Credential::Basic { identity: b"a twin".as_slice().into() };
        }))
    });
    assert_eq!(fixture.forbidden(&twins), Violation::SameClient);
    fixture.check_still_works();
}

/// Shows that a client that is in the group cannot be added or join, no matter which keys it uses,
/// unless the Commit removes it.
#[test]
fn a_client_is_not_there_twice() {
    let mut fixture = RuleFixture::with(|parameters| parameters.policy = &Strict);
    let second = Credential::Basic { identity: b"second".as_slice().into() };
    let again = add(key_package(&mut fixture.raw_member, |template| template.credential = second.clone()));
    assert_eq!(fixture.forbidden(std::slice::from_ref(&again)), Violation::SameClient);

    let (tree, signer) = (fixture.raw_member.tree.clone(), stranger(fixture.raw_member.suite));
    let path = fixture.raw_member.external_path(&tree, &*signer, |leaf| leaf.credential = second);
    let init = by_value(&[external_init()]);
    let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, init, Some(path), &*signer);
    assert_eq!(fixture.refused(&commit), Violation::SameClient);

    // Either order of the two proposals is valid, because only the resulting membership counts.
    for list in [[again.clone(), remove(2)], [remove(2), again]] {
        let Member { group, signer, .. } = &mut fixture.members[0];
        let cx = client(&**signer).with_policy(fixture.policy);
        let builder = list.into_iter().fold(group.commit(), CommitBuilder::proposal);
        let output = builder
            .build(&cx, &mut fixture.raw_member.rng)
            .unwrap()
            .persist_to(&mut fixture.members[0].rows)
            .unwrap();
        let staged = fixture.members[1].process_with(&output.message, fixture.policy).unwrap();
        assert!(matches!(staged, Processed::Commit(staged) if staged.removes_me()));
        fixture.members[0].clear_pending();
    }
    fixture.check_still_works();
}

#[test]
fn a_psk_is_mixed_in_once() {
    let mut fixture = RuleFixture::new();
    let proposal = psk(external_psk(1), fixture.raw_member.suite.hash_len());
    assert_eq!(fixture.forbidden(&[proposal.clone(), proposal.clone()]), Violation::DuplicatePsk);
    let (message, reference) = fixture.raw_member.propose(proposal.clone());
    fixture.deliver_proposal(&message);
    let list = vec![refer(&reference), ProposalOrRef::Proposal(proposal)];
    let commit = fixture.raw_member.commit_of(list, None);
    assert_eq!(fixture.refused(&commit), Violation::DuplicatePsk);
    fixture.check_still_works();
}

#[test]
fn the_extensions_change_once() {
    let mut fixture = RuleFixture::new();
    let twice = [(); 2].map(|()| set_extensions(Extensions::default()));
    assert_eq!(fixture.forbidden(&twice), Violation::SeveralGroupContextExtensions);
    fixture.check_still_works();
}

#[test]
fn everybody_who_stays_knows_the_types_of_proposals() {
    let mut fixture = RuleFixture::new();
    let unknown = Violation::ProposalTypeUnsupported(ProposalType(0xf00d));
    assert_eq!(fixture.forbidden(&[custom(0xf00d, b"")]), unknown);
    assert_eq!(fixture.forbidden(&[remove(2), custom(0xf00d, b"")]), unknown);
    assert_eq!(fixture.forbidden(&[custom(0xf001, b""), custom(0xf00d, b"")]), unknown);
    // All members list this GREASE value, but it is not the type of any proposal (section 13.5).
    let grease = Violation::ProposalTypeUnsupported(ProposalType(0x2a2a));
    assert_eq!(fixture.forbidden(&[custom(0x2a2a, b"")]), grease);
    // A proposal of a type that all members support can be committed: this Commit lacks only its
    // path.
    assert_eq!(fixture.refused_commit(&[custom(0xf001, b"")]), Violation::PathRequired);
    fixture.check_still_works();
}
