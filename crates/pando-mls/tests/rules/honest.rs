//! The puppet can also follow the rules, and then members accept its messages. Without this
//! control, its rejected messages would prove nothing.

use crate::forge::{by_value, external_senders, psk_id, remove, set_extensions, template, update};
use crate::puppet::{PUPPET, Puppet};
use crate::stage::Stage;
use crate::world::{Newcomer, client, external_psk, leaf_template, suites};
use pando_mls::{ExternalJoin, Processed};
use pando_schedule::PskValue;
use pando_wire::{LeafIndex, ProposalOrRef};

#[test]
fn with_every_cipher_suite() {
    for suite in suites() {
        Stage::with(|setting| setting.suite = suite).lives_on();
    }
}

#[test]
fn with_proposals_that_it_sends_and_that_it_does_not() {
    let mut stage = Stage::new();
    let senders = external_senders(&[&*stage.members[0].signer]);
    let (message, reference) = stage.puppet.propose(set_extensions(senders.clone()));
    stage.hear(&message);
    let proposals = [by_value(&[remove(2)]), vec![ProposalOrRef::Reference(reference)]].concat();
    let commit = stage.puppet.commit(proposals, |tree, extensions| {
        tree.remove(LeafIndex(2)).unwrap();
        tree.truncate().unwrap();
        *extensions = senders;
    });
    let mut gone = stage.members.pop().unwrap();
    let Processed::Commit(staged) = gone.process(&commit).unwrap() else { panic!("not a Commit") };
    assert!(staged.removes_me());
    stage.follow(&commit);
}

#[test]
fn with_an_update_of_its_own_that_another_commits() {
    let mut stage = Stage::new();
    let leaf = stage.puppet.updated_leaf(|_| {});
    let (message, _) = stage.puppet.propose(update(leaf.clone()));
    stage.hear(&message);
    let (first, second) = stage.members.split_at_mut(1);
    let (message, _) = first[0].build(|builder| builder, &mut stage.puppet.rng).unwrap();
    first[0].merge_pending();
    let Processed::Commit(staged) = second[0].process(&message).unwrap() else { panic!("not a Commit") };
    second[0].merge(*staged);
    assert_eq!(second[0].group.public().tree().leaf(PUPPET).unwrap(), Some(leaf));
    assert_eq!(first[0].group.epoch_authenticator(), second[0].group.epoch_authenticator());
}

#[test]
fn when_it_invites_with_a_psk_and_describes_the_group() {
    for suite in suites() {
        let mut puppet = Puppet::new(suite);
        let newcomer = Newcomer::new(suite, template(), &mut puppet.rng);
        let id = psk_id(external_psk(5), suite.hash_len());
        puppet.psks.push((id, PskValue::from(vec![5, 5])));
        puppet.seat(&newcomer.bundle.key_package);
        let welcome = puppet.welcome(&newcomer.bundle.key_package);
        let member = newcomer.join(&welcome, None, pando_mls::GroupConfig::default()).unwrap();
        assert_eq!(member.group.epoch_authenticator().unwrap().expose(), puppet.epoch_authenticator());

        // A client joins by the puppet's GroupInfo, and the member follows.
        let newcomer = Newcomer::new(suite, template(), &mut puppet.rng);
        let group_info = puppet.group_info();
        let (tree, resync, psks) = (None, None, Vec::new());
        let join = ExternalJoin::new(&group_info, leaf_template()).tree(tree).replace_leaf(resync).psks(psks);
        let (mut joined, message) =
            join.build(&client(&*newcomer.signer), &mut puppet.rng).unwrap().assume_persisted();
        let _ = joined.merge_pending().unwrap();
        let mut member = member;
        let Processed::Commit(staged) = member.process(&message).unwrap() else { panic!("not a Commit") };
        member.merge(*staged);
        assert_eq!(member.group.epoch_authenticator(), joined.epoch_authenticator());
    }
}
