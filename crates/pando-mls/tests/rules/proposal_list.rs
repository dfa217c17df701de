//! Section 12.2: proposals that are invalid together, or in a Commit of this committer.

use crate::forge::{
    Strict, add, by_value, custom, external_init, key_package, psk, remove, set_extensions, stranger, update,
};
use crate::stage::Stage;
use crate::world::{Member, client, external_psk};
use pando_mls::{CommitBuilder, Processed, Violation};
use pando_wire::{Credential, Extensions, LeafIndex, ProposalOrRef, ProposalRef, ProposalType, Sender};

fn refer(reference: &ProposalRef) -> ProposalOrRef {
    ProposalOrRef::Reference(reference.clone())
}

#[test]
fn nobody_commits_an_update_of_their_own() {
    let mut stage = Stage::new();
    let leaf_node = stage.puppet.updated_leaf(|_| {});
    assert_eq!(stage.forbidden(&[update(leaf_node.clone())]), Violation::OwnUpdate);
    // This holds even for an Update that was properly proposed.
    let (message, reference) = stage.puppet.propose(update(leaf_node));
    stage.hear(&message);
    let commit = stage.puppet.commit_of(vec![refer(&reference)], None);
    assert_eq!(stage.refused(&commit), Violation::OwnUpdate);
    stage.lives_on();
}

#[test]
fn nobody_removes_themselves() {
    let mut stage = Stage::new();
    assert_eq!(stage.refused_commit(&[remove(0)]), Violation::OwnRemove);
    assert_eq!(stage.not_built(&[remove(1)]), Violation::OwnRemove);
    let (message, reference) = stage.puppet.propose(remove(0));
    stage.hear(&message);
    let commit = stage.puppet.commit_of(vec![refer(&reference)], None);
    assert_eq!(stage.refused(&commit), Violation::OwnRemove);
    stage.lives_on();
}

#[test]
fn one_thing_happens_to_a_leaf() {
    let mut stage = Stage::new();
    assert_eq!(stage.forbidden(&[remove(2), remove(2)]), Violation::SameLeaf(LeafIndex(2)));
    // Another member's Commit covers an Update of the puppet and its Remove, or two Updates.
    let [first, second] = [(); 2].map(|()| {
        let leaf_node = stage.puppet.updated_leaf(|_| {});
        let (message, reference) = stage.puppet.propose(update(leaf_node));
        stage.hear(&message);
        refer(&reference)
    });
    let remove = ProposalOrRef::Proposal(remove(0));
    let committer = Sender::Member(stage.members[0].leaf());
    for list in [
        vec![first.clone(), second.clone()],
        vec![first.clone(), remove.clone()],
        vec![remove, second],
        vec![first.clone(), first],
    ] {
        let commit = stage.puppet.commit_as(committer, list, None, &*stage.members[0].signer);
        assert_eq!(stage.refused(&commit), Violation::SameLeaf(LeafIndex(0)));
    }
    stage.lives_on();
}

#[test]
fn a_client_is_added_once() {
    let mut stage = Stage::new();
    let added = add(key_package(&mut stage.puppet, |_| {}));
    assert_eq!(stage.forbidden(&[added.clone(), added]), Violation::SameClient);
    stage.lives_on();
}

#[test]
fn a_client_is_what_the_policy_says() {
    let mut stage = Stage::with(|setting| setting.policy = &Strict);
    let twins = [(); 2].map(|()| {
        add(key_package(&mut stage.puppet, |template| {
            template.credential = Credential::Basic { identity: b"a twin".as_slice().into() };
        }))
    });
    assert_eq!(stage.forbidden(&twins), Violation::SameClient);
    stage.lives_on();
}

/// A client cannot be added or join while it is in the group, whatever its keys, unless the Commit
/// removes it.
#[test]
fn a_client_is_not_there_twice() {
    let mut stage = Stage::with(|setting| setting.policy = &Strict);
    let second = Credential::Basic { identity: b"second".as_slice().into() };
    let again = add(key_package(&mut stage.puppet, |template| template.credential = second.clone()));
    assert_eq!(stage.forbidden(std::slice::from_ref(&again)), Violation::SameClient);

    let (tree, signer) = (stage.puppet.tree.clone(), stranger(stage.puppet.suite));
    let path = stage.puppet.external_path(&tree, &*signer, |leaf| leaf.credential = second);
    let init = by_value(&[external_init()]);
    let commit = stage.puppet.commit_as(Sender::NewMemberCommit, init, Some(path), &*signer);
    assert_eq!(stage.refused(&commit), Violation::SameClient);

    // This works in either order: only the resulting membership counts.
    for list in [[again.clone(), remove(2)], [remove(2), again]] {
        let Member { group, signer, .. } = &mut stage.members[0];
        let client = client(&**signer).with_policy(stage.policy);
        let builder = list.into_iter().fold(group.commit(), CommitBuilder::proposal);
        let output = builder
            .build(&client, &mut stage.puppet.rng)
            .unwrap()
            .persist_to(&mut stage.members[0].rows)
            .unwrap();
        let staged = stage.members[1].process_with(&output.message, stage.policy).unwrap();
        assert!(matches!(staged, Processed::Commit(staged) if staged.removes_me()));
        stage.members[0].clear_pending();
    }
    stage.lives_on();
}

#[test]
fn a_psk_is_mixed_in_once() {
    let mut stage = Stage::new();
    let proposal = psk(external_psk(1), stage.puppet.suite.hash_len());
    assert_eq!(stage.forbidden(&[proposal.clone(), proposal.clone()]), Violation::DuplicatePsk);
    let (message, reference) = stage.puppet.propose(proposal.clone());
    stage.hear(&message);
    let list = vec![refer(&reference), ProposalOrRef::Proposal(proposal)];
    let commit = stage.puppet.commit_of(list, None);
    assert_eq!(stage.refused(&commit), Violation::DuplicatePsk);
    stage.lives_on();
}

#[test]
fn the_extensions_change_once() {
    let mut stage = Stage::new();
    let twice = [(); 2].map(|()| set_extensions(Extensions::default()));
    assert_eq!(stage.forbidden(&twice), Violation::SeveralGroupContextExtensions);
    stage.lives_on();
}

#[test]
fn everybody_who_stays_knows_the_types_of_proposals() {
    let mut stage = Stage::new();
    let unknown = Violation::ProposalTypeUnsupported(ProposalType(0xf00d));
    assert_eq!(stage.forbidden(&[custom(0xf00d, b"")]), unknown);
    assert_eq!(stage.forbidden(&[remove(2), custom(0xf00d, b"")]), unknown);
    assert_eq!(stage.forbidden(&[custom(0xf001, b""), custom(0xf00d, b"")]), unknown);
    // All members list this GREASE value, but it is not the type of any proposal (section 13.5).
    let grease = Violation::ProposalTypeUnsupported(ProposalType(0x2a2a));
    assert_eq!(stage.forbidden(&[custom(0x2a2a, b"")]), grease);
    // A type that all members support is committed: the Commit lacks only its path.
    assert_eq!(stage.refused_commit(&[custom(0xf001, b"")]), Violation::PathRequired);
    stage.lives_on();
}
