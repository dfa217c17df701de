//! Commits of members, and the proposals that are sent before them.

use crate::member::{Commit, Committed, Processed, Proposal};
use crate::operation::Operation;
use crate::plan::{Change, Plan};
use crate::simulation::{Id, Simulation};
use crate::trace::{Checked, Failure, ensure};

/// A Commit, with the operations that are counted for each member that processes it.
struct Made {
    by: Id,
    committed: Committed,
    plan: Plan,
    operations: Vec<Operation>,
    tree_inside: bool,
    authenticated_data: Vec<u8>,
}

impl Simulation {
    /// Sends proposals, and makes a member commit them together with others. Sometimes, two members
    /// commit at the same time.
    pub(crate) fn commit(&mut self) -> Checked {
        let mut candidates = self.members();
        self.random.shuffle(&mut candidates);
        let race = candidates.len() > 2 && self.random.percent(15);
        let mut plan = Plan::default();
        plan.committers.extend(candidates.iter().take(if race { 2 } else { 1 }));
        if self.random.percent(60) {
            for _ in 0..=self.random.below(3) {
                self.propose(&mut plan)?;
            }
        }
        let winner = candidates[0];
        let loser = if race { Some(candidates[1]) } else { None };
        if let Some(loser) = loser {
            self.log_step(format!("  {} makes a Commit that will lose", self.name(loser)));
            drop(self.make(loser, plan.clone())?);
        }
        if self.random.percent(10) {
            self.log_step(format!("  {} makes a Commit and drops it", self.name(winner)));
            drop(self.make(winner, plan.clone())?);
            self.with_member(winner, "drops its Commit", |member| member.clear_pending())?;
        }
        // The winner of the race may remove the loser.
        plan.committers.retain(|id| *id == winner);
        let made = self.make(winner, plan)?;
        self.take(made, loser)
    }

    /// Makes the founder add one member of each other implementation.
    pub(crate) fn add_initial_members(&mut self) -> Checked {
        let founder = self.members()[0];
        let mut plan = Plan::default();
        let mut by_value = Vec::new();
        for library in 0..self.libraries.len() {
            if library == self.clients[founder].library {
                continue;
            }
            let id = self.new_client(library)?;
            plan.added.insert(id);
            by_value.push(Proposal::Add(
                self.with_client(id, "makes a KeyPackage", |client| client.key_package())?,
            ));
        }
        let operations = vec![Operation::Add; by_value.len()];
        let commit = Commit { by_value, path: true, tree_inside: true, authenticated_data: Vec::new() };
        let committed = self.with_member(founder, "adds the others", |member| member.commit(&commit))?;
        let Commit { tree_inside, authenticated_data, .. } = commit;
        self.take(Made { by: founder, committed, plan, operations, tree_inside, authenticated_data }, None)
    }

    /// Sends a proposal that no member will commit.
    pub(crate) fn propose_uncommitted(&mut self) -> Checked {
        let mut plan = Plan::default();
        self.propose(&mut plan)
    }

    /// Makes a member, or sometimes a client outside of the group, send a proposal.
    fn propose(&mut self, plan: &mut Plan) -> Checked {
        if self.random.percent(25) {
            return self.propose_from_outside(plan);
        }
        let members = self.members();
        let change = Change::pick(&mut self.random, members.len());
        let Some(by) = self.random.pick(&members) else { return Ok(()) };
        let (operation, library) = (change.proposed(), self.clients[by].library);
        if plan.removed.contains(&by) || !self.possible(operation, library) {
            return Ok(());
        }
        let Some(proposal) = self.proposal(change, by, plan)? else { return Ok(()) };
        let authenticated_data = self.random.bytes(10);
        self.log_step(format!("  {} proposes {}", self.name(by), short(&proposal)));
        let doing = format!("proposes {}", short(&proposal));
        let message =
            self.with_member(by, &doing, |member| member.propose(&proposal, &authenticated_data))?;
        let others = self.others(by);
        plan.psk_references |= change.is_psk();
        self.take_proposal(&message, authenticated_data, operation, library, &others, plan)
    }

    fn propose_from_outside(&mut self, plan: &mut Plan) -> Checked {
        let operations = [Operation::OutsiderAdd, Operation::OutsiderRemove, Operation::OwnAdd];
        let operation = operations[self.random.below(3)];
        let library = self.random.below(self.libraries.len());
        let members = self.members();
        let Some(exporter) = self.random.pick(&members) else { return Ok(()) };
        // The sender of these proposals is not a member of the group.
        let nobody = usize::MAX;
        if !self.possible(operation, library) {
            return Ok(());
        }
        let (maker, message) = if operation == Operation::OwnAdd {
            if members.len() + plan.added.len() >= crate::simulation::LARGEST || plan.resumption {
                return Ok(());
            }
            let id = self.client_outside(&plan.added)?;
            let maker = self.clients[id].library;
            if !self.possible(operation, maker) {
                return Ok(());
            }
            plan.added.insert(id);
            self.log_step(format!("  {} asks to be added", self.name(id)));
            let info = self.with_member(exporter, "exports a GroupInfo", |member| member.group_info(true))?;
            (maker, self.with_client(id, "proposes to be added", |client| client.propose_own_add(&info))?)
        } else {
            let change = if operation == Operation::OutsiderAdd { Change::Add } else { Change::Remove };
            let Some(proposal) = self.proposal(change, nobody, plan)? else { return Ok(()) };
            let name = self.libraries[library].name();
            self.log_step(format!("  an external sender ({name}) proposes {}", short(&proposal)));
            let info = self.with_member(exporter, "exports a GroupInfo", |member| member.group_info(true))?;
            let position = library as u32;
            let outsider = &mut self.outsiders[library];
            let message = outsider.propose_as_external_sender(&info, position, &proposal);
            let failed = |refusal| Failure(format!("the external sender ({name}): {refusal}"));
            (library, message.map_err(failed)?)
        };
        self.take_proposal(&message, Vec::new(), operation, maker, &members, plan)
    }

    fn take_proposal(
        &mut self,
        message: &[u8],
        authenticated_data: Vec<u8>,
        operation: Operation,
        maker: usize,
        receivers: &[Id],
        plan: &mut Plan,
    ) -> Checked {
        plan.references += 1;
        let doing = format!("processes a proposal ({operation}) of {}", self.libraries[maker].name());
        let expected = Processed::Proposal(authenticated_data);
        for receiver in receivers {
            let processed = self.process(*receiver, &doing, message)?;
            ensure(processed == expected, || format!("{} {doing}: {processed:?}", self.name(*receiver)))?;
            self.count(operation, maker, *receiver);
        }
        Ok(())
    }

    /// Makes a member create a Commit.
    fn make(&mut self, by: Id, mut plan: Plan) -> Checked<Made> {
        let library = self.clients[by].library;
        let (mut by_value, mut operations) = (Vec::new(), Vec::new());
        for _ in 0..self.random.below(4) {
            let size = self.members().len();
            let change = Change::pick(&mut self.random, size);
            if change == Change::Update || !self.possible(change.by_value(), library) {
                continue;
            }
            let both_ways = plan.psk_references && change.is_psk();
            if both_ways && !self.possible(Operation::CommitPsksBothWays, library) {
                continue;
            }
            if let Some(proposal) = self.proposal(change, by, &mut plan)? {
                operations.push(change.by_value());
                if both_ways && !operations.contains(&Operation::CommitPsksBothWays) {
                    operations.push(Operation::CommitPsksBothWays);
                }
                by_value.push(proposal);
            }
        }
        let commit = Commit {
            by_value,
            path: self.random.percent(60),
            tree_inside: self.random.percent(60),
            authenticated_data: if self.random.percent(50) { self.random.bytes(30) } else { Vec::new() },
        };
        let proposals = commit.by_value.len() + plan.references;
        if plan.references > 0 {
            operations.push(Operation::CommitByReference);
        }
        if proposals == 0 {
            operations.push(Operation::EmptyCommit);
        } else if !commit.path && !plan.path {
            operations.push(Operation::CommitWithoutPath);
        }
        if proposals > 1 {
            operations.push(Operation::CommitSeveral);
        }
        if plan.not_required {
            operations.push(Operation::ExtensionNotRequired);
        }
        if !commit.authenticated_data.is_empty() {
            operations.push(Operation::CommitAuthenticated);
        }
        let by_value = commit.by_value.iter().map(short).collect::<Vec<_>>().join(", ");
        self.log_step(format!(
            "  {} commits [{by_value}] and {} by reference{}",
            self.name(by),
            plan.references,
            if commit.path { ", with a path" } else { "" },
        ));
        let committed = self.with_member(by, "makes a Commit", |member| member.commit(&commit))?;
        ensure(committed.welcome.is_some() != plan.added.is_empty(), || {
            format!("{}: an unexpected or missing Welcome", self.name(by))
        })?;
        let Commit { tree_inside, authenticated_data, .. } = commit;
        Ok(Made { by, committed, plan, operations, tree_inside, authenticated_data })
    }

    /// Makes all other members process a Commit, and makes the added clients join.
    fn take(&mut self, made: Made, loser: Option<Id>) -> Checked {
        let Made { by, committed, plan, operations, tree_inside, authenticated_data } = made;
        let maker = self.clients[by].library;
        let doing = format!("processes the Commit of {} in epoch {}", self.name(by), self.epoch);
        for receiver in self.others(by) {
            if loser == Some(receiver) {
                self.with_member(receiver, "drops its Commit", |member| member.clear_pending())?;
                self.count(Operation::CommitWinsRace, maker, receiver);
            }
            let processed = self.process(receiver, &doing, &committed.commit)?;
            let remains = !plan.removed.contains(&receiver);
            let expected = Processed::Commit { remains, authenticated_data: authenticated_data.clone() };
            ensure(processed == expected, || {
                format!("{} {doing}: {processed:?}, not {expected:?}", self.name(receiver))
            })?;
            for operation in &operations {
                self.count(*operation, maker, receiver);
            }
        }
        self.with_member(by, "merges its Commit", |member| member.merge_pending())?;
        for id in &plan.removed {
            self.forget(*id)?;
        }
        if let Some(welcome) = committed.welcome {
            let view = self.with_member(by, "exports the tree", |member| member.view("", b""))?;
            let tree = if tree_inside { None } else { Some(&*view.tree) };
            self.log_step(format!("  {} join", self.names(plan.added.iter().copied())));
            for id in plan.added {
                let doing = format!("joins by the Welcome of {}", self.name(by));
                let member = self.with_client(id, &doing, |client| client.join(&welcome, tree))?;
                self.clients[id].member = Some(member);
                self.clients[id].joined = self.epoch + 1;
                let operation = if tree_inside { Operation::Welcome } else { Operation::WelcomeTreeApart };
                self.count(operation, maker, id);
            }
        }
        self.enter()
    }
}

/// Returns a short description of a proposal for the trace.
pub(crate) fn short(proposal: &Proposal) -> String {
    match proposal {
        Proposal::Add(_) => "Add".into(),
        Proposal::Update => "Update".into(),
        Proposal::Remove(leaf) => format!("Remove({leaf})"),
        Proposal::ExternalPsk(psk_id) => format!("ExternalPsk({})", hex::encode(psk_id)),
        Proposal::ResumptionPsk(epoch) => format!("ResumptionPsk({epoch})"),
        Proposal::Extensions(extensions) => format!("Extensions({})", hex::encode(extensions)),
        Proposal::ReInit(..) => "ReInit".into(),
    }
}
