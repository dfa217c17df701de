//! A member sends Commits that the server accepts, because it cannot check them, and that other
//! members cannot process.

use crate::fixture::{ALICE, BOB, CAROL, Tale, alarms, client, say, shown, state, texts, three, three_with};
use crate::rogue::{Flaw, Rogue};
use pando_api::{Digest, Failure, ProblemCode, Report};
use pando_client::{Answer, CallError, Event, Operation};
use pando_mls::{CryptoProvider, Encode, GroupId, LeafIndex, RustCrypto};
use pando_simulation::SUITE;
use pando_store::session::no_rows;

/// Lets Alice send a flawed Commit. Returns its digest.
fn commit(story: &mut Tale, group_id: &GroupId, flaw: Flaw) -> Digest {
    let log = story.read_log(ALICE, group_id, 0).unwrap();
    let head = crate::forger::Forger::new(group_id, log).head(2);
    let (request, _) = Rogue::of(story, ALICE, group_id).commit(flaw, Some(head));
    let digest = Digest::of(&request.commit);
    let answer = story.call(ALICE, &Operation::SubmitCommit(group_id.clone(), request)).unwrap();
    let Answer::Receipt(receipt) = answer else { panic!("{answer:?}") };
    assert_eq!(receipt.head.head.seq, 3);
    digest
}

fn reports(story: &mut Tale, group_id: &GroupId) -> Vec<Report> {
    let Answer::Reports(reports) = story.call(ALICE, &Operation::ListReports(group_id.clone())).unwrap()
    else {
        panic!("no reports")
    };
    reports.reports
}

/// Checks that a device is stuck before the Commit, and blames Alice.
fn check_stuck(story: &mut Tale, name: &str, group_id: &GroupId, before: &(u64, Vec<u8>, u64)) {
    let alarms = alarms(story, name);
    let [Event::CommitUnprocessable { seq: 3, committer: Some(committer), .. }] = &alarms[..] else {
        panic!("{name}: {alarms:?}")
    };
    assert_eq!(committer.as_str(), client(ALICE));
    assert_eq!(state(story, name, group_id), *before);
}

/// Checks that a device has reported the Commit.
fn check_report(
    report: &Report,
    digest: Digest,
    (leaf, failure): (LeafIndex, Failure),
    story: &Tale,
    name: &str,
) {
    let suite = RustCrypto.suite(SUITE).unwrap();
    let key = story.certified(name).unwrap().signer.public_key().clone();
    let statement = report.verify(&key, suite).unwrap();
    assert_eq!(
        (statement.seq, statement.digest, statement.leaf, statement.failure),
        (3, digest, leaf, failure)
    );
}

/// The rogue Commit is valid, so that the other tests fail for their own reasons.
#[test]
fn a_commit_without_a_flaw_is_processed() {
    let (mut story, group_id) = three();
    commit(&mut story, &group_id, Flaw::Nothing);
    story.run(&[BOB, CAROL], 5).unwrap();
    let of_bob = state(&mut story, BOB, &group_id);
    assert_eq!((of_bob.0, of_bob.2), (2, 3));
    assert_eq!(state(&mut story, CAROL, &group_id), of_bob);
    assert_eq!(alarms(&story, BOB), []);
}

/// Only Carol cannot decrypt her path secret. She stops before the Commit without losing her place,
/// and reports it. Bob goes on.
#[test]
fn a_wrong_path_secret_is_reported_by_its_receiver() {
    let (mut story, group_id) = three();
    let before = state(&mut story, CAROL, &group_id);
    let digest = commit(&mut story, &group_id, Flaw::PathSecret(1));
    story.run(&[BOB, CAROL], 5).unwrap();
    assert_eq!(alarms(&story, BOB), []);
    assert_eq!(state(&mut story, BOB, &group_id).0, 2);
    check_stuck(&mut story, CAROL, &group_id, &before);
    let reports = reports(&mut story, &group_id);
    assert_eq!(reports.len(), 1);
    check_report(&reports[0], digest, (LeafIndex(2), Failure::PathSecret), &story, CAROL);
    // A restart changes nothing: the client does not read the Commit again.
    story.reopen(CAROL).unwrap();
    story.run(&[BOB, CAROL], 30).unwrap();
    check_stuck(&mut story, CAROL, &group_id, &before);
}

#[test]
fn wrong_tags_are_reported_by_all_members() {
    for (flaw, failure) in
        [(Flaw::ConfirmationTag, Failure::ConfirmationTag), (Flaw::MembershipTag, Failure::Other)]
    {
        let (mut story, group_id) = three();
        let before = (state(&mut story, BOB, &group_id), state(&mut story, CAROL, &group_id));
        let digest = commit(&mut story, &group_id, flaw);
        story.run(&[BOB, CAROL], 5).unwrap();
        check_stuck(&mut story, BOB, &group_id, &before.0);
        check_stuck(&mut story, CAROL, &group_id, &before.1);
        let mut reports = reports(&mut story, &group_id);
        reports.sort_by_key(|report| report.statement.leaf);
        assert_eq!(reports.len(), 2);
        check_report(&reports[0], digest, (LeafIndex(1), failure), &story, BOB);
        check_report(&reports[1], digest, (LeafIndex(2), failure), &story, CAROL);
    }
}

/// A report is filed although the server is not reachable when the Commit is read, and although the
/// client is killed afterwards.
#[test]
fn a_report_survives_a_restart() {
    let (mut story, group_id) = three();
    let digest = commit(&mut story, &group_id, Flaw::PathSecret(1));
    let is_report = |operation: &Operation| matches!(operation, Operation::FileReport(..));
    let lost = || Err(CallError::OutcomeUnknown("lost".to_owned()));
    let count = crate::fixture::refuse(&mut story, CAROL, is_report, lost);
    story.run(&[CAROL], 60).unwrap();
    assert!((2..20).contains(&count.get()), "{}", count.get());
    assert_eq!(reports(&mut story, &group_id), []);
    story.reopen(CAROL).unwrap();
    story.trust(CAROL);
    story.run(&[CAROL], 5).unwrap();
    assert!(!story.engine(CAROL).unwrap().is_busy());
    let reports = reports(&mut story, &group_id);
    assert_eq!(reports.len(), 1);
    check_report(&reports[0], digest, (LeafIndex(2), Failure::PathSecret), &story, CAROL);
}

/// With the setting, the client that is stuck joins again by itself, and hears of later messages.
#[test]
fn a_stuck_client_joins_again() {
    let (mut story, group_id) = three_with(true);
    commit(&mut story, &group_id, Flaw::PathSecret(1));
    story.run(&[BOB, CAROL], 15).unwrap();
    let of_bob = state(&mut story, BOB, &group_id);
    assert_eq!(of_bob.0, 3);
    assert_eq!(state(&mut story, CAROL, &group_id), of_bob);
    let seq = say(&mut story, BOB, &group_id, "after");
    story.run(&[CAROL], 2).unwrap();
    assert_eq!(texts(&story, CAROL), [shown(seq, BOB, "after")]);
    assert_eq!(reports(&mut story, &group_id).len(), 1);
}

/// A member cannot fill the epoch with proposals, and what it has sent stops nobody.
#[test]
fn a_flood_of_proposals_is_limited() {
    let (mut story, group_id) = three();
    let mut accepted = 0;
    let refused = loop {
        let request = {
            let session = story.engine(CAROL).unwrap().session();
            let proposal = session.operate(
                &group_id,
                |group, cx, rng| {
                    group.propose_update(None, b"", cx, rng)?.try_map(|message| Ok(message.encode()?))
                },
                no_rows,
            );
            pando_api::SubmitMessage { message: proposal.unwrap().into() }
        };
        match story.call(CAROL, &Operation::SubmitMessage(group_id.clone(), request)) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted <= 100);
    };
    assert_eq!(refused.code(), Some(ProblemCode::Limit));
    assert_eq!(accepted, 16);
    // Alice has read the proposals, so they are committed before her message.
    story.run(&[ALICE], 1).unwrap();
    story.engine(ALICE).unwrap().send(&group_id, "text/plain", b"one", 0).unwrap();
    story.run(&[ALICE, BOB], 10).unwrap();
    assert_eq!(texts(&story, BOB), [shown(20, ALICE, "one")]);
    assert_eq!(alarms(&story, BOB), []);
    assert_eq!(state(&mut story, BOB, &group_id).0, 2);
}
