//! Messages to send after a Commit is accepted are stored with the Commit. They survive the merge
//! and restarts, and are never built again.

use crate::world::{World, fast_suites};
use pando_mls::{Decode, MlsMessage, MlsMessageBody, OutboxKind};

#[test]
fn the_welcome_is_sent_again() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 2);
        let newcomer = world.newcomer();
        let added = newcomer.bundle.key_package.clone();
        let member = &mut world.members[0];
        let rng = &mut world.rng;
        let made = member.operate(|group, client| {
            let output = group.commit().add(added).with_group_info().build(&client, rng)?;
            Ok(output.map(|output| (output.message, output.welcome)))
        });
        let (commit, welcome) = made.unwrap();
        // The outbox is empty before the Commit is accepted.
        assert_eq!(member.group.outbox().count(), 0);
        member.restart();
        assert_eq!(member.group.outbox().count(), 0);
        world.deliver_commit(0, &commit);
        // The client stops before it has sent anything.
        let member = &mut world.members[0];
        member.restart();
        let waiting: Vec<_> = member.group.outbox().map(|(id, bytes)| (id, bytes.to_vec())).collect();
        let kinds: Vec<_> = waiting.iter().map(|(id, _)| id.kind).collect();
        assert_eq!(kinds, [OutboxKind::Welcome, OutboxKind::GroupInfo]);
        let MlsMessageBody::Welcome(sent) = MlsMessage::decode(&waiting[0].1).unwrap().body else {
            panic!("not a Welcome")
        };
        assert_eq!(Some(&sent), welcome.as_ref());
        // The Welcome stays across further epochs until it is acknowledged.
        world.members.push(newcomer.join(&sent, None, world.config).unwrap());
        world.agree();
        world.commit(1, |builder| builder);
        let member = &mut world.members[0];
        assert_eq!(member.group.outbox().count(), 2);
        for (id, _) in &waiting {
            member.operate(|group, _| Ok(group.acknowledge(*id))).unwrap();
        }
        assert_eq!(member.group.outbox().count(), 0);
        member.restart();
        assert_eq!(member.group.outbox().count(), 0);
    }
}

#[test]
fn what_belongs_to_a_lost_commit_is_never_sent() {
    for suite in fast_suites() {
        for loses_to_another in [false, true] {
            let mut world = World::of(suite, 3);
            let added = world.newcomer().bundle.key_package;
            world.build(0, |builder| builder.add(added).with_group_info()).unwrap();
            if loses_to_another {
                let (commit, _) = world.build(1, |builder| builder).unwrap();
                world.deliver_commit(1, &commit);
            } else {
                world.members[0].clear_pending();
            }
            world.members[0].restart();
            assert_eq!(world.members[0].group.outbox().count(), 0);
            assert!(!world.members[0].rows.keys().any(|key| matches!(key, pando_mls::RowKey::Outbox(_))));
            world.commit(2, |builder| builder);
            assert_eq!(world.members[0].group.outbox().count(), 0);
        }
    }
}
