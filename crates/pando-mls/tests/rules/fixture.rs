//! A group of a raw member, two real members and an observer. All of them reject the raw member's
//! invalid messages without changing their state.

use crate::group_fixture::{GroupFixture, Member, Newcomer, client, over_the_wire, read, suite};
use crate::material::{AnyIdentity, ForgedKeyPackage, by_value, template, update};
use crate::raw_member::{RAW_MEMBER, RawMember, template_of};
use pando_mls::{
    BasicIdentities, Credential, Extensions, Group, GroupConfig, GroupContext, GroupError, IdentityPolicy,
    KeyPackageTemplate, Limits, MlsMessage, NewLeaf, PendingProposal, Processed, Proposal, PublicGroup,
    PublicProcessed, RustCrypto, Suite, Violation, Welcome,
};
use pando_wire::{LeafIndex, LeafNode, ProposalOrRef, RatchetTree, Sender};

/// The parameters of a group.
pub(crate) struct GroupParameters {
    pub(crate) suite: Suite,
    pub(crate) epoch: u64,
    pub(crate) extensions: Extensions,
    /// The template of all leaves.
    pub(crate) template: KeyPackageTemplate,
    pub(crate) policy: &'static dyn IdentityPolicy,
    pub(crate) config: GroupConfig,
}

pub(crate) struct RuleFixture {
    pub(crate) raw_member: RawMember,
    /// The members at leaves 1 and 2.
    pub(crate) members: Vec<Member>,
    pub(crate) observer: PublicGroup,
    pub(crate) policy: &'static dyn IdentityPolicy,
}

/// The parts of the state that a rejected message must not change.
#[derive(Debug, PartialEq)]
struct Snapshot {
    context: GroupContext,
    tree: RatchetTree,
    authenticator: Vec<u8>,
    pending: Vec<PendingProposal>,
}

fn snapshot(group: &Group) -> Snapshot {
    Snapshot {
        context: group.public().context().clone(),
        tree: group.public().tree().to_wire().unwrap(),
        authenticator: group.epoch_authenticator().unwrap().expose().to_vec(),
        pending: group.pending_proposals().cloned().collect(),
    }
}

impl RuleFixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut GroupParameters)) -> Self {
        let mut parameters = GroupParameters {
            suite: suite(1),
            epoch: 7,
            extensions: Extensions::default(),
            template: template(),
            policy: &BasicIdentities,
            config: GroupConfig::default(),
        };
        change(&mut parameters);
        let GroupParameters { suite, epoch, extensions, template, policy, config } = parameters;
        let mut raw_member = RawMember::with_template(suite, template.clone());
        let newcomers = [b"first".as_slice(), b"second"].map(|name| {
            let credential = Credential::Basic { identity: name.into() };
            Newcomer::new(suite, KeyPackageTemplate { credential, ..template.clone() }, &mut raw_member.rng)
        });
        (raw_member.context.epoch, raw_member.context.extensions) = (epoch, extensions);
        for newcomer in &newcomers {
            raw_member.add_leaf(&newcomer.bundle.key_package);
        }
        let members = newcomers.map(|Newcomer { signer, bundle }| {
            let welcome = raw_member.welcome(&bundle.key_package);
            let joined = Group::join(
                &welcome,
                &bundle,
                None,
                &client(&*signer).with_policy(policy).with_config(config),
            );
            Member::new(signer, joined.unwrap())
        });
        let observer = PublicGroup::new(suite, &raw_member.group_info(), None, policy, Limits::default())
            .unwrap()
            .assume_persisted();
        Self { raw_member, members: members.into(), observer, policy }
    }

    /// Returns a group whose policy accepts all credentials, so that credentials do not matter.
    pub(crate) fn with_any_identity() -> Self {
        Self::with(|parameters| parameters.policy = &AnyIdentity)
    }

    /// Returns the error with which all receivers reject a message, after checking that the error
    /// is the same for all and that their state has not changed.
    pub(crate) fn error(&mut self, message: &MlsMessage) -> GroupError {
        let error = self.members_error(message);
        let (context, pending) = (self.observer.public().context().clone(), self.observer_pending());
        let seen = self.observer.process(over_the_wire(message), self.policy, &pando_mls::AdmitAll, None);
        assert_eq!(seen.unwrap_err(), error);
        assert_eq!((self.observer.public().context(), self.observer_pending()), (&context, pending));
        error
    }

    /// Returns the error with which all members reject a message. A receiver without the group's
    /// secrets might accept the message.
    pub(crate) fn members_error(&mut self, message: &MlsMessage) -> GroupError {
        let policy = self.policy;
        let mut errors = self.members.iter_mut().map(|member| {
            let before = snapshot(&member.group);
            let error = member.process_with(message, policy).unwrap_err();
            assert_eq!(snapshot(&member.group), before);
            error
        });
        let first = errors.next().unwrap();
        assert!(errors.all(|error| error == first));
        first
    }

    fn observer_pending(&self) -> Vec<PendingProposal> {
        self.observer.pending_proposals().cloned().collect()
    }

    /// Returns the rule that a message violates.
    pub(crate) fn refused(&mut self, message: &MlsMessage) -> Violation {
        violation(self.error(message))
    }

    /// Returns the rule that a Commit of the raw member violates. The Commit contains these
    /// proposals and no path.
    pub(crate) fn refused_commit(&mut self, proposals: &[Proposal]) -> Violation {
        let commit = self.raw_member.commit_of(by_value(proposals), None);
        self.refused(&commit)
    }

    /// Returns the rule that prevents a member from creating a Commit of these proposals.
    pub(crate) fn not_built(&mut self, proposals: &[Proposal]) -> Violation {
        let Member { group, signer, .. } = &mut self.members[0];
        let before = snapshot(group);
        let builder =
            proposals.iter().fold(group.commit(), |builder, proposal| builder.proposal(proposal.clone()));
        let builder = builder.without_path();
        let cx = client(&**signer).with_policy(self.policy);
        let error = builder.build(&cx, &mut self.raw_member.rng).unwrap_err();
        assert_eq!(snapshot(group), before);
        violation(error)
    }

    /// Returns the rule that a Commit of these proposals violates, both when it is created and when
    /// it is received.
    pub(crate) fn forbidden(&mut self, proposals: &[Proposal]) -> Violation {
        let violation = self.refused_commit(proposals);
        assert_eq!(self.not_built(proposals), violation);
        violation
    }

    /// Returns the rule that a Commit of this proposal violates, both when it is created and when
    /// it is received. The path of the Commit is valid, and the committer's new leaf is modified by
    /// `change`.
    pub(crate) fn forbidden_with_path(&mut self, proposal: Proposal, change: fn(&mut LeafNode)) -> Violation {
        let tree = self.raw_member.tree.clone();
        let path = self.raw_member.path(&tree, change);
        let commit = self.raw_member.commit_of(by_value(std::slice::from_ref(&proposal)), Some(path));
        let found = self.refused(&commit);

        let Member { group, signer, .. } = &mut self.members[0];
        let before = snapshot(group);
        let mut leaf_node = tree.leaf(group.own_leaf()).unwrap().unwrap();
        change(&mut leaf_node);
        let new_leaf = NewLeaf { template: template_of(leaf_node), signer: &**signer };
        let cx = client(&**signer).with_policy(self.policy);
        let builder = group.commit().proposal(proposal).new_leaf(new_leaf);
        let error = builder.build(&cx, &mut self.raw_member.rng).unwrap_err();
        assert_eq!(snapshot(group), before);
        assert_eq!(violation(error), found);
        found
    }

    /// Returns the rule that a proposal of the raw member violates, both when it is sent alone and
    /// when it is committed.
    pub(crate) fn forbidden_proposal(&mut self, proposal: Proposal) -> Violation {
        let violation = self.forbidden(std::slice::from_ref(&proposal));
        let (message, _) = self.raw_member.propose(proposal);
        assert_eq!(self.refused(&message), violation);
        violation
    }

    /// Returns the rule that an Update of the raw member violates when it is sent.
    pub(crate) fn refused_update(&mut self, change: impl FnOnce(&mut LeafNode)) -> Violation {
        let leaf_node = self.raw_member.updated_leaf(change);
        let (message, _) = self.raw_member.propose(update(leaf_node));
        self.refused(&message)
    }

    /// Returns the rule that an Update of the raw member violates when another member commits it.
    pub(crate) fn refused_when_committed(&mut self, leaf_node: LeafNode) -> Violation {
        let mut tree = self.raw_member.tree.clone();
        tree.update(RAW_MEMBER, &leaf_node).unwrap();
        let (message, reference) = self.raw_member.propose(update(leaf_node));
        self.deliver_proposal(&message);
        let (committer, signer) = (self.members[0].leaf(), &*self.members[0].signer);
        let path = self.raw_member.path_as(committer, &tree, signer);
        let proposals = vec![ProposalOrRef::Reference(reference)];
        let commit = self.raw_member.commit_as(Sender::Member(committer), proposals, Some(path), signer);
        self.refused(&commit)
    }

    /// Returns the rule that the leaf in the raw member's path violates.
    pub(crate) fn refused_path(&mut self, change: impl FnOnce(&mut LeafNode)) -> Violation {
        let tree = self.raw_member.tree.clone();
        let path = self.raw_member.path(&tree, change);
        let commit = self.raw_member.commit_of(Vec::new(), Some(path));
        self.refused(&commit)
    }

    /// Delivers a proposal to all receivers.
    pub(crate) fn deliver_proposal(&mut self, message: &MlsMessage) {
        for member in &mut self.members {
            let processed = member.process_with(message, self.policy).unwrap();
            assert!(matches!(processed, Processed::Proposal(_)));
        }
        let seen = self
            .observer
            .process(over_the_wire(message), self.policy, &pando_mls::AdmitAll, None)
            .unwrap()
            .assume_persisted();
        assert!(matches!(seen, PublicProcessed::Proposal(_)));
    }

    /// Delivers a Commit to all receivers, which then enter the raw member's epoch.
    pub(crate) fn follow(&mut self, message: &MlsMessage) {
        for member in &mut self.members {
            match member.process_with(message, self.policy).unwrap() {
                Processed::Commit(staged) => drop(member.merge(*staged)),
                other => panic!("not a Commit: {other:?}"),
            }
            assert_eq!(
                member.group.epoch_authenticator().unwrap().expose(),
                self.raw_member.epoch_authenticator()
            );
            assert_eq!(member.group.public().context(), &self.raw_member.context);
        }
        self.observe(message);
        assert_eq!(self.observer.public().context(), &self.raw_member.context);
    }

    /// Makes the observer follow a Commit.
    pub(crate) fn observe(&mut self, message: &MlsMessage) {
        match self
            .observer
            .process(over_the_wire(message), self.policy, &pando_mls::AdmitAll, None)
            .unwrap()
            .into_parts()
            .0
        {
            PublicProcessed::Commit(staged) => drop(self.observer.merge_unconfirmed(&staged).unwrap()),
            other => panic!("not a Commit: {other:?}"),
        }
    }

    /// Makes the first member commit all pending proposals. The second member and the observer
    /// follow, while the raw member stays behind.
    pub(crate) fn commit_pending(&mut self) -> Option<Welcome> {
        let (message, welcome) = self.members[0].build(|builder| builder, &mut self.raw_member.rng).unwrap();
        for (index, member) in self.members.iter_mut().enumerate() {
            assert_eq!(member.follow(&message), index == 0);
        }
        self.observe(&message);
        welcome
    }

    /// Makes a joiner enter the epoch, and checks that the group continues without the raw member.
    /// The members and the observer must agree after each Commit, and members must be able to read
    /// messages.
    pub(crate) fn check_continues(mut self, joiner: Option<(ForgedKeyPackage, Welcome)>) {
        let (suite, config) = (self.raw_member.suite, *self.members[0].group.config());
        let (rng, members) = (self.raw_member.rng.clone(), std::mem::take(&mut self.members));
        let mut group = GroupFixture { suite, rng, config, members };
        if let Some((joiner, welcome)) = joiner {
            let bundle = joiner.bundle();
            group.enter(Newcomer { signer: joiner.signer, bundle }, &welcome);
        }
        for by in [0, 1] {
            let (message, _) = group.commit(by, |builder| builder);
            self.observe(&message);
            assert_eq!(self.observer.public().context(), group.context());
        }
        group.chat(0);
        group.chat(group.members.len() - 1);
        let rows = self.observer.rows().unwrap();
        let loaded = PublicGroup::load(&rows, &RustCrypto, self.policy, Limits::default()).unwrap();
        assert_eq!(loaded.rows().unwrap(), rows);
    }

    /// Checks that all receivers still follow a valid Commit, and that messages can be read.
    pub(crate) fn check_still_works(mut self) {
        let message = self.raw_member.commit(Vec::new(), |_, _| {});
        self.follow(&message);
        let message = self.members[0].send(b"still here", &mut self.raw_member.rng).unwrap();
        let received = read(self.members[1].process(&message));
        assert_eq!(received, (LeafIndex(1), b"still here".to_vec()));
    }
}

/// Returns the rule that was violated.
pub(crate) fn violation(error: GroupError) -> Violation {
    match error {
        GroupError::Violation(violation)
        | GroupError::Leaf { violation, .. }
        | GroupError::Proposal { violation, .. } => violation,
        other => panic!("no rule was broken: {other:?}"),
    }
}
