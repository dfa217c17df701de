//! Results are dropped instead of being stored. The changes of a dropped result stay in the group,
//! and the next operation returns them. A Delta that was taken out of its result and then dropped
//! is lost. Every later Delta is then rejected, so that no key is used twice after a restart.

use crate::group_fixture::{GroupFixture, Member, client, fast_suites, read};
use pando_mls::{DeltaError, GroupError, MlsMessage, Processed, RowKey, Unpersisted};

/// An operation of a member.
type Act = fn(&mut Member, &mut GroupFixture, &MlsMessage) -> Result<Unpersisted<()>, GroupError>;

const ACTS: [(&str, Act); 5] = [
    ("send", |member, fixture, _| {
        Ok(member.group.encrypt(b"dropped", &client(&*member.signer), &mut fixture.rng)?.map(drop))
    }),
    ("receive", |member, _, message| {
        Ok(member.group.process(message.clone(), &client(&*member.signer))?.map(drop))
    }),
    ("propose", |member, fixture, _| {
        Ok(member.group.propose_update(None, b"", &client(&*member.signer), &mut fixture.rng)?.map(drop))
    }),
    ("commit", |member, fixture, _| {
        Ok(member.group.commit().build(&client(&*member.signer), &mut fixture.rng)?.map(drop))
    }),
    ("commit and clear", |member, fixture, _| {
        let made = member.group.commit().build(&client(&*member.signer), &mut fixture.rng)?;
        Ok(made.then(member.group.clear_pending()).unwrap().map(drop))
    }),
];

/// Returns a member of a group of three, and two messages that this member has not received.
fn member_and_messages(suite: pando_mls::Suite) -> (GroupFixture, Member, [MlsMessage; 2]) {
    let mut fixture = GroupFixture::of(suite, 3);
    fixture.chat(1);
    let member = fixture.members.remove(1);
    assert_eq!(member.rows, member.group.rows().unwrap());
    let messages = [b"one", b"two"].map(|data| fixture.send(0, data));
    (fixture, member, messages)
}

#[test]
fn what_follows_a_delta_that_was_taken_and_dropped_is_refused() {
    for suite in fast_suites() {
        for (first, dropped) in ACTS {
            for (second, next) in ACTS {
                let (mut fixture, mut member, messages) = member_and_messages(suite);
                let before = member.group.rows().unwrap();
                drop(dropped(&mut member, &mut fixture, &messages[0]).unwrap().into_parts());
                if first != "commit" || !second.starts_with("commit") {
                    let delta = match next(&mut member, &mut fixture, &messages[1]) {
                        Ok(result) => result.into_parts().1,
                        // Application data cannot be sent while a proposal is pending.
                        Err(error) => {
                            assert_eq!((first, second), ("propose", "send"), "{error:?}");
                            continue;
                        }
                    };
                    assert_eq!(delta.apply(&mut member.rows), Err(DeltaError::Stale), "{first}, {second}");
                }
                assert_eq!(member.rows, before, "{first}, {second}");
                // The client restarts from its last stored state.
                let config = *member.group.config();
                let settings = client(&*member.signer).with_config(config);
                member.group = pando_mls::Group::load(&member.rows, &settings).unwrap();
                for (data, message) in [b"one", b"two"].into_iter().zip(&messages) {
                    assert_eq!(read(member.process(message)).1, data);
                }
                let sent = member.send(b"after all", &mut fixture.rng).unwrap();
                fixture.members.insert(1, member);
                for index in [0, 2] {
                    let processed = fixture.members[index].process(&sent);
                    assert!(matches!(&processed, Ok(Processed::Application { .. })), "{processed:?}");
                }
                fixture.commit(1, |builder| builder);
            }
        }
    }
}

#[test]
fn the_next_operation_has_the_changes_of_a_dropped_result() {
    for suite in fast_suites() {
        for (first, dropped) in ACTS {
            for (second, next) in ACTS {
                let (mut fixture, mut member, messages) = member_and_messages(suite);
                let (before, position) = (copy(&member), member.group.position());
                let result = dropped(&mut member, &mut fixture, &messages[0]).unwrap();
                let changed: Vec<RowKey> = result.delta().writes().map(|(key, _)| key).collect();
                assert!(!changed.is_empty());
                drop(result);
                let result = match next(&mut member, &mut fixture, &messages[1]) {
                    Ok(result) => result,
                    // Application data cannot be sent while a proposal is pending, and only one
                    // Commit can be pending.
                    Err(error) => {
                        assert!(matches!(error, GroupError::Misuse(_)), "{first}, {second}: {error:?}");
                        member.group.take_delta()
                    }
                };
                assert!(result.delta().follows().contains(&position), "{first}, {second}");
                result.persist_to(&mut member.rows).unwrap();
                assert_ne!(member.rows, before, "{first}, {second}");
                assert_eq!(member.rows, member.group.rows().unwrap(), "{first}, {second}");
                assert!(member.group.take_delta().delta().is_empty());
                member.restart();
            }
        }
    }
}

fn copy(member: &Member) -> pando_mls::Rows {
    member.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

/// Shows that three results can be dropped in any order.
#[test]
fn results_are_dropped_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (mut fixture, mut member, _) = member_and_messages(fast_suites().next().unwrap());
        let mut results = [b"one", b"two", b"six"].map(|data| {
            let sent = member.group.encrypt(data, &client(&*member.signer), &mut fixture.rng);
            Some(sent.unwrap())
        });
        order.into_iter().for_each(|number| drop(results[number].take()));
        let sent = member.send(b"last", &mut fixture.rng).unwrap();
        assert_eq!(member.rows, member.group.rows().unwrap(), "{order:?}");
        member.restart();
        assert_eq!(read(fixture.members[0].process(&sent)).1, b"last");
    }
}

/// Shows that a result is rejected if an earlier result is dropped in the meantime, because nothing
/// may be stored without the changes that precede it.
#[test]
fn a_result_that_follows_a_dropped_one_is_stale() {
    let (mut fixture, mut member, _) = member_and_messages(fast_suites().next().unwrap());
    let mut encrypt = |member: &mut Member| {
        member.group.encrypt(b"data", &client(&*member.signer), &mut fixture.rng).unwrap()
    };
    let (first, second) = (encrypt(&mut member), encrypt(&mut member));
    drop(first);
    let before = copy(&member);
    let refused = second.persist_to(&mut member.rows).unwrap_err();
    assert_eq!(refused.error, DeltaError::Stale);
    assert_eq!(member.rows, before);
    // The rejected result is dropped, too. The next operation returns the changes of both results.
    drop(refused);
    encrypt(&mut member).persist_to(&mut member.rows).unwrap();
    member.restart();
}

/// Shows that a result that the store failed to write can be written again.
#[test]
fn an_error_gives_the_result_back() {
    let (mut fixture, mut member, _) = member_and_messages(fast_suites().next().unwrap());
    let sent = member.group.encrypt(b"data", &client(&*member.signer), &mut fixture.rng).unwrap();
    let failed = sent.persist(|_, _| Err("the disk is full")).unwrap_err();
    assert_eq!(failed.to_string(), "a change was not stored: the disk is full");
    let message = failed.unpersisted.persist_to(&mut member.rows).unwrap();
    member.restart();
    assert_eq!(read(fixture.members[0].process(&message)).1, b"data");
}

#[test]
fn results_of_two_groups_are_not_one() {
    let (mut fixture, mut member, _) = member_and_messages(fast_suites().next().unwrap());
    let mut other = fixture.members.remove(0);
    let mut encrypt = |member: &mut Member| {
        member.group.encrypt(b"data", &client(&*member.signer), &mut fixture.rng).unwrap()
    };
    // Results of two groups cannot be combined, even if one of them has no changes to store.
    let nothing = member.group.take_delta();
    let (_, second) = *nothing.then(encrypt(&mut other)).unwrap_err().both;
    drop(second);
    let (first, second) = (encrypt(&mut member), encrypt(&mut other));
    let refused = first.then(second).unwrap_err();
    assert_eq!(refused.error, DeltaError::Stale);
    let (first, second) = *refused.both;
    // Each result can be stored only for its own group.
    first.persist_to(&mut member.rows).unwrap();
    drop(second);
    encrypt(&mut other).persist_to(&mut other.rows).unwrap();
    other.restart();
}
