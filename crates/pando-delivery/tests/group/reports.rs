//! Reports about Commits that members cannot process.

use crate::fixture::{Device, World, capabilities, code, group_id};
use pando_api::{Digest, Failure, ProblemCode, Report, ReportStatement, Reports};
use pando_delivery::Refusal;
use pando_delivery::group::{Caller, CheckedReport, ReportSnapshot, read_reports};
use pando_mls::{Extensions, LeafIndex, LeafTemplate, NewLeaf, Signer};

/// Returns a report of the member at `leaf` about a Commit.
pub(crate) fn report(signer: &dyn Signer, leaf: u32, (seq, commit): (u64, &[u8])) -> Report {
    statement(leaf, (seq, commit)).sign(signer).unwrap()
}

/// Returns the statement of a report.
fn statement(leaf: u32, (seq, commit): (u64, &[u8])) -> ReportStatement {
    ReportStatement {
        domain: "example.org".parse().unwrap(),
        group_id: group_id(),
        seq,
        digest: Digest::of(commit),
        leaf: LeafIndex(leaf),
        failure: Failure::PathSecret,
    }
}

impl World {
    /// Files a report as the service does.
    pub(crate) fn file(&self, caller: &Caller, report: &Report) -> Result<(), Refusal> {
        let (log, reader, read) = (self.log(), caller.clone(), report.clone());
        let snapshot = self.read(move |rows| ReportSnapshot::read(rows, &log, &reader, &read))?;
        let checked = CheckedReport::check(report.clone(), &snapshot, (&self.environment(), caller))?;
        self.write(move |rows, _| checked.write(rows))
    }

    /// Lists the reports.
    fn reports(&self, caller: &Caller) -> Result<Reports, Refusal> {
        let caller = caller.clone();
        self.read(move |rows| read_reports(rows, &caller))
    }
}

/// Returns a group in which Alice has sent a Commit with the sequence number 3, which ends epoch 1.
fn with_commit() -> (World, Device, Device, Device, Vec<u8>) {
    let (mut world, mut alice, bob, carol) = World::with_three();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).unwrap();
    world.follow(&mut alice, 2);
    (world, alice, bob, carol, commit.commit.to_vec())
}

#[test]
fn admins_see_one_report_of_each_client() {
    let (mut world, mut alice, bob, carol, commit) = with_commit();
    let bobs = report(&*bob.signer, 1, (3, &commit));
    let carols = report(&*carol.signer, 2, (3, &commit));
    world.file(&bob.caller, &bobs).unwrap();
    world.file(&bob.caller, &bobs).unwrap();
    // The first report about a Commit stays.
    let failure = Failure::ConfirmationTag;
    let changed = ReportStatement { failure, ..statement(1, (3, &commit)) }.sign(&*bob.signer).unwrap();
    world.file(&bob.caller, &changed).unwrap();
    world.file(&carol.caller, &carols).unwrap();
    assert_eq!(world.reports(&alice.caller).unwrap().reports, [bobs.clone(), carols.clone()]);

    // Reports about later Commits come first.
    let later = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &later).unwrap();
    let newest = report(&*bob.signer, 1, (4, &later.commit));
    world.file(&bob.caller, &newest).unwrap();
    assert_eq!(world.reports(&alice.caller).unwrap().reports, [newest, bobs, carols]);

    assert_eq!(code(world.reports(&bob.caller)), ProblemCode::Policy, "Bob is not an admin");
    // Another client of an admin, which is not a member.
    let laptop = world.device("alice@example.org/laptop", 1);
    assert_eq!(code(world.reports(&laptop.caller)), ProblemCode::NotFound);
}

#[test]
fn a_report_is_about_a_commit_in_the_log() {
    let (mut world, alice, mut bob, _, commit) = with_commit();
    // A message of the epoch that has ended.
    let message = world.encrypt(&mut bob, "hello");
    world.send(&bob.caller, &message).unwrap();
    let sign = |statement: ReportStatement| statement.sign(&*bob.signer).unwrap();
    let good = statement(1, (3, &commit));
    for (statement, why) in [
        (ReportStatement { domain: "example.com".parse().unwrap(), ..good.clone() }, "another domain"),
        (ReportStatement { group_id: "another group of 16 bytes".into(), ..good.clone() }, "another group"),
        (ReportStatement { digest: Digest::of(b"another"), ..good.clone() }, "another digest"),
        (statement(1, (4, &message)), "an application message"),
        (statement(1, (5, &commit)), "an entry that does not exist"),
        (statement(1, (u64::MAX, &commit)), "the last sequence number"),
    ] {
        assert_eq!(code(world.file(&bob.caller, &sign(statement))), ProblemCode::InvalidReport, "{why}");
    }
    assert_eq!(world.reports(&alice.caller).unwrap().reports, []);
    world.file(&bob.caller, &sign(good.clone())).unwrap();
    // The rows of the epoch before the Commit are deleted.
    let past = [b"b".as_slice(), &1_u64.to_be_bytes()].concat();
    world.write(move |rows, _| Ok(rows.delete(&past)?)).unwrap();
    assert_eq!(code(world.file(&bob.caller, &sign(good))), ProblemCode::InvalidReport);
}

#[test]
fn a_report_is_signed_by_the_leaf_of_its_reporter() {
    let (world, alice, bob, carol, commit) = with_commit();
    let commit = (3, &*commit);
    let bobs = report(&*bob.signer, 1, commit);
    for (refused, expected, why) in [
        (report(&*carol.signer, 1, commit), ProblemCode::InvalidReport, "Carol's signature"),
        (report(&*bob.signer, 2, commit), ProblemCode::SenderMismatch, "Carol's leaf"),
        (report(&*carol.signer, 2, commit), ProblemCode::SenderMismatch, "Carol's report"),
        (report(&*bob.signer, 3, commit), ProblemCode::InvalidReport, "a blank leaf"),
        (report(&*bob.signer, u32::MAX, commit), ProblemCode::InvalidReport, "a leaf outside the tree"),
        (
            Report {
                statement: ReportStatement { failure: Failure::Other, ..bobs.statement.clone() },
                ..bobs.clone()
            },
            ProblemCode::InvalidReport,
            "an altered statement",
        ),
    ] {
        assert_eq!(code(world.file(&bob.caller, &refused)), expected, "{why}");
    }
    let old = Caller { version: 0, ..bob.caller.clone() };
    assert_eq!(code(world.file(&old, &bobs)), ProblemCode::CertificateSuperseded);
    assert_eq!(world.reports(&alice.caller).unwrap().reports, []);
    world.file(&bob.caller, &bobs).unwrap();
}

#[test]
fn the_key_is_that_of_the_epoch_before_the_commit() {
    let (mut world, mut alice, mut bob, _, commit) = with_commit();
    world.follow(&mut bob, 2);
    // Bob changes its signature key in the Commit 4, which ends epoch 2. Epoch 3 has the new key.
    let renewed: &'static Device = Box::leak(Box::new(world.device("bob@example.org/phone", 2)));
    let template = LeafTemplate {
        credential: renewed.credential.clone(),
        capabilities: capabilities(),
        extensions: Extensions::default(),
    };
    let change = world.build_commit(&mut bob, None, |commit| {
        commit.new_leaf(NewLeaf { template, signer: &*renewed.signer })
    });
    world.submit(&bob.caller, &change).unwrap();
    world.follow(&mut alice, 3);
    let later = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &later).unwrap();
    assert_ne!(bob.signer.public_key(), renewed.signer.public_key());
    for (seq, commit, has_old_key) in
        [(3, &*commit, true), (4, &change.commit, true), (5, &later.commit, false)]
    {
        let (old, new) = (report(&*bob.signer, 1, (seq, commit)), report(&*renewed.signer, 1, (seq, commit)));
        let (good, bad) = if has_old_key { (old, new) } else { (new, old) };
        assert_eq!(code(world.file(&renewed.caller, &bad)), ProblemCode::InvalidReport, "Commit {seq}");
        world.file(&renewed.caller, &good).unwrap();
    }
}

/// Clients that a Commit adds or removes cannot check it.
#[test]
fn the_reporter_is_a_member_before_and_after_the_commit() {
    let (mut world, mut alice, bob, carol, commit) = with_commit();
    let mut dave = world.device("dave@example.org/phone", 1);
    let key_packages = world.key_packages(&mut [&mut dave]);
    // Dave takes Carol's leaf.
    let change = world
        .build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(2)).add(key_packages[0].clone()));
    world.submit(&alice.caller, &change).unwrap();
    world.follow(&mut alice, 3);
    let (first, change) = ((3, &*commit), (4, &*change.commit));
    let later = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &later).unwrap();
    let later = (5, &*later.commit);

    let file =
        |device: &Device, leaf, commit| world.file(&device.caller, &report(&*device.signer, leaf, commit));
    assert_eq!(code(file(&dave, 2, first)), ProblemCode::NotFound, "before Dave's join");
    assert_eq!(code(file(&dave, 2, change)), ProblemCode::InvalidReport, "Dave's join");
    assert_eq!(code(file(&carol, 2, change)), ProblemCode::InvalidReport, "Carol's removal");
    assert_eq!(code(file(&carol, 2, later)), ProblemCode::NotFound, "after Carol's removal");
    let mallory = world.device("mallory@example.org/phone", 1);
    let strangers = report(&*mallory.signer, 1, later);
    assert_eq!(code(world.file(&mallory.caller, &strangers)), ProblemCode::NotFound);
    let file =
        |device: &Device, leaf, commit| world.file(&device.caller, &report(&*device.signer, leaf, commit));
    file(&carol, 2, first).unwrap();
    file(&bob, 1, change).unwrap();
    file(&dave, 2, later).unwrap();
    assert_eq!(world.reports(&alice.caller).unwrap().reports.len(), 3);
}
