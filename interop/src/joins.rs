//! External Commits, and successor groups.

use crate::member::{Commit, ExternalJoin, Kind, PSKS, Processed, Proposal};
use crate::operation::Operation;
use crate::trace::{Checked, ensure};
use crate::world::{Id, LARGEST, World};
use std::collections::BTreeSet;

impl World {
    /// Lets a client join by an external Commit, if there is room.
    pub(crate) fn external_join(&mut self) -> Checked {
        if self.members().len() >= LARGEST {
            return self.commit();
        }
        let id = self.somebody(&BTreeSet::new())?;
        if !self.possible(Operation::ExternalJoin, self.people[id].library) {
            return self.commit();
        }
        self.external_commit(id, None)
    }

    /// Lets a member lose its state and return.
    pub(crate) fn resync(&mut self) -> Checked {
        let members = self.members();
        let able = |id: &Id| self.possible(Operation::Resync, self.people[*id].library);
        let able: Vec<_> = members.iter().copied().filter(able).collect();
        match self.dice.pick(&able) {
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
        if self.dice.percent(20) {
            // An external Commit does not cover pending proposals, and drops them.
            self.propose_in_vain()?;
        }
        let library = self.people[id].library;
        let exporter = members[self.dice.below(members.len())];
        let with_tree = self.dice.percent(60);
        let psk = self.dice.percent(30) && self.possible(Operation::ExternalJoinPsk, library);
        let psk = if psk { Some(PSKS[self.dice.below(PSKS.len())].0) } else { None };
        let authenticated_data = self.dice.bytes(10);
        self.tell(format!(
            "  {} joins by an external Commit, with a GroupInfo of {}{}{}",
            self.name(id),
            self.name(exporter),
            resync.map_or(String::new(), |leaf| format!(", from leaf {leaf}")),
            psk.map_or(String::new(), |psk_id| format!(", with PSK {}", hex::encode(psk_id))),
        ));
        let group_info = self.act(exporter, "exports a GroupInfo", |member| member.group_info(with_tree))?;
        let view = self.act(exporter, "exports the tree", |member| member.view("", b""))?;
        let join = ExternalJoin {
            group_info: &group_info,
            tree: if with_tree { None } else { Some(&view.tree) },
            resync,
            psk,
            authenticated_data: &authenticated_data,
        };
        let doing = format!("joins with the GroupInfo of {}", self.name(exporter));
        let (member, commit) = self.ask(id, &doing, |client| client.join_externally(&join))?;
        self.people[id].member = Some(member);
        self.people[id].joined = self.epoch + 1;
        let exported = if with_tree { Operation::GroupInfo } else { Operation::GroupInfoTreeApart };
        self.count(exported, self.people[exporter].library, id);

        let doing = format!("processes the external Commit of {}", self.name(id));
        let expected = Processed::Commit { remains: true, authenticated_data };
        for taker in members {
            let processed = self.process(taker, &doing, &commit)?;
            ensure(processed == expected, || format!("{} {doing}: {processed:?}", self.name(taker)))?;
            let kind = if resync.is_some() { Operation::Resync } else { Operation::ExternalJoin };
            self.count(kind, library, taker);
            if psk.is_some() {
                self.count(Operation::ExternalJoinPsk, library, taker);
            }
        }
        self.enter()
    }

    /// Lets some members create a branch, check that it works, and leave it.
    pub(crate) fn branch(&mut self) -> Checked {
        let members = self.members();
        let can_make = |id: &Id| self.library(*id).cannot_make(Operation::Branch).is_none();
        let can_take = |id: &Id| self.library(*id).cannot_take(Operation::Branch).is_none();
        let makers: Vec<_> = members.iter().copied().filter(can_make).collect();
        let mut others: Vec<_> = members.into_iter().filter(can_take).collect();
        let Some(creator) = self.dice.pick(&makers) else { return Ok(()) };
        others.retain(|id| *id != creator);
        if others.is_empty() {
            return Ok(());
        }
        self.dice.shuffle(&mut others);
        others.truncate(1 + self.dice.below(4));
        self.succeed(Kind::Branch, creator, others)
    }

    /// Reinitializes the group and ends the run.
    pub(crate) fn reinitialize(&mut self) -> Checked {
        let able = |id: &Id| self.possible(Operation::ReInit, self.people[*id].library);
        if !self.members().iter().all(able) {
            return Ok(());
        }
        let fill = self.dice.percent(50) || !self.all_can(Operation::ReInitWithBlanks);
        // The largest group has no blank leaves, since each new member takes the first blank leaf.
        while fill && self.members().len() < LARGEST {
            self.external_join()?;
        }
        let blanks = self.has_blanks()?;
        let members = self.members();
        let (by, proposer) =
            (members[self.dice.below(members.len())], members[self.dice.below(members.len())]);
        let extensions = self.extensions(self.all_can(Operation::ExtensionNotRequired))?;
        let reinit = Proposal::ReInit(b"the next".to_vec(), extensions.bytes);
        self.tell(format!("{} proposes a ReInit, {} commits it", self.name(proposer), self.name(by)));
        let by_value = if proposer == by {
            vec![reinit]
        } else {
            let message =
                self.act(proposer, "proposes a ReInit", |member| member.propose(&reinit, b"next"))?;
            for taker in self.others(proposer) {
                self.process(taker, "processes a ReInit", &message)?;
            }
            Vec::new()
        };
        let path = self.dice.percent(50);
        let commit = Commit { by_value, path, tree_inside: true, authenticated_data: Vec::new() };
        let committed = self.act(by, "commits a ReInit", |member| member.commit(&commit))?;
        for taker in self.others(by) {
            let doing = format!("processes the ReInit of {}", self.name(by));
            self.process(taker, &doing, &committed.commit)?;
        }
        self.act(by, "merges its Commit", |member| member.merge_pending())?;
        self.enter()?;
        let creator = members[self.dice.below(members.len())];
        let others = self.others(creator);
        self.succeed(Kind::ReInit, creator, others.clone())?;
        if blanks {
            let maker = self.people[creator].library;
            others.into_iter().for_each(|id| self.count(Operation::ReInitWithBlanks, maker, id));
        }
        Ok(())
    }

    /// Returns whether there are blank leaves before the last one.
    fn has_blanks(&self) -> Checked<bool> {
        let members = self.members();
        for id in &members {
            if self.leaf(*id)? as usize >= members.len() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lets one member create a successor group, and the others join.
    fn succeed(&mut self, kind: Kind, creator: Id, others: Vec<Id>) -> Checked {
        let operation = if kind == Kind::Branch { Operation::Branch } else { Operation::ReInit };
        self.tell(format!("{operation} by {} with {}", self.name(creator), self.names(others.clone())));
        let mut key_packages = Vec::new();
        for id in &others {
            key_packages.push(self.ask(*id, "makes a KeyPackage", |client| client.key_package())?);
        }
        let group_id = format!("successor at {}", self.epoch).into_bytes();
        let created = self
            .act(creator, "creates a successor", |member| member.succeed(kind, &group_id, &key_packages))?;
        let mut members = vec![created.member];
        for id in &others {
            let doing = format!("joins the successor of {}", self.name(creator));
            members.push(self.act(*id, &doing, |member| member.join_successor(kind, &created.welcome))?);
            self.count(operation, self.people[creator].library, *id);
        }
        let everybody: Vec<_> = std::iter::once(creator).chain(others).collect();
        let mut views = Vec::new();
        for (id, member) in everybody.iter().zip(&mut members) {
            let view = member.view("successor", b"");
            views.push(self.by(*id, "shows the successor", view)?);
        }
        self.agree(&everybody, &views)?;
        for (id, member) in everybody.iter().zip(members) {
            let forgotten = member.forget();
            self.by(*id, "deletes the successor", forgotten)?;
        }
        Ok(())
    }
}
