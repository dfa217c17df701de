//! Members and servers reject an external sender that their policy does not accept, no matter where
//! they first encounter it.

use crate::group_fixture::{GroupFixture, Newcomer, client, suites};
use crate::policies::NoExternalSenders;
use crate::proposals::external_senders;
use crate::server::Server;
use pando_mls::{BasicIdentities, Group, GroupError, GroupId, Suite, Violation};

fn refused_everywhere(suite: Suite) {
    let mut fixture = GroupFixture::public(suite);
    fixture.add(0, 1);
    let not_acceptable = GroupError::Violation(Violation::ExternalSenderCredential("no servers".into()));
    let server = fixture.signer();
    let senders = external_senders(&[&*server]);
    let commit = |fixture: &mut GroupFixture, by: usize| {
        let (member, rng, senders) = (&mut fixture.members[by], &mut fixture.rng, senders.clone());
        member.operate(|group, cx| {
            let output =
                group.commit().extensions(senders).build(&cx.with_policy(&NoExternalSenders), rng)?;
            Ok(output.map(|output| output.message))
        })
    };

    // A Commit adds the sender. The Commit is our own, that of another member, or one that an
    // observer receives.
    let mut observer = Server::new(suite, &fixture.members[0].group_info(true), &NoExternalSenders).unwrap();
    assert_eq!(commit(&mut fixture, 0).unwrap_err(), not_acceptable);
    let (message, _) = fixture.build(0, |builder| builder.extensions(senders.clone())).unwrap();
    let processed = fixture.members[1].process_with(&message, &NoExternalSenders).map(|_| ());
    assert_eq!(processed.unwrap_err(), not_acceptable);
    let processed = observer.process_with(&message, &NoExternalSenders, None).map(|_| ());
    assert_eq!(processed.unwrap_err(), not_acceptable);
    observer.process_with(&message, &BasicIdentities, None).unwrap();
    fixture.deliver_commit(0, &message);
    // The group already lists the senders. The Commit adds no sender, so none is checked.
    commit(&mut fixture, 1).unwrap();
    fixture.members[1].clear_pending();

    // A client joins, observes or creates a group that already lists the sender.
    let newcomer = fixture.newcomer();
    let (_, welcome) = fixture.commit(0, |builder| builder.add(newcomer.key_package()));
    let Newcomer { signer, bundle } = newcomer;
    let wary = client(&*signer).with_policy(&NoExternalSenders);
    let joined = Group::join(&welcome.unwrap(), &bundle, None, &wary).map(|_| ());
    assert_eq!(joined.unwrap_err(), not_acceptable);
    let followed = Server::new(suite, &fixture.members[0].group_info(true), &NoExternalSenders).map(|_| ());
    assert_eq!(followed.unwrap_err(), not_acceptable);
    let Newcomer { signer, bundle } = fixture.newcomer();
    let wary = client(&*signer).with_policy(&NoExternalSenders);
    let another = GroupId::from(b"another".as_slice());
    let created =
        Group::builder(another).extensions(senders).build(bundle, &wary, &mut fixture.rng).map(|_| ());
    assert_eq!(created.unwrap_err(), not_acceptable);
}

#[test]
fn external_senders_must_be_acceptable() {
    suites().for_each(refused_everywhere);
}
