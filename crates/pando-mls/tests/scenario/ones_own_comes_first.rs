//! A committer's own proposals conflict with pending proposals of other members. The Commit covers
//! the committer's proposals, and the others wait.

use crate::group_fixture::{GroupFixture, fast_suites, leaf_template};
use crate::proposals::{extensions, reinit, set_extensions};
use pando_mls::{BasicIdentities, LeafTemplate, NewLeaf, Proposal, Suite};

/// Returns a group in which the last member has sent a proposal.
fn with_pending(suite: Suite, proposal: Proposal) -> GroupFixture {
    let mut fixture = GroupFixture::of(suite, 3);
    fixture.propose(2, proposal);
    fixture
}

/// Returns the template of a leaf that supports no extensions.
fn plain_leaf() -> LeafTemplate {
    let mut template = leaf_template();
    template.capabilities.extensions.clear();
    template
}

#[test]
fn one_ends_the_group_although_others_have_proposed_something() {
    for suite in fast_suites() {
        let mut fixture = with_pending(suite, set_extensions(extensions(&[])));
        let (message, _) =
            fixture.build(0, |builder| builder.reinit(reinit(suite, extensions(&[])))).unwrap();
        for member in &mut fixture.members {
            member.follow(&message);
            assert!(member.group.reinit().is_some());
        }
    }
}

#[test]
fn one_adds_who_does_not_support_the_extensions_that_others_want() {
    for suite in fast_suites() {
        let mut fixture = with_pending(suite, set_extensions(extensions(&[0xf0f0])));
        let plain = fixture.newcomer_with(|template| template.capabilities.extensions.clear());
        fixture.commit(0, |builder| builder.add(plain.key_package()));
        assert_eq!(fixture.context().extensions, extensions(&[]));
        assert_eq!(fixture.tree().member_count(), 4);
    }
}

#[test]
fn one_takes_a_leaf_that_does_not_support_the_extensions_that_others_want() {
    for suite in fast_suites() {
        let mut fixture = with_pending(suite, set_extensions(extensions(&[0xf0f0])));
        let signer = fixture.signer();
        let new_leaf = NewLeaf { template: plain_leaf(), signer: &*signer };
        let message = fixture.members[0].build_leaf(new_leaf, &BasicIdentities, &mut fixture.rng).unwrap();
        fixture.deliver_commit(0, &message);
        assert_eq!(fixture.context().extensions, extensions(&[]));
    }
}

#[test]
fn one_sets_extensions_that_the_leaf_which_another_wants_does_not_support() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let signer = fixture.signer();
        let new_leaf = NewLeaf { template: plain_leaf(), signer: &*signer };
        let message = fixture.members[2].propose_leaf(new_leaf, &BasicIdentities, &mut fixture.rng).unwrap();
        fixture.deliver_proposal(2, &message);
        fixture.commit(0, |builder| builder.extensions(extensions(&[0xf0f0])));
        assert_eq!(fixture.context().extensions, extensions(&[0xf0f0]));
    }
}
