//! Operations that call the public functions of an opened [`PublicGroup`].

use crate::fixture::{Fixture, OTHER, THIRD, rng};
use crate::group_fixture::{external_psk, over_the_wire};
use crate::make;
use crate::names::Names;
use crate::operations::{COMMITS, Curious, Loyal, many_commits, proposals, reinit, text, text_of_staged};
use crate::store::{Failure, Store, copy};
use crate::{Answer, FIXTURE, is_read_failure};
use pando_mls::{
    AdmitAll, DefaultRules, ExternalJoin, GroupInfo, GroupRules, LeafIndex, LeafTemplate, Limits, MlsMessage,
    PublicGroup, PublicProcessed, PublicStaged, Rows, RustCrypto, propose_as_external_sender,
    propose_own_add,
};
use std::sync::Arc;

type Prepare<'a> = Box<dyn Fn(&mut OurGroup) + 'a>;
type Run<'a> = Box<dyn Fn(&mut OurGroup) -> Answer + 'a>;

/// A public group, together with its rows and its store.
struct OurGroup {
    group: PublicGroup,
    /// The rows as stored after the operations so far.
    rows: Rows,
    staged: Option<PublicStaged>,
    /// The store that the tree is read from, or `None` if the group is in memory.
    store: Option<Arc<Store>>,
}

/// The observable state of a public group.
#[derive(Debug, PartialEq)]
struct Snapshot {
    rows: Rows,
    pending: String,
}

/// The answer for a group in memory, the states before and after the operation, and the number of
/// reads if the group is opened.
pub(crate) struct Expected {
    before: Snapshot,
    answer: Answer,
    after: Snapshot,
    pub(crate) reads: usize,
}

/// An operation that calls public functions. The answer is compared in text form.
pub(crate) struct Operation<'a> {
    pub(crate) functions: &'static [&'static str],
    name: String,
    prepare: Prepare<'a>,
    /// Whether the answer is an error even if all reads succeed.
    fails: bool,
    run: Run<'a>,
}

impl OurGroup {
    fn new(fixture: &Fixture, is_opened: bool) -> Self {
        let member_rows = &fixture.own.rows;
        let group = PublicGroup::load(member_rows, &RustCrypto, &Names, Limits::default()).unwrap();
        let rows = group.rows().unwrap();
        if !is_opened {
            return Self { group, rows, staged: None, store: None };
        }
        let store = Store::new(&rows);
        let group = PublicGroup::open(store.clone(), &RustCrypto, Limits::default()).unwrap();
        Self { group, rows, staged: None, store: Some(store) }
    }

    /// Reads the whole state, and checks that the stored rows equal the rows of the group.
    fn snapshot(&mut self) -> Snapshot {
        let rows = self.group.rows().unwrap();
        assert!(self.rows == rows);
        let pending: Vec<_> = self.group.pending_proposals().collect();
        Snapshot { pending: format!("{pending:?} {:?}", self.group.reinit()), rows }
    }

    fn process(&mut self, message: &MlsMessage, rules: &dyn GroupRules) -> Answer {
        let (processed, delta) =
            self.group.process(over_the_wire(message), &Names, rules, None)?.into_parts();
        delta.apply(&mut self.rows).unwrap();
        match processed {
            PublicProcessed::Commit(staged) => {
                let answer = text_of_staged(&staged);
                self.staged = Some(*staged);
                Ok(answer)
            }
            other => text(other),
        }
    }

    fn stage(&mut self, message: &MlsMessage) {
        self.process(message, &AdmitAll).unwrap();
        assert!(self.staged.is_some());
    }

    fn merge_unconfirmed(&mut self) -> Answer {
        self.group.merge_unconfirmed(self.staged.as_ref().unwrap())?.persist_to(&mut self.rows).unwrap();
        text(self.group.public().context())
    }

    fn enter(&mut self, message: &MlsMessage) {
        self.stage(message);
        self.merge_unconfirmed().unwrap();
    }

    fn roll_back(&mut self) -> Answer {
        self.group.roll_back()?.persist_to(&mut self.rows).unwrap();
        text(self.group.public().context())
    }
}

impl<'a> Operation<'a> {
    fn new(
        functions: &'static [&'static str],
        name: impl Into<String>,
        run: impl Fn(&mut OurGroup) -> Answer + 'a,
    ) -> Self {
        Self { functions, name: name.into(), prepare: Box::new(|_| ()), fails: false, run: Box::new(run) }
    }

    fn that_fails(self) -> Self {
        Self { fails: true, ..self }
    }

    /// Sets a function that prepares the group. The store does not fail while this function runs.
    fn after(self, prepare: impl Fn(&mut OurGroup) + 'a) -> Self {
        Self { prepare: Box::new(prepare), ..self }
    }

    fn our_group(&self, fixture: &Fixture, is_opened: bool) -> OurGroup {
        let mut our_group = OurGroup::new(fixture, is_opened);
        (self.prepare)(&mut our_group);
        our_group
    }

    /// Runs the operation on a group in memory, and on an opened group whose store works.
    pub(crate) fn expected(&self, fixture: &Fixture) -> Expected {
        let mut expected = [false, true].map(|is_opened| {
            let before = self.our_group(fixture, is_opened).snapshot();
            let mut our_group = self.our_group(fixture, is_opened);
            let reads = |our_group: &OurGroup| our_group.store.as_ref().map_or(0, |store| store.reads());
            let first = reads(&our_group);
            let answer = (self.run)(&mut our_group);
            let reads = reads(&our_group) - first;
            assert_eq!(answer.is_err(), self.fails, "{}: {answer:?}", self.name);
            Expected { before, answer, after: our_group.snapshot(), reads }
        });
        let [resident, opened] = &mut expected;
        assert_eq!(opened.answer, resident.answer, "{}", self.name);
        assert!(opened.before == resident.before && opened.after == resident.after, "{}", self.name);
        let [_, opened] = expected;
        opened
    }

    /// Runs the operation while no row can be read, and checks that it tries to read none.
    pub(crate) fn check_reads_nothing(&self, fixture: &Fixture) {
        let expected = self.expected(fixture);
        assert_eq!(expected.reads, 0, "{}", self.name);
        let mut our_group = self.our_group(fixture, true);
        let store = our_group.store.clone().unwrap();
        store.fail(0..=usize::MAX, Failure::Error);
        assert_eq!((self.run)(&mut our_group), expected.answer, "{}", self.name);
        store.repair();
        assert!(our_group.snapshot() == expected.after, "{}", self.name);
    }

    /// Runs the operation while each of its reads fails, either once or permanently.
    fn check(&self, fixture: &Fixture) {
        let expected = self.expected(fixture);
        for read in 0..expected.reads {
            for (last, failure) in
                [(read, Failure::Error), (read, Failure::Missing), (usize::MAX, Failure::Error)]
            {
                let what = format!("{}: reads {read}..={last} of {}, {failure:?}", self.name, expected.reads);
                let mut our_group = self.our_group(fixture, true);
                let (store, rows) = (our_group.store.clone().unwrap(), copy(&our_group.rows));
                store.fail(read..=last, failure);
                let failed = (self.run)(&mut our_group);
                assert!(is_read_failure(&failed), "{what}: {failed:?}");
                assert!(our_group.group.take_delta().delta().is_empty() && our_group.rows == rows, "{what}");
                if last == usize::MAX {
                    let failed = (self.run)(&mut our_group);
                    assert!(is_read_failure(&failed), "{what}: {failed:?}");
                    store.repair();
                    assert!(our_group.snapshot() == expected.before, "{what}");
                }
                assert_eq!((self.run)(&mut our_group), expected.answer, "{what}");
                assert!(our_group.snapshot() == expected.after, "{what}");
            }
        }
        // The first read of each row fails, and only the second attempt succeeds.
        let mut our_group = self.our_group(fixture, true);
        let store = our_group.store.clone().unwrap();
        store.fail_first();
        let mut attempts = (0..=expected.reads).map(|_| (self.run)(&mut our_group));
        let answer = attempts.find(|answer| !is_read_failure(answer));
        assert_eq!(answer.as_ref(), Some(&expected.answer), "{}", self.name);
        store.repair();
        assert!(our_group.snapshot() == expected.after, "{}", self.name);
    }
}

fn takes_by<'a>(
    name: impl Into<String>,
    message: MlsMessage,
    rules: &'static dyn GroupRules,
) -> Operation<'a> {
    let name = format!("take {}", name.into());
    Operation::new(&["PublicGroup::process"], name, move |our_group| our_group.process(&message, rules))
}

fn takes<'a>(name: impl Into<String>, message: MlsMessage) -> Operation<'a> {
    takes_by(name, message, &AdmitAll)
}

/// Returns operations that process messages from members and from clients outside the group.
fn receiving(fixture: &Fixture) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (name, proposal) in proposals(fixture) {
        operations.push(takes(name, fixture.other(false).propose(proposal)));
    }
    operations.push(takes("Update", fixture.third(false).propose_update()));
    for (name, fill) in COMMITS {
        operations.push(takes(format!("commit {name}"), fixture.other(false).commit(fill)));
    }
    // Operations that process Commits that refer to proposals.
    let mut third = fixture.third(false);
    let mut sent: Vec<_> = proposals(fixture)
        .into_iter()
        .filter(|(name, _)| *name != "ReInit")
        .map(|(_, proposal)| third.propose(proposal))
        .collect();
    sent.push(third.propose_update());
    let mut other = fixture.other(false);
    other.take(&sent);
    let commit = other.commit(|_, builder| builder);
    operations.push(takes("commit to a missing one", commit.clone()).that_fails());
    operations.push(takes("commit by reference", commit).after(move |our_group| {
        sent.iter().for_each(|message| drop(our_group.process(message, &AdmitAll).unwrap()));
    }));
    // Operations with the application's rules, and with clients that are already members.
    let commit = fixture.other(false).commit(|_, builder| builder.remove(LeafIndex(0)));
    operations.push(takes_by("by curious rules", commit.clone(), &Curious));
    operations.push(takes_by("what the rules refuse", commit, &Loyal).that_fails());
    let removal = fixture.other(false).propose(make::remove(12));
    operations.push(takes_by("Remove by curious rules", removal, &Curious));
    let mut other = fixture.other(false);
    other.cx = other.cx.with_policy(&pando_mls::BasicIdentities);
    let double = other.commit(|fixture, builder| builder.add(fixture.double.key_package()));
    operations.push(takes("commit Add of a member", double).that_fails());
    // Operations that process messages from outside the group.
    let context = fixture.other(false).group.public().context().clone();
    let server = fixture.outsider(&*fixture.server);
    for (name, proposal) in proposals(fixture).into_iter().filter(|(name, _)| *name != "custom") {
        let message = propose_as_external_sender(&context, proposal, &server).unwrap();
        operations.push(takes(format!("{name} of a server"), message));
    }
    let newcomer = &fixture.newcomers[0];
    let cx = fixture.outsider(&*newcomer.signer);
    let own_add = propose_own_add(&context, newcomer.key_package(), &cx).unwrap();
    operations.push(takes_by("own Add by curious rules", own_add.clone(), &Curious));
    operations.push(takes_by("own Add that is not admitted", own_add, &DefaultRules));
    for (name, resync, newcomer) in
        [("external commit", None, newcomer), ("resync", Some(THIRD), &fixture.newcomers[1])]
    {
        let other = fixture.other(false);
        let group_info = other.group.group_info().build(&other.cx).unwrap();
        let credential = newcomer.bundle.key_package.leaf_node.credential.clone();
        let template = match resync {
            Some(leaf) => fixture.leaf_template(leaf),
            None => LeafTemplate { credential, ..fixture.leaf_template(OTHER) },
        };
        let (psks, authenticated_data) = (vec![external_psk(1)], b"".as_slice());
        let join = ExternalJoin::new(&group_info, template)
            .replace_leaf(resync)
            .psks(psks)
            .authenticated_data(authenticated_data);
        let cx = fixture.outsider(&*newcomer.signer);
        operations.push(takes(name, join.build(&cx, &mut rng()).unwrap().assume_persisted().1));
    }
    operations
}

/// Returns a Commit, and a GroupInfo of the new epoch that another member has signed.
fn confirmed(fixture: &Fixture) -> (MlsMessage, GroupInfo) {
    let commit = fixture
        .other(false)
        .commit(|fixture, builder| builder.remove(LeafIndex(12)).add(fixture.key_package(0)));
    let mut third = fixture.third(false);
    let processed = third.group.process(over_the_wire(&commit), &third.cx).unwrap().assume_persisted();
    let pando_mls::Processed::Commit(staged) = processed else { panic!("not a Commit") };
    let _ = third.group.merge(*staged).unwrap();
    (commit, third.group.group_info().without_tree().build(&third.cx).unwrap())
}

/// Returns operations that read rows.
pub(crate) fn reading(fixture: &Fixture) -> Vec<Operation<'_>> {
    let mut operations = receiving(fixture);
    let open = |our_group: &mut OurGroup| {
        our_group.group = match &our_group.store {
            Some(store) => PublicGroup::open(store.clone(), &RustCrypto, Limits::default())?,
            None => PublicGroup::load(&our_group.rows, &RustCrypto, &Names, Limits::default())?,
        };
        text(our_group.group.public().context())
    };
    let rows = |our_group: &mut OurGroup| text(our_group.group.rows()?);
    let (commit, group_info) = confirmed(fixture);
    let [staged, rolled_back, again] = [0, 1, 2].map(|_| commit.clone());
    let mut commits = many_commits(fixture, false);
    let last = commits.pop().unwrap();
    let (first, second) = (commits[0].clone(), commits[1].clone());
    operations.extend([
        Operation::new(&["PublicGroup::open"], "open", open),
        Operation::new(&["PublicGroup::rows"], "rows", rows),
        Operation::new(&["PublicGroup::rows"], "rows after a roll back", rows).after(move |our_group| {
            our_group.enter(&rolled_back);
            our_group.roll_back().unwrap();
        }),
        Operation::new(&["PublicGroup::merge"], "merge", move |our_group| {
            our_group
                .group
                .merge(our_group.staged.as_ref().unwrap(), &group_info)?
                .into_parts()
                .1
                .apply(&mut our_group.rows)
                .unwrap();
            text(our_group.group.public().context())
        })
        .after(move |our_group| our_group.stage(&commit)),
        Operation::new(
            &["PublicGroup::public", "PublicStaged::public"],
            "trees of a staged Commit",
            |our_group| {
                let (before, after) = (our_group.group.public(), our_group.staged.as_ref().unwrap().public());
                let exports = (before.tree().export()?, after.tree().export()?);
                text((exports, before.credential(OTHER)?, after.credential(LeafIndex(1))?))
            },
        )
        .after(move |our_group| our_group.stage(&staged)),
        takes("commit in the next epoch", second).after({
            let first = first.clone();
            move |our_group| our_group.enter(&first)
        }),
        takes("another commit after a roll back", first).after(move |our_group| {
            our_group.enter(&again);
            our_group.roll_back().unwrap();
        }),
        takes("commit after many", last).after(move |our_group| {
            commits.iter().for_each(|commit| our_group.enter(commit));
        }),
    ]);
    operations
}

/// Returns operations that read no row after the group has been opened.
pub(crate) fn reading_nothing(fixture: &Fixture) -> Vec<Operation<'_>> {
    let commit = confirmed(fixture).0;
    let reinit = fixture.other(false).commit(|fixture, builder| builder.proposal(reinit(fixture)));
    let proposal = fixture.other(false).propose(make::remove(12));
    let [merged, rolled_back, staged] = [0, 1, 2].map(|_| commit.clone());
    vec![
        Operation::new(&["PublicGroup::merge_unconfirmed"], "merge unconfirmed", OurGroup::merge_unconfirmed)
            .after(move |our_group| our_group.stage(&merged)),
        Operation::new(&["PublicGroup::roll_back"], "roll back", OurGroup::roll_back)
            .after(move |our_group| our_group.enter(&rolled_back)),
        Operation::new(&["PublicGroup::roll_back"], "roll back a ReInit", OurGroup::roll_back)
            .after(move |our_group| our_group.enter(&reinit)),
        Operation::new(
            &[
                "PublicGroup::pending_proposals",
                "PublicGroup::public",
                "PublicGroup::reinit",
                "PublicGroup::state",
                "PublicGroup::take_delta",
            ],
            "look at the group",
            |our_group| {
                assert!(our_group.group.take_delta().delta().is_empty());
                let (group, pending) = (&our_group.group, our_group.group.pending_proposals());
                let state = (group.state(), group.reinit());
                text((pending.collect::<Vec<_>>(), state, group.public().context()))
            },
        )
        .after(move |our_group| drop(our_group.process(&proposal, &AdmitAll).unwrap())),
        Operation::new(
            &["PublicStaged::leaf_changes", "PublicStaged::leaves_invalid_at", "PublicStaged::view"],
            "look at a staged Commit",
            |our_group| {
                let staged = our_group.staged.as_ref().unwrap();
                let view = staged.view(our_group.group.public())?;
                let changes = (staged.leaf_changes()?, view.leaf_changes()?);
                text((text_of_staged(staged), changes, staged.leaves_invalid_at(u64::MAX, &Names)?))
            },
        )
        .after(move |our_group| our_group.stage(&staged)),
    ]
}

#[test]
fn public_groups_survive_read_failures() {
    for operation in reading(&FIXTURE) {
        operation.check(&FIXTURE);
    }
}
