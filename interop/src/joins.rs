//! External Commits and successor groups.

use crate::member::{Commit, ExternalJoin, Kind, PSKS, Processed, Proposal};
use crate::operation::Operation;
use crate::simulation::{Id, LARGEST, Simulation};
use crate::trace::{Checked, ensure};
use std::collections::BTreeSet;

impl Simulation {
    /// Makes a client join by an external Commit, provided that the group is not full.
    pub(crate) fn external_join(&mut self) -> Checked {
        if self.members().len() >= LARGEST {
            return self.commit();
        }
        let id = self.client_outside(&BTreeSet::new())?;
        if !self.possible(Operation::ExternalJoin, self.clients[id].library) {
            return self.commit();
        }
        self.external_commit(id, None)
    }

    /// Makes a member lose its state and rejoin by an external Commit.
    pub(crate) fn resync(&mut self) -> Checked {
        let members = self.members();
        let able = |id: &Id| self.possible(Operation::Resync, self.clients[*id].library);
        let able: Vec<_> = members.iter().copied().filter(able).collect();
        match self.random.pick(&able) {
            Some(id) if members.len() > 1 => {
                let leaf = self.leaf(id)?;
                self.forget(id)?;
                self.external_commit(id, Some(leaf))
            }
            _ => self.commit(),
        }
    }

    fn external_commit(&mut self, id: Id, resync: Option<u32>) -> Checked {
        let members = self.members();
        if self.random.percent(20) {
            // An external Commit does not cover pending proposals, but drops them.
            self.propose_uncommitted()?;
        }
        let library = self.clients[id].library;
        let exporter = members[self.random.below(members.len())];
        let with_tree = self.random.percent(60);
        let psk = self.random.percent(30) && self.possible(Operation::ExternalJoinPsk, library);
        let psk = if psk { Some(PSKS[self.random.below(PSKS.len())].0) } else { None };
        let authenticated_data = self.random.bytes(10);
        self.log_step(format!(
            "  {} joins by an external Commit, with a GroupInfo of {}{}{}",
            self.name(id),
            self.name(exporter),
            resync.map_or(String::new(), |leaf| format!(", from leaf {leaf}")),
            psk.map_or(String::new(), |psk_id| format!(", with PSK {}", hex::encode(psk_id))),
        ));
        let group_info =
            self.with_member(exporter, "exports a GroupInfo", |member| member.group_info(with_tree))?;
        let view = self.with_member(exporter, "exports the tree", |member| member.view("", b""))?;
        let join = ExternalJoin {
            group_info: &group_info,
            tree: if with_tree { None } else { Some(&view.tree) },
            resync,
            psk,
            authenticated_data: &authenticated_data,
        };
        let doing = format!("joins with the GroupInfo of {}", self.name(exporter));
        let (member, commit) = self.with_client(id, &doing, |client| client.join_externally(&join))?;
        self.clients[id].member = Some(member);
        self.clients[id].joined = self.epoch + 1;
        let exported = if with_tree { Operation::GroupInfo } else { Operation::GroupInfoTreeApart };
        self.count(exported, self.clients[exporter].library, id);

        let doing = format!("processes the external Commit of {}", self.name(id));
        let expected = Processed::Commit { remains: true, authenticated_data };
        for receiver in members {
            let processed = self.process(receiver, &doing, &commit)?;
            ensure(processed == expected, || format!("{} {doing}: {processed:?}", self.name(receiver)))?;
            let kind = if resync.is_some() { Operation::Resync } else { Operation::ExternalJoin };
            self.count(kind, library, receiver);
            if psk.is_some() {
                self.count(Operation::ExternalJoinPsk, library, receiver);
            }
        }
        self.enter()
    }

    /// Makes some members create a branch, checks that they agree, and deletes the branch.
    pub(crate) fn branch(&mut self) -> Checked {
        let members = self.members();
        let can_make = |id: &Id| self.library(*id).cannot_make(Operation::Branch).is_none();
        let can_take = |id: &Id| self.library(*id).cannot_take(Operation::Branch).is_none();
        let makers: Vec<_> = members.iter().copied().filter(can_make).collect();
        let mut others: Vec<_> = members.into_iter().filter(can_take).collect();
        let Some(creator) = self.random.pick(&makers) else { return Ok(()) };
        others.retain(|id| *id != creator);
        if others.is_empty() {
            return Ok(());
        }
        self.random.shuffle(&mut others);
        others.truncate(1 + self.random.below(4));
        self.succeed(Kind::Branch, creator, others)
    }

    /// Reinitializes the group at the end of the run.
    pub(crate) fn reinitialize(&mut self) -> Checked {
        let able = |id: &Id| self.possible(Operation::ReInit, self.clients[*id].library);
        if !self.members().iter().all(able) {
            return Ok(());
        }
        let fill = self.random.percent(50) || !self.all_can(Operation::ReInitWithBlanks);
        // A group of the maximum size has no blank leaves, because each new member takes the first
        // blank leaf.
        while fill && self.members().len() < LARGEST {
            self.external_join()?;
        }
        let blanks = self.has_blanks()?;
        let members = self.members();
        let (by, proposer) =
            (members[self.random.below(members.len())], members[self.random.below(members.len())]);
        let extensions = self.extensions(self.all_can(Operation::ExtensionNotRequired))?;
        let reinit = Proposal::ReInit(b"the next".to_vec(), extensions.bytes);
        self.log_step(format!("{} proposes a ReInit, {} commits it", self.name(proposer), self.name(by)));
        let by_value = if proposer == by {
            vec![reinit]
        } else {
            let message =
                self.with_member(proposer, "proposes a ReInit", |member| member.propose(&reinit, b"next"))?;
            for receiver in self.others(proposer) {
                self.process(receiver, "processes a ReInit", &message)?;
            }
            Vec::new()
        };
        let path = self.random.percent(50);
        let commit = Commit { by_value, path, tree_inside: true, authenticated_data: Vec::new() };
        let committed = self.with_member(by, "commits a ReInit", |member| member.commit(&commit))?;
        for receiver in self.others(by) {
            let doing = format!("processes the ReInit of {}", self.name(by));
            self.process(receiver, &doing, &committed.commit)?;
        }
        self.with_member(by, "merges its Commit", |member| member.merge_pending())?;
        self.enter()?;
        let creator = members[self.random.below(members.len())];
        let others = self.others(creator);
        self.succeed(Kind::ReInit, creator, others.clone())?;
        if blanks {
            let maker = self.clients[creator].library;
            others.into_iter().for_each(|id| self.count(Operation::ReInitWithBlanks, maker, id));
        }
        Ok(())
    }

    /// Returns whether the tree has blank leaves before its last member.
    fn has_blanks(&self) -> Checked<bool> {
        let members = self.members();
        for id in &members {
            if self.leaf(*id)? as usize >= members.len() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes one member create a successor group, and the others join it.
    fn succeed(&mut self, kind: Kind, creator: Id, others: Vec<Id>) -> Checked {
        let operation = if kind == Kind::Branch { Operation::Branch } else { Operation::ReInit };
        self.log_step(format!("{operation} by {} with {}", self.name(creator), self.names(others.clone())));
        let mut key_packages = Vec::new();
        for id in &others {
            key_packages.push(self.with_client(*id, "makes a KeyPackage", |client| client.key_package())?);
        }
        let group_id = format!("successor at {}", self.epoch).into_bytes();
        let created = self.with_member(creator, "creates a successor", |member| {
            member.succeed(kind, &group_id, &key_packages)
        })?;
        let mut members = vec![created.member];
        for id in &others {
            let doing = format!("joins the successor of {}", self.name(creator));
            members
                .push(self.with_member(*id, &doing, |member| member.join_successor(kind, &created.welcome))?);
            self.count(operation, self.clients[creator].library, *id);
        }
        let all: Vec<_> = std::iter::once(creator).chain(others).collect();
        let mut views = Vec::new();
        for (id, member) in all.iter().zip(&mut members) {
            let view = member.view("successor", b"");
            views.push(self.attribute(*id, "shows the successor", view)?);
        }
        self.agree(&all, &views)?;
        for (id, member) in all.iter().zip(members) {
            let forgotten = member.forget();
            self.attribute(*id, "deletes the successor", forgotten)?;
        }
        Ok(())
    }
}
