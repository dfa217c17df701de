//! Members and servers reject an external sender that their policy does not accept, wherever they
//! first see it.

use crate::policies::NoServers;
use crate::proposals::external_senders;
use crate::server::Server;
use crate::world::{Newcomer, World, client, suites};
use pando_mls::{BasicIdentities, Group, GroupError, GroupId, Suite, Violation};

fn refused_everywhere(suite: Suite) {
    let mut world = World::public(suite);
    world.add(0, 1);
    let not_acceptable = GroupError::Violation(Violation::ExternalSenderCredential("no servers".into()));
    let server = world.signer();
    let senders = external_senders(&[&*server]);
    let commit = |world: &mut World, by: usize| {
        let (member, rng, senders) = (&mut world.members[by], &mut world.rng, senders.clone());
        member.operate(|group, client| {
            let output = group.commit().extensions(senders).build(&client.with_policy(&NoServers), rng)?;
            Ok(output.map(|output| output.message))
        })
    };

    // The sender comes in a Commit: our own, another member's, or one that an observer sees.
    let mut observer = Server::new(suite, &world.members[0].group_info(true), &NoServers).unwrap();
    assert_eq!(commit(&mut world, 0).unwrap_err(), not_acceptable);
    let (message, _) = world.build(0, |builder| builder.extensions(senders.clone())).unwrap();
    let processed = world.members[1].process_with(&message, &NoServers).map(|_| ());
    assert_eq!(processed.unwrap_err(), not_acceptable);
    let processed = observer.process_with(&message, &NoServers, None).map(|_| ());
    assert_eq!(processed.unwrap_err(), not_acceptable);
    observer.process_with(&message, &BasicIdentities, None).unwrap();
    world.deliver_commit(0, &message);
    // The senders are in the group already. The Commit adds none, so none is checked.
    commit(&mut world, 1).unwrap();
    world.members[1].clear_pending();

    // The sender is in a group that the client joins, observes or creates.
    let newcomer = world.newcomer();
    let (_, welcome) = world.commit(0, |builder| builder.add(newcomer.key_package()));
    let Newcomer { signer, bundle } = newcomer;
    let wary = client(&*signer).with_policy(&NoServers);
    let joined = Group::join(&welcome.unwrap(), &bundle, None, &wary).map(|_| ());
    assert_eq!(joined.unwrap_err(), not_acceptable);
    let followed = Server::new(suite, &world.members[0].group_info(true), &NoServers).map(|_| ());
    assert_eq!(followed.unwrap_err(), not_acceptable);
    let Newcomer { signer, bundle } = world.newcomer();
    let wary = client(&*signer).with_policy(&NoServers);
    let another = GroupId::from(b"another".as_slice());
    let created =
        Group::builder(another).extensions(senders).build(bundle, &wary, &mut world.rng).map(|_| ());
    assert_eq!(created.unwrap_err(), not_acceptable);
}

#[test]
fn external_senders_must_be_acceptable() {
    suites().for_each(refused_everywhere);
}
