//! Calls of the public functions of an opened [`PublicGroup`].

use crate::make;
use crate::names::Names;
use crate::operations::{COMMITS, Curious, Loyal, many_commits, proposals, reinit, text, text_of_staged};
use crate::setting::{OTHER, Setting, THIRD, rng};
use crate::store::{Failure, Store, copy};
use crate::world::{external_psk, over_the_wire};
use crate::{Answer, SETTING, is_read_failure};
use pando_mls::{
    AdmitAll, DefaultRules, ExternalJoin, GroupInfo, GroupRules, LeafIndex, LeafTemplate, Limits, MlsMessage,
    PublicGroup, PublicProcessed, PublicStaged, Rows, RustCrypto, propose_as_external_sender,
    propose_own_add,
};
use std::sync::Arc;

type Prepare<'a> = Box<dyn Fn(&mut Subject) + 'a>;
type Run<'a> = Box<dyn Fn(&mut Subject) -> Answer + 'a>;

/// A public group with its rows and its store.
struct Subject {
    group: PublicGroup,
    /// The rows as they are stored after the operations so far.
    rows: Rows,
    staged: Option<PublicStaged>,
    /// The store of the tree, unless the group is in memory.
    store: Option<Arc<Store>>,
}

/// The observable state of a public group.
#[derive(Debug, PartialEq)]
struct Snapshot {
    rows: Rows,
    pending: String,
}

/// The answer for a group in memory, the states before and after it, and the number of reads if the
/// group is opened.
pub(crate) struct Expected {
    before: Snapshot,
    answer: Answer,
    after: Snapshot,
    pub(crate) reads: usize,
}

/// A call of public functions. Its answer is compared as text.
pub(crate) struct Operation<'a> {
    pub(crate) functions: &'static [&'static str],
    name: String,
    prepare: Prepare<'a>,
    /// Whether the answer is an error, even if everything can be read.
    fails: bool,
    run: Run<'a>,
}

impl Subject {
    fn new(setting: &Setting, is_opened: bool) -> Self {
        let member_rows = &setting.own.rows;
        let group = PublicGroup::load(member_rows, &RustCrypto, &Names, Limits::default()).unwrap();
        let rows = group.rows().unwrap();
        if !is_opened {
            return Self { group, rows, staged: None, store: None };
        }
        let store = Store::new(&rows);
        let group = PublicGroup::open(store.clone(), &RustCrypto, Limits::default()).unwrap();
        Self { group, rows, staged: None, store: Some(store) }
    }

    /// Reads everything, and checks that the stored rows are the group's.
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
        run: impl Fn(&mut Subject) -> Answer + 'a,
    ) -> Self {
        Self { functions, name: name.into(), prepare: Box::new(|_| ()), fails: false, run: Box::new(run) }
    }

    fn that_fails(self) -> Self {
        Self { fails: true, ..self }
    }

    /// Prepares the group, with a store that does not fail.
    fn after(self, prepare: impl Fn(&mut Subject) + 'a) -> Self {
        Self { prepare: Box::new(prepare), ..self }
    }

    fn subject(&self, setting: &Setting, is_opened: bool) -> Subject {
        let mut subject = Subject::new(setting, is_opened);
        (self.prepare)(&mut subject);
        subject
    }

    /// Runs the operation on a group in memory, and on an opened group with a sound store.
    pub(crate) fn expected(&self, setting: &Setting) -> Expected {
        let mut expected = [false, true].map(|is_opened| {
            let before = self.subject(setting, is_opened).snapshot();
            let mut subject = self.subject(setting, is_opened);
            let reads = |subject: &Subject| subject.store.as_ref().map_or(0, |store| store.reads());
            let first = reads(&subject);
            let answer = (self.run)(&mut subject);
            let reads = reads(&subject) - first;
            assert_eq!(answer.is_err(), self.fails, "{}: {answer:?}", self.name);
            Expected { before, answer, after: subject.snapshot(), reads }
        });
        let [resident, opened] = &mut expected;
        assert_eq!(opened.answer, resident.answer, "{}", self.name);
        assert!(opened.before == resident.before && opened.after == resident.after, "{}", self.name);
        let [_, opened] = expected;
        opened
    }

    /// Runs the operation while no row can be read.
    pub(crate) fn check_reads_nothing(&self, setting: &Setting) {
        let expected = self.expected(setting);
        assert_eq!(expected.reads, 0, "{}", self.name);
        let mut subject = self.subject(setting, true);
        let store = subject.store.clone().unwrap();
        store.fail(0..=usize::MAX, Failure::Error);
        assert_eq!((self.run)(&mut subject), expected.answer, "{}", self.name);
        store.repair();
        assert!(subject.snapshot() == expected.after, "{}", self.name);
    }

    /// Runs the operation while each of its reads fails, once or for good.
    fn check(&self, setting: &Setting) {
        let expected = self.expected(setting);
        for read in 0..expected.reads {
            for (last, failure) in
                [(read, Failure::Error), (read, Failure::Missing), (usize::MAX, Failure::Error)]
            {
                let what = format!("{}: reads {read}..={last} of {}, {failure:?}", self.name, expected.reads);
                let mut subject = self.subject(setting, true);
                let (store, rows) = (subject.store.clone().unwrap(), copy(&subject.rows));
                store.fail(read..=last, failure);
                let failed = (self.run)(&mut subject);
                assert!(is_read_failure(&failed), "{what}: {failed:?}");
                assert!(subject.group.take_delta().delta().is_empty() && subject.rows == rows, "{what}");
                if last == usize::MAX {
                    let failed = (self.run)(&mut subject);
                    assert!(is_read_failure(&failed), "{what}: {failed:?}");
                    store.repair();
                    assert!(subject.snapshot() == expected.before, "{what}");
                }
                assert_eq!((self.run)(&mut subject), expected.answer, "{what}");
                assert!(subject.snapshot() == expected.after, "{what}");
            }
        }
        // Each row can be read only at the second attempt.
        let mut subject = self.subject(setting, true);
        let store = subject.store.clone().unwrap();
        store.fail_first();
        let mut attempts = (0..=expected.reads).map(|_| (self.run)(&mut subject));
        let answer = attempts.find(|answer| !is_read_failure(answer));
        assert_eq!(answer.as_ref(), Some(&expected.answer), "{}", self.name);
        store.repair();
        assert!(subject.snapshot() == expected.after, "{}", self.name);
    }
}

fn takes_by<'a>(
    name: impl Into<String>,
    message: MlsMessage,
    rules: &'static dyn GroupRules,
) -> Operation<'a> {
    let name = format!("take {}", name.into());
    Operation::new(&["PublicGroup::process"], name, move |subject| subject.process(&message, rules))
}

fn takes<'a>(name: impl Into<String>, message: MlsMessage) -> Operation<'a> {
    takes_by(name, message, &AdmitAll)
}

/// Returns operations that process messages of members and from outside the group.
fn receiving(setting: &Setting) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (name, proposal) in proposals(setting) {
        operations.push(takes(name, setting.other(false).propose(proposal)));
    }
    operations.push(takes("Update", setting.third(false).propose_update()));
    for (name, fill) in COMMITS {
        operations.push(takes(format!("commit {name}"), setting.other(false).commit(fill)));
    }
    // Commits that refer to proposals.
    let mut third = setting.third(false);
    let mut sent: Vec<_> = proposals(setting)
        .into_iter()
        .filter(|(name, _)| *name != "ReInit")
        .map(|(_, proposal)| third.propose(proposal))
        .collect();
    sent.push(third.propose_update());
    let mut other = setting.other(false);
    other.take(&sent);
    let commit = other.commit(|_, builder| builder);
    operations.push(takes("commit to a missing one", commit.clone()).that_fails());
    operations.push(takes("commit by reference", commit).after(move |subject| {
        sent.iter().for_each(|message| drop(subject.process(message, &AdmitAll).unwrap()));
    }));
    // Rules, and clients that are members already.
    let commit = setting.other(false).commit(|_, builder| builder.remove(LeafIndex(0)));
    operations.push(takes_by("by curious rules", commit.clone(), &Curious));
    operations.push(takes_by("what the rules refuse", commit, &Loyal).that_fails());
    let removal = setting.other(false).propose(make::remove(12));
    operations.push(takes_by("Remove by curious rules", removal, &Curious));
    let mut other = setting.other(false);
    other.client = other.client.with_policy(&pando_mls::BasicIdentities);
    let double = other.commit(|setting, builder| builder.add(setting.double.key_package()));
    operations.push(takes("commit Add of a member", double).that_fails());
    // Messages from outside the group.
    let context = setting.other(false).group.public().context().clone();
    let server = setting.outsider(&*setting.server);
    for (name, proposal) in proposals(setting).into_iter().filter(|(name, _)| *name != "custom") {
        let message = propose_as_external_sender(&context, proposal, &server).unwrap();
        operations.push(takes(format!("{name} of a server"), message));
    }
    let newcomer = &setting.newcomers[0];
    let client = setting.outsider(&*newcomer.signer);
    let own_add = propose_own_add(&context, newcomer.key_package(), &client).unwrap();
    operations.push(takes_by("own Add by curious rules", own_add.clone(), &Curious));
    operations.push(takes_by("own Add that is not admitted", own_add, &DefaultRules));
    for (name, resync, newcomer) in
        [("external commit", None, newcomer), ("resync", Some(THIRD), &setting.newcomers[1])]
    {
        let other = setting.other(false);
        let group_info = other.group.group_info().build(&other.client).unwrap();
        let credential = newcomer.bundle.key_package.leaf_node.credential.clone();
        let template = match resync {
            Some(leaf) => setting.leaf_template(leaf),
            None => LeafTemplate { credential, ..setting.leaf_template(OTHER) },
        };
        let (psks, authenticated_data) = (vec![external_psk(1)], b"".as_slice());
        let join = ExternalJoin::new(&group_info, template)
            .replace_leaf(resync)
            .psks(psks)
            .authenticated_data(authenticated_data);
        let client = setting.outsider(&*newcomer.signer);
        operations.push(takes(name, join.build(&client, &mut rng()).unwrap().assume_persisted().1));
    }
    operations
}

/// Returns a Commit, and a GroupInfo of its epoch that another member has signed.
fn confirmed(setting: &Setting) -> (MlsMessage, GroupInfo) {
    let commit = setting
        .other(false)
        .commit(|setting, builder| builder.remove(LeafIndex(12)).add(setting.key_package(0)));
    let mut third = setting.third(false);
    let processed = third.group.process(over_the_wire(&commit), &third.client).unwrap().assume_persisted();
    let pando_mls::Processed::Commit(staged) = processed else { panic!("not a Commit") };
    let _ = third.group.merge(*staged).unwrap();
    (commit, third.group.group_info().without_tree().build(&third.client).unwrap())
}

/// Returns operations that read rows.
pub(crate) fn reading(setting: &Setting) -> Vec<Operation<'_>> {
    let mut operations = receiving(setting);
    let open = |subject: &mut Subject| {
        subject.group = match &subject.store {
            Some(store) => PublicGroup::open(store.clone(), &RustCrypto, Limits::default())?,
            None => PublicGroup::load(&subject.rows, &RustCrypto, &Names, Limits::default())?,
        };
        text(subject.group.public().context())
    };
    let rows = |subject: &mut Subject| text(subject.group.rows()?);
    let (commit, group_info) = confirmed(setting);
    let [staged, rolled_back, again] = [0, 1, 2].map(|_| commit.clone());
    let mut commits = many_commits(setting, false);
    let last = commits.pop().unwrap();
    let (first, second) = (commits[0].clone(), commits[1].clone());
    operations.extend([
        Operation::new(&["PublicGroup::open"], "open", open),
        Operation::new(&["PublicGroup::rows"], "rows", rows),
        Operation::new(&["PublicGroup::rows"], "rows after a roll back", rows).after(move |subject| {
            subject.enter(&rolled_back);
            subject.roll_back().unwrap();
        }),
        Operation::new(&["PublicGroup::merge"], "merge", move |subject| {
            subject
                .group
                .merge(subject.staged.as_ref().unwrap(), &group_info)?
                .into_parts()
                .1
                .apply(&mut subject.rows)
                .unwrap();
            text(subject.group.public().context())
        })
        .after(move |subject| subject.stage(&commit)),
        Operation::new(
            &["PublicGroup::public", "PublicStaged::public"],
            "trees of a staged Commit",
            |subject| {
                let (before, after) = (subject.group.public(), subject.staged.as_ref().unwrap().public());
                let exports = (before.tree().export()?, after.tree().export()?);
                text((exports, before.credential(OTHER)?, after.credential(LeafIndex(1))?))
            },
        )
        .after(move |subject| subject.stage(&staged)),
        takes("commit in the next epoch", second).after({
            let first = first.clone();
            move |subject| subject.enter(&first)
        }),
        takes("another commit after a roll back", first).after(move |subject| {
            subject.enter(&again);
            subject.roll_back().unwrap();
        }),
        takes("commit after many", last).after(move |subject| {
            commits.iter().for_each(|commit| subject.enter(commit));
        }),
    ]);
    operations
}

/// Returns operations that read no row once the group is opened.
pub(crate) fn reading_nothing(setting: &Setting) -> Vec<Operation<'_>> {
    let commit = confirmed(setting).0;
    let reinit = setting.other(false).commit(|setting, builder| builder.proposal(reinit(setting)));
    let proposal = setting.other(false).propose(make::remove(12));
    let [merged, rolled_back, staged] = [0, 1, 2].map(|_| commit.clone());
    vec![
        Operation::new(&["PublicGroup::merge_unconfirmed"], "merge unconfirmed", Subject::merge_unconfirmed)
            .after(move |subject| subject.stage(&merged)),
        Operation::new(&["PublicGroup::roll_back"], "roll back", Subject::roll_back)
            .after(move |subject| subject.enter(&rolled_back)),
        Operation::new(&["PublicGroup::roll_back"], "roll back a ReInit", Subject::roll_back)
            .after(move |subject| subject.enter(&reinit)),
        Operation::new(
            &[
                "PublicGroup::pending_proposals",
                "PublicGroup::public",
                "PublicGroup::reinit",
                "PublicGroup::state",
                "PublicGroup::take_delta",
            ],
            "look at the group",
            |subject| {
                assert!(subject.group.take_delta().delta().is_empty());
                let (group, pending) = (&subject.group, subject.group.pending_proposals());
                let state = (group.state(), group.reinit());
                text((pending.collect::<Vec<_>>(), state, group.public().context()))
            },
        )
        .after(move |subject| drop(subject.process(&proposal, &AdmitAll).unwrap())),
        Operation::new(
            &["PublicStaged::leaf_changes", "PublicStaged::leaves_invalid_at", "PublicStaged::view"],
            "look at a staged Commit",
            |subject| {
                let staged = subject.staged.as_ref().unwrap();
                let view = staged.view(subject.group.public())?;
                let changes = (staged.leaf_changes()?, view.leaf_changes()?);
                text((text_of_staged(staged), changes, staged.leaves_invalid_at(u64::MAX, &Names)?))
            },
        )
        .after(move |subject| subject.stage(&staged)),
    ]
}

#[test]
fn public_groups_survive_read_failures() {
    for operation in reading(&SETTING) {
        operation.check(&SETTING);
    }
}
