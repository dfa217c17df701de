//! Shows that members accept the raw member's messages if it follows the rules. Without this
//! control, the rejection of its other messages would prove nothing.

use crate::fixture::RuleFixture;
use crate::group_fixture::{Newcomer, client, external_psk, leaf_template, suites};
use crate::material::{by_value, external_senders, psk_id, remove, set_extensions, template, update};
use crate::raw_member::{RAW_MEMBER, RawMember};
use pando_mls::{ExternalJoin, Processed};
use pando_schedule::PskValue;
use pando_wire::{LeafIndex, ProposalOrRef};

#[test]
fn with_every_cipher_suite() {
    for suite in suites() {
        RuleFixture::with(|parameters| parameters.suite = suite).check_still_works();
    }
}

#[test]
fn with_proposals_that_it_sends_and_that_it_does_not() {
    let mut fixture = RuleFixture::new();
    let senders = external_senders(&[&*fixture.members[0].signer]);
    let (message, reference) = fixture.raw_member.propose(set_extensions(senders.clone()));
    fixture.deliver_proposal(&message);
    let proposals = [by_value(&[remove(2)]), vec![ProposalOrRef::Reference(reference)]].concat();
    let commit = fixture.raw_member.commit(proposals, |tree, extensions| {
        tree.remove(LeafIndex(2)).unwrap();
        tree.truncate().unwrap();
        *extensions = senders;
    });
    let mut gone = fixture.members.pop().unwrap();
    let Processed::Commit(staged) = gone.process(&commit).unwrap() else { panic!("not a Commit") };
    assert!(staged.removes_me());
    fixture.follow(&commit);
}

#[test]
fn with_an_update_of_its_own_that_another_commits() {
    let mut fixture = RuleFixture::new();
    let leaf = fixture.raw_member.updated_leaf(|_| {});
    let (message, _) = fixture.raw_member.propose(update(leaf.clone()));
    fixture.deliver_proposal(&message);
    let (first, second) = fixture.members.split_at_mut(1);
    let (message, _) = first[0].build(|builder| builder, &mut fixture.raw_member.rng).unwrap();
    first[0].merge_pending();
    let Processed::Commit(staged) = second[0].process(&message).unwrap() else { panic!("not a Commit") };
    second[0].merge(*staged);
    assert_eq!(second[0].group.public().tree().leaf(RAW_MEMBER).unwrap(), Some(leaf));
    assert_eq!(first[0].group.epoch_authenticator(), second[0].group.epoch_authenticator());
}

#[test]
fn when_it_invites_with_a_psk_and_describes_the_group() {
    for suite in suites() {
        let mut raw_member = RawMember::new(suite);
        let newcomer = Newcomer::new(suite, template(), &mut raw_member.rng);
        let id = psk_id(external_psk(5), suite.hash_len());
        raw_member.psks.push((id, PskValue::from(vec![5, 5])));
        raw_member.add_leaf(&newcomer.bundle.key_package);
        let welcome = raw_member.welcome(&newcomer.bundle.key_package);
        let member = newcomer.join(&welcome, None, pando_mls::GroupConfig::default()).unwrap();
        assert_eq!(member.group.epoch_authenticator().unwrap().expose(), raw_member.epoch_authenticator());

        // A client joins by the raw member's GroupInfo, and the member follows its Commit.
        let newcomer = Newcomer::new(suite, template(), &mut raw_member.rng);
        let group_info = raw_member.group_info();
        let (tree, resync, psks) = (None, None, Vec::new());
        let join = ExternalJoin::new(&group_info, leaf_template()).tree(tree).replace_leaf(resync).psks(psks);
        let (mut joined, message) =
            join.build(&client(&*newcomer.signer), &mut raw_member.rng).unwrap().assume_persisted();
        let _ = joined.merge_pending().unwrap();
        let mut member = member;
        let Processed::Commit(staged) = member.process(&message).unwrap() else { panic!("not a Commit") };
        member.merge(*staged);
        assert_eq!(member.group.epoch_authenticator(), joined.epoch_authenticator());
    }
}
