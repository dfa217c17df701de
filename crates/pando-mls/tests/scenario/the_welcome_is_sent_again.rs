//! Messages that must be sent after a Commit is accepted are stored together with the Commit. These
//! messages survive the merge and restarts, and are never created again.

use crate::group_fixture::{GroupFixture, fast_suites};
use pando_mls::{Decode, MlsMessage, MlsMessageBody, OutboxKind};

#[test]
fn the_welcome_is_sent_again() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let newcomer = fixture.newcomer();
        let added = newcomer.bundle.key_package.clone();
        let member = &mut fixture.members[0];
        let rng = &mut fixture.rng;
        let made = member.operate(|group, cx| {
            let output = group.commit().add(added).with_group_info().build(&cx, rng)?;
            Ok(output.map(|output| (output.message, output.welcome)))
        });
        let (commit, welcome) = made.unwrap();
        // The outbox is empty before the Commit is accepted.
        assert_eq!(member.group.outbox().count(), 0);
        member.restart();
        assert_eq!(member.group.outbox().count(), 0);
        fixture.deliver_commit(0, &commit);
        // The client stops before it has sent any message.
        let member = &mut fixture.members[0];
        member.restart();
        let waiting: Vec<_> = member.group.outbox().map(|(id, bytes)| (id, bytes.to_vec())).collect();
        let kinds: Vec<_> = waiting.iter().map(|(id, _)| id.kind).collect();
        assert_eq!(kinds, [OutboxKind::Welcome, OutboxKind::GroupInfo]);
        let MlsMessageBody::Welcome(sent) = MlsMessage::decode(&waiting[0].1).unwrap().body else {
            panic!("not a Welcome")
        };
        assert_eq!(Some(&sent), welcome.as_ref());
        // The Welcome stays in the outbox across further epochs until it is acknowledged.
        fixture.members.push(newcomer.join(&sent, None, fixture.config).unwrap());
        fixture.agree();
        fixture.commit(1, |builder| builder);
        let member = &mut fixture.members[0];
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
            let mut fixture = GroupFixture::of(suite, 3);
            let added = fixture.newcomer().bundle.key_package;
            fixture.build(0, |builder| builder.add(added).with_group_info()).unwrap();
            if loses_to_another {
                let (commit, _) = fixture.build(1, |builder| builder).unwrap();
                fixture.deliver_commit(1, &commit);
            } else {
                fixture.members[0].clear_pending();
            }
            fixture.members[0].restart();
            assert_eq!(fixture.members[0].group.outbox().count(), 0);
            assert!(!fixture.members[0].rows.keys().any(|key| matches!(key, pando_mls::RowKey::Outbox(_))));
            fixture.commit(2, |builder| builder);
            assert_eq!(fixture.members[0].group.outbox().count(), 0);
        }
    }
}
