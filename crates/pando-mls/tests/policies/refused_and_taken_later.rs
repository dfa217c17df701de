//! Shows that a client can reject an encrypted handshake message because of its limits or rules,
//! and accept the message after they change. The later acceptance is not obvious, because message
//! keys can decrypt a message only once.

use crate::fixture::{AtMost, Fixture, Member, client, public_handshakes};
use pando_mls::{
    AdmitAll, DefaultRules, Exceeded, Extensions, Group, GroupConfig, GroupError, Limits, Processed,
};

fn reload(member: &mut Member, config: GroupConfig) {
    member.check_store();
    let cx = client(&*member.signer, member.rules, member.now, config);
    member.group = Group::load(&member.rows, &cx).unwrap();
}

#[test]
fn a_proposal_that_exceeds_a_limit() {
    let mut fixture = Fixture::with(&DefaultRules, 4, public_handshakes(), Extensions::default());
    let limits = Limits::default().with_pending_proposals(1);
    reload(&mut fixture.members[0], GroupConfig::default().with_limits(limits));
    fixture.members[1..].iter_mut().for_each(|member| reload(member, GroupConfig::default()));
    let first = fixture.members[1].propose_update(None, &mut fixture.rng).unwrap();
    let second = fixture.members[2].propose_update(None, &mut fixture.rng).unwrap();
    for proposal in [&first, &second] {
        fixture.members[3].process(proposal).unwrap();
    }
    fixture.members[0].process(&first).unwrap();
    let exceeded = fixture.members[0].process(&second).unwrap_err();
    assert_eq!(exceeded, GroupError::Exceeded(Exceeded::PendingProposals(1)));
    let output = fixture.build(3, |builder| builder).unwrap();
    reload(&mut fixture.members[0], GroupConfig::default());
    assert!(matches!(fixture.members[0].process(&second).unwrap(), Processed::Proposal(_)));
    assert!(matches!(fixture.members[0].process(&output.message).unwrap(), Processed::Commit(_)));
}

#[test]
fn a_commit_that_outdated_rules_refuse() {
    let mut fixture = Fixture::of(&AdmitAll, 3);
    fixture.members.iter_mut().for_each(|member| reload(member, GroupConfig::default()));
    fixture.members[1].rules = &AtMost::<2>;
    let output = fixture.build(0, |builder| builder).unwrap();
    assert!(fixture.members[1].process(&output.message).is_err());
    fixture.members[1].rules = &AdmitAll;
    assert!(matches!(fixture.members[1].process(&output.message).unwrap(), Processed::Commit(_)));
}
