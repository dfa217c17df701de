//! Operations that call public functions, as a member whose group is opened.

use crate::fixture::{Fixture, OTHER, OWN, OurGroup, THIRD, branch, rng};
use crate::group_fixture::external_psk;
use crate::make;
use pando_mls::wire::Sender;
use pando_mls::{
    BasicIdentities, CommitBuilder, CommitOutput, CommitView, Created, DefaultRules, Encode, ExternalJoin,
    GroupError, GroupRules, LeafIndex, MlsMessage, Processed, Proposal, PublicStaged, RuleError, StateView,
    Unpersisted, propose_as_external_sender, propose_own_add,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fmt::Debug;

type Prepare<'a> = Box<dyn Fn(&Fixture, &mut OurGroup) + 'a>;
type Run<'a> = Box<dyn Fn(&Fixture, &mut OurGroup) -> Result<String, GroupError> + 'a>;

/// An operation that calls public functions. The answer is compared in text form.
pub(crate) struct Operation<'a> {
    pub(crate) functions: &'static [&'static str],
    pub(crate) name: String,
    encrypts_handshakes: bool,
    rules: Option<&'static dyn GroupRules>,
    prepare: Option<Prepare<'a>>,
    /// Whether the answer is an error even if all reads succeed.
    pub(crate) fails: bool,
    /// Whether the group is opened again after `prepare`.
    reloads: bool,
    /// A lower bound for the number of reads.
    pub(crate) least_reads: usize,
    pub(crate) run: Run<'a>,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(
        functions: &'static [&'static str],
        name: impl Into<String>,
        run: impl Fn(&Fixture, &mut OurGroup) -> Result<String, GroupError> + 'a,
    ) -> Self {
        let (name, run) = (name.into(), Box::new(run));
        Self {
            functions,
            name,
            encrypts_handshakes: true,
            rules: None,
            prepare: None,
            reloads: true,
            fails: false,
            least_reads: 0,
            run,
        }
    }

    /// States that the answer is an error even if all reads succeed.
    fn that_fails(self) -> Self {
        Self { fails: true, ..self }
    }

    /// Sets a function that prepares the group. The store does not fail while this function runs.
    pub(crate) fn after(self, prepare: impl Fn(&Fixture, &mut OurGroup) + 'a) -> Self {
        Self { prepare: Some(Box::new(prepare)), ..self }
    }

    /// Sets a function that prepares the group. The group is not opened again afterwards, so the
    /// changes stay in memory.
    pub(crate) fn after_in_memory(self, prepare: impl Fn(&Fixture, &mut OurGroup) + 'a) -> Self {
        Self { reloads: false, ..self.after(prepare) }
    }

    fn with_rules(self, rules: &'static dyn GroupRules) -> Self {
        Self { rules: Some(rules), ..self }
    }

    fn in_public(self) -> Self {
        Self { encrypts_handshakes: false, ..self }
    }

    /// Returns the group on which the operation runs.
    pub(crate) fn our_group(&self, fixture: &Fixture, is_opened: bool) -> OurGroup {
        let mut our_group = OurGroup::new(fixture, self.encrypts_handshakes, is_opened);
        if let Some(prepare) = &self.prepare {
            prepare(fixture, &mut our_group);
            our_group.store_changes();
            // A staged epoch belongs to the group object that has staged it, so this object must be
            // kept.
            if self.reloads && our_group.staged.is_none() {
                our_group.reload(fixture);
            }
        }
        our_group.rules = self.rules.unwrap_or(our_group.rules);
        our_group
    }
}

/// Rules that read all the data that they can access.
pub(crate) struct Curious;

impl GroupRules for Curious {
    fn admit(&self, state: StateView<'_>, sender: Sender, _: &Proposal) -> Result<(), RuleError> {
        if let Sender::Member(leaf) = sender {
            state.credential(leaf)?;
        }
        Ok(state.tree().leaf(LeafIndex(0)).map(drop)?)
    }

    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        commit.leaf_changes()?;
        for state in commit.before().into_iter().chain([commit.after()]) {
            state.credential(LeafIndex(0))?;
        }
        Ok(())
    }
}

/// Rules that forbid the removal of the first member.
pub(crate) struct Loyal;

impl GroupRules for Loyal {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let is_there = commit.after().credential(LeafIndex(0))?.is_some();
        if is_there { Ok(()) } else { Err(RuleError::refused("the first member stays")) }
    }
}

pub(crate) fn text(answer: impl Debug) -> Result<String, GroupError> {
    Ok(format!("{answer:?}"))
}

pub(crate) fn encoded(message: &impl Encode) -> Vec<u8> {
    message.encode().unwrap()
}

/// Returns those contents of a staged epoch that can be obtained without a read.
pub(crate) fn text_of_staged(staged: &PublicStaged) -> String {
    let left_out: Vec<_> = staged.left_out().collect();
    let (proposals, added): (Vec<_>, Vec<_>) = (staged.proposals().collect(), staged.added().collect());
    let (committer, removed) = (staged.committer(), staged.removed());
    let (context, data) = (staged.public().context(), staged.authenticated_data());
    format!("{context:?} {committer:?} {data:?} {proposals:?} {left_out:?} {added:?} {removed:?}")
}

pub(crate) fn take(
    fixture: &Fixture,
    our_group: &mut OurGroup,
    message: &MlsMessage,
) -> Result<Processed, GroupError> {
    let (processed, delta) =
        our_group.group.process_bytes(&message.encode().unwrap(), &our_group.client(fixture))?.into_parts();
    our_group.apply(&delta);
    Ok(processed)
}

pub(crate) fn take_all(fixture: &Fixture, our_group: &mut OurGroup, messages: &[MlsMessage]) {
    for message in messages {
        take(fixture, our_group, message).unwrap();
    }
}

/// Processes a message. If the message is a Commit, merges it.
pub(crate) fn process(
    fixture: &Fixture,
    our_group: &mut OurGroup,
    message: &MlsMessage,
) -> Result<String, GroupError> {
    match take(fixture, our_group, message)? {
        Processed::Application { sender, credential, epoch, data, .. } => {
            text((sender, credential, epoch, data))
        }
        Processed::Commit(staged) => {
            let staged_text = text_of_staged(&staged);
            let (lost, delta) = our_group.group.merge(*staged)?.into_parts();
            our_group.apply(&delta);
            text((staged_text, lost))
        }
        other => text(other),
    }
}

pub(crate) fn stage(fixture: &Fixture, our_group: &mut OurGroup, message: &MlsMessage) {
    let Processed::Commit(staged) = take(fixture, our_group, message).unwrap() else {
        panic!("not a Commit")
    };
    our_group.staged = Some(*staged);
}

pub(crate) fn propose(
    fixture: &Fixture,
    our_group: &mut OurGroup,
    proposal: Proposal,
) -> Result<String, GroupError> {
    let cx = our_group.client(fixture);
    let (message, delta) = our_group.group.propose(proposal, b"data", &cx, &mut rng())?.into_parts();
    our_group.apply(&delta);
    text(encoded(&message))
}

pub(crate) fn propose_update(
    fixture: &Fixture,
    our_group: &mut OurGroup,
    is_new: bool,
) -> Result<MlsMessage, GroupError> {
    let (cx, new_leaf) = (our_group.client(fixture), is_new.then(|| fixture.new_leaf()));
    let (message, delta) = our_group.group.propose_update(new_leaf, b"data", &cx, &mut rng())?.into_parts();
    our_group.apply(&delta);
    Ok(message)
}

fn build(
    fixture: &Fixture,
    our_group: &mut OurGroup,
    fill: &dyn for<'b> Fn(&'b Fixture, CommitBuilder<'b>) -> CommitBuilder<'b>,
) -> Result<String, GroupError> {
    let cx = our_group.client(fixture);
    let output = fill(fixture, our_group.group.commit()).build(&cx, &mut rng())?;
    let (CommitOutput { message, welcome, group_info, left_out, .. }, delta) = output.into_parts();
    our_group.apply(&delta);
    text((encoded(&message), welcome.as_ref().map(encoded), group_info.as_ref().map(encoded), left_out))
}

/// Returns an operation that creates a Commit.
fn builds<'a>(
    name: &str,
    fill: impl for<'b> Fn(&'b Fixture, CommitBuilder<'b>) -> CommitBuilder<'b> + 'a,
) -> Operation<'a> {
    Operation::new(&["CommitBuilder::build"], format!("commit {name}"), move |fixture, our_group| {
        build(fixture, our_group, &fill)
    })
}

/// Returns an operation that processes a message from another member or from a client outside the
/// group.
pub(crate) fn takes<'a>(name: impl Into<String>, message: MlsMessage) -> Operation<'a> {
    Operation::new(
        &["Group::process", "Group::process_bytes"],
        format!("take {}", name.into()),
        move |fixture, our_group| process(fixture, our_group, &message),
    )
}

/// Returns a proposal of each kind that any member can create, except Updates.
pub(crate) fn proposals(fixture: &Fixture) -> Vec<(&'static str, Proposal)> {
    vec![
        ("Add", make::add(fixture.key_package(0))),
        ("Remove", make::remove(12)),
        ("PSK", make::psk(external_psk(1), 32)),
        ("extensions", make::set_extensions(make::extensions(&[0xf0f0]))),
        ("custom", make::custom(0xf001, b"custom")),
        ("ReInit", reinit(fixture)),
    ]
}

pub(crate) fn reinit(fixture: &Fixture) -> Proposal {
    Proposal::ReInit(Box::new(make::reinit(fixture.suite, make::extensions(&[]))))
}

pub(crate) type Fill = for<'b> fn(&'b Fixture, CommitBuilder<'b>) -> CommitBuilder<'b>;

/// Commits that any member can create.
pub(crate) const COMMITS: &[(&str, Fill)] = &[
    ("plain", |_, builder| builder),
    ("without a path", |_, builder| builder.psk(external_psk(1)).without_path()),
    ("Add", |fixture, builder| builder.add(fixture.key_package(0))),
    ("Add without a path", |fixture, builder| builder.add(fixture.key_package(0)).without_path()),
    ("Remove", |_, builder| builder.remove(LeafIndex(12))),
    ("Remove and Add", |fixture, builder| builder.remove(LeafIndex(12)).add(fixture.key_package(0))),
    ("Adds in a larger tree", |fixture, builder| {
        (0..6).fold(builder, |builder, newcomer| builder.add(fixture.key_package(newcomer)))
    }),
    ("extensions", |_, builder| builder.extensions(make::extensions(&[0xf0f0]))),
    ("custom", |_, builder| builder.proposal(make::custom(0xf001, b"custom")).without_path()),
    ("ReInit", |fixture, builder| builder.proposal(reinit(fixture))),
];

/// Returns operations that send a message or change nothing.
pub(crate) fn sending(fixture: &Fixture) -> Vec<Operation<'_>> {
    let mut operations = vec![Operation::new(
        &["Group::group_info", "GroupInfoBuilder::build"],
        "describe with the tree",
        |fixture, our_group| text(encoded(&our_group.group.group_info().build(&our_group.client(fixture))?)),
    )];
    // Operations that send proposals.
    for (name, proposal) in proposals(fixture) {
        operations.push(Operation::new(
            &["Group::propose"],
            format!("propose {name}"),
            move |fixture, our_group| propose(fixture, our_group, proposal.clone()),
        ));
    }
    let removal = fixture.other(true).propose(make::remove(12));
    operations.extend([
        Operation::new(&["Group::propose"], "propose in public", |fixture, our_group| {
            propose(fixture, our_group, make::remove(12))
        })
        .in_public(),
        Operation::new(&["Group::propose"], "propose by curious rules", |fixture, our_group| {
            propose(fixture, our_group, make::remove(12))
        })
        .with_rules(&Curious),
        Operation::new(&["Group::propose"], "propose custom after a Remove", |fixture, our_group| {
            propose(fixture, our_group, make::custom(0xf001, b"custom"))
        })
        .after(move |fixture, our_group| take_all(fixture, our_group, std::slice::from_ref(&removal))),
        Operation::new(&["Group::propose"], "propose an Update again", |fixture, our_group| {
            let update = our_group.group.pending_proposals().next().unwrap().proposal.clone();
            propose(fixture, our_group, update)
        })
        .after(|fixture, our_group| drop(propose_update(fixture, our_group, false).unwrap())),
        Operation::new(&["Group::propose_update"], "propose an Update", |fixture, our_group| {
            text(encoded(&propose_update(fixture, our_group, false)?))
        }),
        Operation::new(&["Group::propose_update"], "propose another leaf", |fixture, our_group| {
            text(encoded(&propose_update(fixture, our_group, true)?))
        }),
        Operation::new(
            &["Group::propose_update"],
            "propose an Update by curious rules",
            |fixture, our_group| text(encoded(&propose_update(fixture, our_group, false)?)),
        )
        .with_rules(&Curious),
    ]);
    // Operations that create successor groups.
    let reinit = fixture.other(true).commit(|fixture, builder| builder.proposal(reinit(fixture)));
    operations.extend([
        Operation::new(&["Group::branch"], "branch", |fixture, our_group| {
            let created = branch(&our_group.group, fixture.successor(OWN), &our_group.client(fixture))?;
            text_of_created(&created)
        }),
        Operation::new(&["Group::reinitialize"], "reinitialize", |fixture, our_group| {
            let (successor, cx) = (fixture.successor(OWN), our_group.client(fixture));
            text_of_created(&our_group.group.reinitialize(successor, &cx, &mut rng())?)
        })
        .after(move |fixture, our_group| drop(process(fixture, our_group, &reinit).unwrap())),
    ]);
    operations
}

fn text_of_created(created: &Unpersisted<Created>) -> Result<String, GroupError> {
    let Created { group, welcome } = created.peek();
    text((group.rows()?, welcome.as_ref().map(encoded), created.delta().writes().count()))
}

/// Returns operations that create Commits.
pub(crate) fn committing(fixture: &Fixture) -> Vec<Operation<'_>> {
    let mut operations: Vec<_> = COMMITS.iter().map(|(name, fill)| builds(name, fill)).collect();
    operations.extend([
        builds("in public", |_, builder| builder.remove(LeafIndex(12))).in_public(),
        builds("with a GroupInfo", |fixture, builder| builder.add(fixture.key_package(0)).with_group_info()),
        builds("without the tree", |fixture, builder| builder.add(fixture.key_package(0)).without_tree()),
        builds("another leaf", |fixture, builder| builder.new_leaf(fixture.new_leaf())),
        builds("in the next epoch", |_, builder| builder.remove(LeafIndex(2))).after_in_memory(enter_next),
        builds("by curious rules", |_, builder| builder.remove(LeafIndex(12))).with_rules(&Curious),
    ]);
    // Operations that commit proposals by reference.
    let mut third = fixture.third(true);
    let mut all = vec![third.propose_update()];
    for (name, proposal) in proposals(fixture) {
        if name != "ReInit" {
            all.push(third.propose(proposal.clone()));
        }
        let message = fixture.third(true).propose(proposal);
        operations.push(builds(&format!("{name} by reference"), |_, builder| builder).after(
            move |fixture, our_group| {
                take_all(fixture, our_group, std::slice::from_ref(&message));
            },
        ));
    }
    let update = fixture.third(true).propose_update();
    let refused: Vec<_> = {
        let mut other = fixture.other(true);
        [0, 12].map(|leaf| other.propose(make::remove(leaf))).into()
    };
    let pending = [update.clone(), fixture.other(true).propose(make::remove(12))];
    let double = fixture.third(true).propose(make::add(fixture.double.key_package()));
    // Our Commit makes the group check the tombstones of its keys against the store.
    let many = many_commits(fixture, true);
    let after_many = builds("after many", |_, builder| builder.remove(LeafIndex(12))).after_in_memory(
        move |fixture, our_group| {
            for commit in &many[..12] {
                process(fixture, our_group, commit).unwrap();
            }
        },
    );
    operations.extend([
        Operation { least_reads: 60, ..after_many },
        builds("Add of a member", |fixture, builder| builder.add(fixture.double.key_package())).that_fails(),
        builds("Add of a member by reference", |_, builder| builder)
            .after(move |fixture, our_group| take_all(fixture, our_group, std::slice::from_ref(&double))),
        builds("Update by reference", |_, builder| builder)
            .after(move |fixture, our_group| take_all(fixture, our_group, std::slice::from_ref(&update))),
        builds("Updates, without our own", |_, builder| builder).after(move |fixture, our_group| {
            propose_update(fixture, our_group, false).unwrap();
            take_all(fixture, our_group, &pending);
        }),
        builds("all by reference", |_, builder| builder)
            .after(move |fixture, our_group| take_all(fixture, our_group, &all)),
        builds("what the rules allow", |_, builder| builder)
            .with_rules(&Loyal)
            .after(move |fixture, our_group| take_all(fixture, our_group, &refused)),
    ]);
    operations
}

/// Returns consecutive Commits. The last one makes an opened group check the tombstones of its keys
/// against the store.
pub(crate) fn many_commits(fixture: &Fixture, encrypts_handshakes: bool) -> Vec<MlsMessage> {
    let mut other = fixture.other(encrypts_handshakes);
    let mut next = || {
        let commit = other.commit(|_, builder| builder);
        let _ = other.group.merge_pending().unwrap();
        commit
    };
    (0..13).map(|_| next()).collect()
}

/// Returns operations that process messages.
pub(crate) fn receiving(fixture: &Fixture) -> Vec<Operation<'_>> {
    let mut operations = vec![
        takes("data", fixture.other(true).send(b"hello")),
        takes("late data", fixture.late_of_silent.clone()),
    ];
    for encrypts in [true, false] {
        let format = if encrypts { "encrypted" } else { "public" };
        // Operations that process proposals.
        for (name, proposal) in proposals(fixture) {
            operations
                .push(takes(format!("{name}, {format}"), fixture.other(encrypts).propose(proposal.clone())));
        }
        operations.push(takes(format!("Update, {format}"), fixture.third(encrypts).propose_update()));
        // Operations that process Commits.
        for (name, fill) in COMMITS {
            let commit = fixture.other(encrypts).commit(fill);
            operations.push(takes(format!("commit {name}, {format}"), commit));
        }
        let commit = fixture.other(encrypts).commit(|_, builder| builder.remove(OWN));
        operations.push(takes(format!("our removal, {format}"), commit));
        // Operations that process Commits that refer to proposals.
        let mut third = fixture.third(encrypts);
        let mut sent: Vec<_> = proposals(fixture)
            .into_iter()
            .filter(|(name, _)| *name != "ReInit")
            .map(|(_, proposal)| third.propose(proposal))
            .collect();
        sent.push(third.propose_update());
        let mut other = fixture.other(encrypts);
        other.take(&sent);
        let commit = other.commit(|_, builder| builder);
        operations.push(takes(format!("commit to a missing one, {format}"), commit.clone()).that_fails());
        operations.push(
            takes(format!("commit by reference, {format}"), commit)
                .after(move |fixture, our_group| take_all(fixture, our_group, &sent)),
        );
        let reinit = fixture.third(encrypts).propose(reinit(fixture));
        let mut other = fixture.other(encrypts);
        other.take(std::slice::from_ref(&reinit));
        operations.push(
            takes(format!("commit ReInit by reference, {format}"), other.commit(|_, builder| builder))
                .after(move |fixture, our_group| take_all(fixture, our_group, std::slice::from_ref(&reinit))),
        );
        let mut own = OurGroup::new(fixture, true, false);
        let mut other = fixture.other(encrypts);
        other.take(&[propose_update(fixture, &mut own, false).unwrap()]);
        operations.push(
            takes(format!("commit of our Update, {format}"), other.commit(|_, builder| builder))
                .after(|fixture, our_group| drop(propose_update(fixture, our_group, false).unwrap())),
        );
        // Operations in which the application's rules are checked.
        let commit = fixture.other(encrypts).commit(|_, builder| builder.remove(LeafIndex(0)));
        operations.push(takes(format!("by curious rules, {format}"), commit.clone()).with_rules(&Curious));
        operations.push(
            takes(format!("what the rules refuse, {format}"), commit.clone()).with_rules(&Loyal).that_fails(),
        );
        let proposal = fixture.other(encrypts).propose(make::remove(12));
        operations.push(takes(format!("Remove by curious rules, {format}"), proposal).with_rules(&Curious));
        // Operations that process a Commit while another Commit is pending.
        operations.push(takes(format!("commit that wins, {format}"), commit).after(|fixture, our_group| {
            build(fixture, our_group, &|_, builder| builder.remove(LeafIndex(12))).unwrap();
        }));
    }
    // An operation that processes a Commit of a member with a different identity policy.
    let mut other = fixture.other(true);
    other.cx = other.cx.with_policy(&BasicIdentities);
    let double = other.commit(|fixture, builder| builder.add(fixture.double.key_package()));
    operations.push(takes("commit Add of a member", double).that_fails());
    // An operation that processes a Commit that has been decrypted before.
    let commit = fixture.other(true).commit(|_, builder| builder.remove(LeafIndex(12)));
    operations.push(takes("commit again", commit.clone()).after(move |fixture, our_group| {
        take(fixture, our_group, &commit).unwrap();
    }));
    // An operation that processes a Commit of an epoch that the group has entered since it was
    // opened.
    let mut commits = many_commits(fixture, true);
    let last = commits.pop().unwrap();
    let (first, second) = (commits[0].clone(), commits[1].clone());
    operations.push(takes("commit in the next epoch", second).after_in_memory(move |fixture, our_group| {
        drop(process(fixture, our_group, &first).unwrap());
    }));
    let many = takes("commit after many", last).after_in_memory(move |fixture, our_group| {
        for commit in &commits {
            process(fixture, our_group, commit).unwrap();
        }
    });
    operations.push(Operation { least_reads: 60, ..many });
    // Operations that process messages from outside the group.
    let context = fixture.other(true).group.public().context().clone();
    let server = fixture.outsider(&*fixture.server);
    for (name, proposal) in proposals(fixture) {
        if name != "custom" {
            let message = propose_as_external_sender(&context, proposal, &server).unwrap();
            operations.push(takes(format!("{name} of a server"), message));
        }
    }
    let newcomer = &fixture.newcomers[0];
    let cx = fixture.outsider(&*newcomer.signer);
    let own_add = propose_own_add(&context, newcomer.key_package(), &cx).unwrap();
    operations.extend([
        takes("own Add of a newcomer", own_add.clone()),
        takes("own Add of a newcomer by curious rules", own_add.clone()).with_rules(&Curious),
        takes("own Add that is not admitted", own_add).with_rules(&DefaultRules),
    ]);
    for (name, resync, newcomer) in
        [("external commit", None, newcomer), ("resync", Some(THIRD), &fixture.newcomers[1])]
    {
        let other = fixture.other(true);
        let group_info = other.group.group_info().build(&other.cx).unwrap();
        let of_name = resync.unwrap_or(OTHER);
        let template = match resync {
            Some(leaf) => fixture.leaf_template(leaf),
            None => {
                let credential = newcomer.bundle.key_package.leaf_node.credential.clone();
                pando_mls::LeafTemplate { credential, ..fixture.leaf_template(of_name) }
            }
        };
        let join = ExternalJoin::new(&group_info, template).replace_leaf(resync).psks([external_psk(1)]);
        let cx = fixture.outsider(&*newcomer.signer);
        operations.push(takes(name, join.build(&cx, &mut rng()).unwrap().assume_persisted().1));
    }
    // Operations that process Welcomes to successor groups.
    let mut other = fixture.other(true);
    let created = branch(&other.group, fixture.successor(OTHER), &other.cx).unwrap();
    let reinit = other.commit(|fixture, builder| builder.proposal(reinit(fixture)));
    let _ = other.group.merge_pending().unwrap();
    let reinitialized =
        other.group.reinitialize(fixture.successor(OTHER), &other.cx, &mut rng()).unwrap().assume_persisted();
    let (branched, reinitialized) =
        (created.assume_persisted().welcome.unwrap(), reinitialized.welcome.unwrap());
    operations.extend([
        joins("a branch", branched),
        joins("a branch of a past epoch", fixture.old_branch.clone()),
        joins("a reinitialized group", reinitialized)
            .after(move |fixture, our_group| drop(process(fixture, our_group, &reinit).unwrap())),
    ]);
    operations
}

fn joins<'a>(name: &str, welcome: pando_mls::Welcome) -> Operation<'a> {
    Operation::new(&["Group::join_successor"], format!("join {name}"), move |fixture, our_group| {
        let (bundle, cx) = (fixture.own_bundle(), our_group.client(fixture));
        let (group, delta) = our_group.group.join_successor(&welcome, &bundle, None, &cx)?.into_parts();
        text((group.rows()?, delta.writes().count()))
    })
}

/// Creates a pending Commit before the group is opened.
pub(crate) fn is_pending(fixture: &Fixture, our_group: &mut OurGroup) {
    build(fixture, our_group, &|fixture, builder| {
        builder.remove(LeafIndex(12)).add(fixture.key_package(0)).proposal(make::remove(0))
    })
    .unwrap();
}

/// Creates and merges a Commit of our own.
pub(crate) fn enter_next(fixture: &Fixture, our_group: &mut OurGroup) {
    let (cx, mut rng) = (our_group.client(fixture), ChaCha20Rng::seed_from_u64(98));
    let builder = our_group.group.commit().remove(LeafIndex(12)).add(fixture.key_package(0));
    let output = builder.build(&cx, &mut rng).unwrap();
    our_group.apply(&output.into_parts().1);
    let delta = our_group.group.merge_pending().unwrap();
    our_group.apply(&delta.into_parts().1);
}
