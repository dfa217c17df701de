//! The chapters of a random history, other than ordinary Commits.

use super::super::assign::below;
use super::History;
use serde_json::json;

impl History {
    /// Makes some members send messages that others read in a different order. Some messages may
    /// remain unread.
    pub(super) fn talk(&mut self) {
        let order = self.shuffled();
        let count = below(4, &mut self.rng).saturating_add(1);
        let mut sent = Vec::new();
        for number in 0..count {
            let actor = self.one_of(&order);
            let step = self.step(json!({
                "action": "protect", "actor": actor,
                "authenticatedData": format!("epoch {}", self.epoch), "plaintext": format!("message {number}"),
            }));
            sent.push((step, actor));
        }
        while !sent.is_empty() {
            let (step, sender) = sent.swap_remove(below(sent.len(), &mut self.rng));
            let late = self.happens(40);
            if late {
                self.unread.push((step, sender, self.epoch));
            } else {
                self.read(step, &sender, self.epoch);
            }
        }
    }

    pub(super) fn commit_and_talk(&mut self) {
        self.commit();
        self.talk();
    }

    /// Makes members read the unread messages of the previous epoch. Older messages are never read.
    pub(super) fn read_late(&mut self) {
        let before = self.epoch.saturating_sub(1);
        for (step, sender, epoch) in std::mem::take(&mut self.unread) {
            if epoch == before {
                self.read(step, &sender, epoch);
            }
        }
    }

    /// Makes up to three members read a message of an epoch in which they were members.
    fn read(&mut self, step: usize, sender: &str, epoch: u64) {
        let mut readers = self.shuffled();
        readers.retain(|reader| {
            reader != sender && self.members.get(reader).is_some_and(|first| *first <= epoch)
        });
        for reader in readers.into_iter().take(3) {
            self.step(json!({"action": "unprotect", "actor": reader, "ciphertext": step}));
        }
    }

    /// Makes a new client join, or a member rejoin, by an external Commit.
    pub(super) fn external_join(&mut self) {
        let mut order = self.shuffled();
        let back = self.members.len() >= self.most || self.happens(40);
        let joiner = if back { order.pop() } else { None };
        let remove_prior = joiner.is_some();
        let joiner = joiner.unwrap_or_else(|| self.name("member"));
        let Some((actor, members)) = order.split_first() else {
            return;
        };
        let psks = if self.happens(30) {
            vec![self.step(json!({"action": "installExternalPSK", "clients": order}))]
        } else {
            Vec::new()
        };
        let external_tree = self.happens(50);
        self.step(json!({
            "action": "externalJoin", "actor": actor, "joiner": joiner, "members": members,
            "removePrior": remove_prior, "externalTree": external_tree, "psks": psks,
        }));
        self.epoch = self.epoch.saturating_add(1);
        self.members.insert(joiner, self.epoch);
        self.read_late();
    }

    /// Reinitializes the group. If there is an external signer, it makes the proposal in half of
    /// the cases.
    pub(super) fn reinit(&mut self) {
        let order = self.shuffled();
        let (committer, welcomer) = (self.one_of(&order), self.one_of(&order));
        let (id, suite) = (self.happens(50), self.happens(30));
        let extensions = self.extensions();
        let mut step = json!({
            "action": "reinit", "committer": committer, "welcomer": welcomer, "members": order,
            "forcePath": self.happens(50), "externalTree": self.happens(50),
        });
        let mut add = |key: &str, value| {
            if let Some(step) = step.as_object_mut() {
                step.insert(key.into(), value);
            }
        };
        if !self.signers.is_empty() && self.happens(50) {
            let signer = self.one_of(&self.signers.clone());
            let member = self.one_of(&order);
            let proposal = self.step(json!({
                "action": "externalSignerProposal", "actor": signer, "member": member,
                "description": {
                    "proposalType": "reinit", "changeGroupID": id, "changeCipherSuite": suite,
                    "extensions": extensions,
                },
            }));
            add("externalReinitProposal", proposal.into());
        } else {
            add("proposer", self.one_of(&order).into());
            add("changeGroupID", id.into());
            add("changeCipherSuite", suite.into());
            add("extensions", extensions);
        }
        self.step(step);
        self.start_over(order);
    }

    /// Creates a branch of the group that keeps at least two members.
    pub(super) fn branch(&mut self) {
        let mut order = self.shuffled();
        let spare = order.len().saturating_sub(2);
        let staying = below(spare.saturating_add(1), &mut self.rng);
        order.truncate(order.len().saturating_sub(staying));
        let extensions = self.extensions();
        if let Some((actor, members)) = order.split_first() {
            let (force_path, external_tree) = (self.happens(50), self.happens(50));
            self.step(json!({
                "action": "branch", "actor": actor, "members": members, "extensions": extensions,
                "force_path": force_path, "external_tree": external_tree,
            }));
        }
        self.start_over(order);
    }

    pub(super) fn group_info(&mut self) {
        let order = self.shuffled();
        let actor = self.one_of(&order);
        let external_tree = self.happens(50);
        self.step(json!({"action": "groupInfo", "actor": actor, "externalTree": external_tree}));
    }
}
