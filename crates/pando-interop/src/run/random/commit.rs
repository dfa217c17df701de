//! Commits of a random history, with proposals of all kinds.

use super::super::assign::below;
use super::History;
use serde_json::{Value, json};

/// The contents of a Commit and the members that it affects.
#[derive(Default)]
struct Contents {
    by_reference: Vec<usize>,
    by_value: Vec<Value>,
    joiners: Vec<String>,
    removed: Vec<String>,
    /// The members that stay in the group and have not proposed an Update.
    idle: Vec<String>,
    /// The members that stay in the group.
    staying: Vec<String>,
    /// The external signers in the group's new extensions, if the Commit replaces the extensions.
    signers: Option<Vec<String>>,
}

impl History {
    pub(super) fn commit(&mut self) {
        let contents = self.contents();
        let committer = self.one_of(&contents.idle);
        let members: Vec<String> =
            contents.staying.iter().filter(|member| **member != committer).cloned().collect();
        let force_path = self.happens(50);
        if self.happens(70) {
            let external_tree = self.happens(30);
            self.step(json!({
                "action": "fullCommit", "actor": committer,
                "byReference": contents.by_reference, "byValue": contents.by_value,
                "members": members, "joiners": contents.joiners,
                "force_path": force_path, "external_tree": external_tree,
            }));
        } else {
            let commit = self.step(json!({
                "action": "commit", "actor": committer,
                "byReference": contents.by_reference, "byValue": contents.by_value, "force_path": force_path,
            }));
            for member in &members {
                self.step(json!({
                    "action": "handleCommit", "actor": member, "commit": commit,
                    "byReference": contents.by_reference,
                }));
            }
            self.step(json!({"action": "handlePendingCommit", "actor": committer}));
            for joiner in &contents.joiners {
                self.step(json!({"action": "joinGroup", "actor": joiner, "welcome": commit}));
            }
        }
        self.epoch = self.epoch.saturating_add(1);
        for member in &contents.removed {
            self.members.remove(member);
        }
        for joiner in contents.joiners {
            self.members.insert(joiner, self.epoch);
        }
        if let Some(signers) = contents.signers {
            self.signers = signers;
        }
        self.read_late();
    }

    fn contents(&mut self) -> Contents {
        let mut contents = Contents::default();
        let mut order = self.shuffled();
        // At least two members stay. At least one of them does not propose an Update, so it can
        // commit.
        let spare = order.len().saturating_sub(2);
        let removed = if self.happens(40) { below(spare.min(3).saturating_add(1), &mut self.rng) } else { 0 };
        contents.removed = order.split_off(order.len().saturating_sub(removed));
        contents.staying = order.clone();
        let updating = if self.happens(40) { below(order.len(), &mut self.rng) } else { 0 };
        let updaters = order.split_off(order.len().saturating_sub(updating));
        contents.idle = order;

        for actor in updaters {
            let step = self.step(json!({"action": "updateProposal", "actor": actor}));
            contents.by_reference.push(step);
        }
        for removed in contents.removed.clone() {
            self.remove(&mut contents, &removed);
        }
        let room = self.most.saturating_sub(self.members.len()).min(3);
        let adding = if self.happens(60) { below(room.saturating_add(1), &mut self.rng) } else { 0 };
        for _ in 0..adding {
            self.add(&mut contents);
        }
        if self.happens(20) {
            self.external_psk(&mut contents);
        }
        if contents.joiners.is_empty() && self.happens(20) {
            self.resumption_psk(&mut contents);
        }
        match below(10, &mut self.rng) {
            0 => self.group_context_extensions(&mut contents),
            1 | 2 => self.add_external_signer(&mut contents),
            _ => {}
        }
        contents
    }

    /// Adds a proposal, which is committed by value or sent by an external signer or a member.
    /// `own` is the action with which a member sends it.
    fn propose(&mut self, contents: &mut Contents, description: Value, own: &str) {
        let staying = contents.staying.clone();
        match below(3, &mut self.rng) {
            0 => contents.by_value.push(description),
            1 if !self.signers.is_empty() => {
                let signer = self.one_of(&self.signers.clone());
                let member = self.one_of(&staying);
                let step = self.step(json!({
                    "action": "externalSignerProposal", "actor": signer, "member": member,
                    "description": description,
                }));
                contents.by_reference.push(step);
            }
            _ => {
                let actor = self.one_of(&staying);
                let mut step = description;
                if let Some(step) = step.as_object_mut() {
                    step.remove("proposalType");
                    step.insert("action".into(), own.into());
                    step.insert("actor".into(), actor.into());
                }
                let step = self.step(step);
                contents.by_reference.push(step);
            }
        }
    }

    fn remove(&mut self, contents: &mut Contents, removed: &str) {
        // One in four removed members proposes its own removal.
        if self.happens(25) {
            let step = self.step(json!({"action": "removeProposal", "actor": removed, "removed": removed}));
            contents.by_reference.push(step);
        } else {
            self.propose(contents, json!({"proposalType": "remove", "removed": removed}), "removeProposal");
        }
    }

    fn add(&mut self, contents: &mut Contents) {
        let joiner = self.name("member");
        if self.happens(25) {
            let actor = self.one_of(&contents.staying.clone());
            let step = self.step(json!({"action": "newMemberAddProposal", "actor": actor, "joiner": joiner}));
            contents.by_reference.push(step);
        } else {
            let key_package = self.step(json!({"action": "createKeyPackage", "actor": joiner}));
            self.propose(contents, json!({"proposalType": "add", "keyPackage": key_package}), "addProposal");
        }
        contents.joiners.push(joiner);
    }

    fn external_psk(&mut self, contents: &mut Contents) {
        let clients: Vec<&String> = contents.staying.iter().chain(&contents.joiners).collect();
        let psk = self.step(json!({"action": "installExternalPSK", "clients": clients}));
        self.propose(contents, json!({"proposalType": "externalPSK", "pskID": psk}), "externalPSKProposal");
    }

    /// Proposes the resumption PSK of one of the latest three epochs, provided that all members
    /// were in that epoch.
    fn resumption_psk(&mut self, contents: &mut Contents) {
        let oldest =
            self.members.values().copied().max().unwrap_or(self.epoch).max(self.epoch.saturating_sub(2));
        let span = usize::try_from(self.epoch.saturating_sub(oldest)).unwrap_or(0).saturating_add(1);
        let back = u64::try_from(below(span, &mut self.rng)).unwrap_or(0);
        let epoch = self.epoch.saturating_sub(back);
        self.propose(
            contents,
            json!({"proposalType": "resumptionPSK", "epochID": epoch}),
            "resumptionPSKProposal",
        );
    }

    fn group_context_extensions(&mut self, contents: &mut Contents) {
        let extensions = self.extensions();
        self.propose(
            contents,
            json!({"proposalType": "groupContextExtensions", "extensions": extensions}),
            "groupContextExtensionsProposal",
        );
        contents.signers = Some(Vec::new());
    }

    fn add_external_signer(&mut self, contents: &mut Contents) {
        let signer = self.name("signer");
        let actor = self.one_of(&contents.staying.clone());
        let step = self.step(json!({"action": "addExternalSigner", "actor": actor, "signer": signer}));
        contents.by_reference.push(step);
        let mut signers = self.signers.clone();
        signers.push(signer);
        contents.signers = Some(signers);
    }
}
