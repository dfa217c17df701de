//! The next mutation of a group, and building the requests of operations.

use super::operations::End;
use super::purpose::Purpose;
use super::rows::{GroupStage, Intent, OperationRow, Stage};
use super::{Engine, EngineError, Mistake};
use crate::operation::Operation;
use pando_api::{
    ClaimStatus, ClaimTarget, ClientId, CreateGroup, DeviceCertificate, HandshakeData, Policy, RemovalIntent,
    SubmitCommit,
};
use pando_mls::wire::{ExternalSender, ExternalSenders};
use pando_mls::{
    CommitBuilder, Credential, Decode, Encode, Extension, Extensions, Group, GroupId, KeyPackage, LeafIndex,
    Opaque, Proposal, ProposalRef, Remove,
};
use pando_store::session::{Commit, SessionError, no_rows};
use pando_store::{Backend, Transaction};
use std::collections::{BTreeMap, BTreeSet};

impl<B: Backend> Engine<B> {
    /// Returns the next mutation of a group.
    pub(super) fn next_write(
        &mut self,
        group_id: &GroupId,
        now: u64,
    ) -> Result<Option<(Purpose, Operation)>, EngineError> {
        let builds_another = self.settings.makes(Mistake::BuildsTwoCommits)
            && self.state.stage(group_id) == Some(GroupStage::Member)
            && self.ready_operation(group_id).is_some();
        if let Some((number, row)) = self.state.started(group_id)
            && !builds_another
        {
            // After a refusal, the log may show that the request is decided.
            let request = if self.is_behind(group_id) { None } else { request(row) };
            return Ok(request.map(|request| (Purpose::Operation(number), request)));
        }
        match self.state.stage(group_id) {
            Some(GroupStage::Creating) => return self.next_creation(group_id),
            Some(GroupStage::Joining) => return self.next_join(group_id),
            Some(GroupStage::Member) => {}
            Some(GroupStage::Removed | GroupStage::Ended | GroupStage::Broken) | None => return Ok(None),
        }
        if self.is_behind(group_id) {
            return Ok(None);
        }
        self.start_due_update(group_id, now)?;
        self.commit_pending_proposals(group_id, now)?;
        let message = self.state.messages_of(group_id).next().map(|(number, _)| number);
        let operation = self.ready_operation(group_id);
        let must_commit = self.has_pending_proposals(group_id)?;
        match (operation, message) {
            // No application data may be sent while proposals are pending (RFC 9420, section 12.4).
            (operation, Some(message)) if operation.is_none_or(|n| message < n) && !must_commit => {
                self.next_message(group_id, message)
            }
            (Some(operation), _) => self.build(group_id, operation),
            (None, _) => Ok(None),
        }
    }

    /// Returns whether the log of a group must be read before anything is written. A client that
    /// is not a member cannot read it.
    fn is_behind(&self, group_id: &GroupId) -> bool {
        let must_read = self.behind.contains(group_id) || self.ended.contains_key(group_id);
        must_read && self.reading_cursor(group_id).is_some()
    }

    /// Returns the earliest operation of a group that waits for nothing.
    fn ready_operation(&self, group_id: &GroupId) -> Option<u64> {
        let is_open = |number: u64| {
            self.state.claims.iter().any(|(_, claim)| claim.operation == number && claim.claimed.is_none())
        };
        let waiting = self.state.operations_of(group_id).filter(|(_, row)| row.stage == Stage::Waiting);
        waiting.map(|(number, _)| number).find(|number| !is_open(*number))
    }

    /// Returns whether proposals of other members or of the server wait for a Commit. A proposal to
    /// remove our own leaf must be committed by another member.
    pub(super) fn has_pending_proposals(&mut self, group_id: &GroupId) -> Result<bool, EngineError> {
        let group = self.session.group(group_id)?;
        Ok(group.pending_proposals().next().is_some())
    }

    /// Starts a Commit of the pending proposals: at once if a message waits, and otherwise after a
    /// random time, in which another member may commit them.
    fn commit_pending_proposals(&mut self, group_id: &GroupId, now: u64) -> Result<(), EngineError> {
        if self.ready_operation(group_id).is_some() || self.settings.makes(Mistake::CommitsNoProposals) {
            return Ok(());
        }
        let group = self.session.group(group_id)?;
        let own = group.own_leaf();
        let (mut removes_us, mut is_pending) = (false, false);
        for pending in group.pending_proposals() {
            is_pending = true;
            removes_us |=
                matches!(&pending.proposal, Proposal::Remove(Remove { removed }) if *removed == own);
        }
        if !is_pending || removes_us {
            self.commit_times.remove(group_id);
            return Ok(());
        }
        let is_urgent = self.state.messages_of(group_id).next().is_some();
        let delay = self.rng.below(self.settings.commit_delay.saturating_add(1));
        let time = *self.commit_times.entry(group_id.clone()).or_insert(now.saturating_add(delay));
        if is_urgent || time <= now {
            self.commit_times.remove(group_id);
            self.put_operation(group_id, Intent::CommitProposals);
            self.write()?;
        } else {
            self.lanes.delay(&super::lanes::Lane::Write(group_id.clone()), time);
        }
        Ok(())
    }

    /// Builds the group of a creation and its request.
    fn next_creation(&mut self, group_id: &GroupId) -> Result<Option<(Purpose, Operation)>, EngineError> {
        let Some(number) = self.ready_operation(group_id) else { return Ok(None) };
        let Some(OperationRow { intent: Intent::Create(policy), .. }) = self.state.operations.get(number)
        else {
            // Operations on a group wait until it exists.
            return Ok(None);
        };
        let policy = policy.clone();
        let extensions = match self.extensions(&policy) {
            Ok(extensions) => extensions,
            Err(reason) => return self.fail(number, reason),
        };
        if !self.session.store().contains(group_id)? {
            let builder = Group::builder(group_id.clone()).extensions(extensions);
            let created = self.session.create_group(builder, &self.identity, no_rows);
            if let Err(error) = created {
                return self.failed(number, error);
            }
        } else if self.settings.makes(Mistake::AbandonsCreation) {
            return Ok(None);
        }
        let group_info: Opaque = self.session.group_info(group_id, |builder| builder)?.into();
        let added = self.claimed(number);
        if added.is_empty() {
            let request = CreateGroup { group_info, first_commit: None };
            self.set_stage(number, Stage::Creating(request))?;
        } else {
            let data = HandshakeData::default().encode()?;
            let built = self.build_commit(group_id, number, &data, Added(added), |commit| {
                Stage::Creating(CreateGroup { group_info, first_commit: Some(commit) })
            });
            if let Err(error) = built {
                return self.failed(number, error);
            }
        }
        Ok(self.request_of(number))
    }

    /// Builds the request of an operation of a member.
    fn build(
        &mut self,
        group_id: &GroupId,
        number: u64,
    ) -> Result<Option<(Purpose, Operation)>, EngineError> {
        let Some(row) = self.state.operations.get(number) else { return Ok(None) };
        let (intent, refused) = (row.intent.clone(), row.refused.clone());
        let changes = match self.changes(group_id, number, intent)? {
            Changes::Commit(proposals) => proposals,
            Changes::Leave(since) => {
                let client = self.own.clone();
                self.set_stage(number, Stage::Leaving(RemovalIntent { client, since }))?;
                return Ok(self.request_of(number));
            }
            Changes::Nothing(reason) => {
                self.state.end_operation(number, End::Superseded(reason.to_owned()), self.clock.now());
                self.write()?;
                return Ok(None);
            }
            Changes::Impossible(reason) => return self.fail(number, reason),
        };
        let row = self.state.group(group_id);
        let head = row.and_then(|row| row.head.clone());
        let covered = row.map(|row| row.covered(&refused)).unwrap_or_default();
        let data = HandshakeData { head, ..HandshakeData::default() }.encode()?;
        let is_restricted = !refused.is_empty();
        let fill = Filled { proposals: changes, covered: is_restricted.then_some(covered) };
        match self.build_commit(group_id, number, &data, fill, Stage::Committing) {
            Ok(()) => Ok(self.request_of(number)),
            Err(error) => self.failed(number, error),
        }
    }

    /// Builds a Commit, and stores it as pending together with the stage of the operation.
    fn build_commit(
        &mut self,
        group_id: &GroupId,
        number: u64,
        data: &[u8],
        fill: impl Fill,
        stage: impl FnOnce(SubmitCommit) -> Stage,
    ) -> Result<(), SessionError> {
        let is_old = self.has_old_identity(group_id).map_err(|error| match error {
            EngineError::Session(error) => error,
            error => SessionError::Application(error.into()),
        })?;
        let new_identity = is_old.then(|| self.identity.clone());
        if self.settings.makes(Mistake::BuildsTwoCommits) {
            self.session.drop_commit(group_id, no_rows)?;
        }
        let Self { session, state, .. } = self;
        let fill = FillCommit { fill, data };
        let app = |transaction: &mut Transaction<'_, B>, commit: &Commit| {
            if let Some(row) = state.operations.get_mut(number) {
                row.stage = stage(submission(commit));
            }
            state.write(transaction)
        };
        // The server refuses Commits with an older certificate than the one of the session.
        let result = match new_identity {
            Some(identity) => {
                session.commit_identity(group_id, &identity, |builder| fill.apply(builder), app)
            }
            None => session.commit(group_id, |builder| fill.apply(builder), app),
        };
        result?;
        if self.settings.makes(Mistake::MergesBeforePublishing) {
            self.session.accept_commit(group_id, no_rows)?;
        }
        Ok(())
    }

    /// Returns the changes by which an operation reaches its aim in the present epoch.
    fn changes(&mut self, group_id: &GroupId, number: u64, intent: Intent) -> Result<Changes, EngineError> {
        Ok(match intent {
            Intent::Create(_) | Intent::Join => Changes::Nothing("the client is a member already"),
            Intent::Update | Intent::CommitProposals => {
                let is_internal = intent == Intent::CommitProposals;
                if is_internal && !self.has_pending_proposals(group_id)? {
                    return Ok(Changes::Nothing("another member has committed the proposals"));
                }
                Changes::Commit(Vec::new())
            }
            Intent::Leave => {
                let since = self.state.group(group_id).map(|row| row.start).unwrap_or_default();
                Changes::Leave(since)
            }
            Intent::SetPolicy(policy) => match self.new_extensions(group_id, &policy)? {
                Ok(extensions) => {
                    let body = pando_mls::wire::GroupContextExtensions { extensions };
                    Changes::Commit(vec![Proposal::GroupContextExtensions(body)])
                }
                Err(reason) => Changes::Impossible(reason),
            },
            Intent::Add => {
                let claimed = self.claimed(number);
                if claimed.is_empty() {
                    return Ok(Changes::Impossible(self.missing(number)));
                }
                let present = self.clients(group_id)?;
                let is_absent = |key_package: &KeyPackage| {
                    let client = client_of(&key_package.leaf_node.credential);
                    client.is_none_or(|client| !present.iter().any(|(member, _)| *member == client))
                };
                let adds: Vec<_> = claimed.into_iter().filter(is_absent).map(add).collect();
                if adds.is_empty() {
                    Changes::Nothing("the clients are members already")
                } else {
                    Changes::Commit(adds)
                }
            }
            Intent::Remove(targets) => {
                let own = self.session.group(group_id)?.own_leaf();
                let is_target = |client: &ClientId| {
                    targets.iter().any(|target| match target {
                        ClaimTarget::User(user) => client.user() == *user,
                        ClaimTarget::Client(target) => client == target,
                    })
                };
                let clients = self.clients(group_id)?.into_iter();
                let leaves = clients.filter(|(client, leaf)| is_target(client) && *leaf != own);
                let removes: Vec<_> =
                    leaves.map(|(_, removed)| Proposal::Remove(Remove { removed })).collect();
                if removes.is_empty() {
                    Changes::Nothing("the clients are not members")
                } else {
                    Changes::Commit(removes)
                }
            }
        })
    }

    /// Returns the members that have device certificates.
    pub(super) fn clients(&mut self, group_id: &GroupId) -> Result<Vec<(ClientId, LeafIndex)>, EngineError> {
        let mut clients = Vec::new();
        for member in self.session.group(group_id)?.members() {
            let member = member.map_err(pando_mls::GroupError::from).map_err(SessionError::from)?;
            if let Some(client) = client_of(&member.credential) {
                clients.push((client, member.leaf));
            }
        }
        Ok(clients)
    }

    /// Returns the KeyPackages that were claimed for an operation, one of each client. A client of
    /// which the server has none is left out.
    fn claimed(&self, number: u64) -> Vec<KeyPackage> {
        let claims = self.state.claims.iter().filter(|(_, claim)| claim.operation == number);
        let claimed = claims.filter_map(|(_, claim)| claim.claimed.as_ref());
        let mut key_packages = BTreeMap::new();
        for one in claimed.flat_map(|claimed| &claimed.clients).filter(|one| one.client != self.own) {
            let key_package = one.status.key_package().and_then(|bytes| KeyPackage::decode(bytes).ok());
            // The server could answer with the KeyPackage of another client.
            let is_asked_for = |key_package: &KeyPackage| {
                client_of(&key_package.leaf_node.credential).as_ref() == Some(&one.client)
                    && key_package.cipher_suite == self.settings.cipher_suite
            };
            if let Some(key_package) = key_package.filter(is_asked_for) {
                key_packages.entry(one.client.clone()).or_insert(key_package);
            }
        }
        key_packages.into_values().collect()
    }

    /// Returns why no KeyPackage was claimed for an operation.
    fn missing(&self, number: u64) -> String {
        let claims = self.state.claims.iter().filter(|(_, claim)| claim.operation == number);
        let results = claims.filter_map(|(_, claim)| claim.claimed.as_ref());
        let clients: Vec<_> = results.flat_map(|claimed| &claimed.clients).collect();
        if clients.is_empty() {
            return "the server knows no client of the users".to_owned();
        }
        let reasons = clients.iter().map(|one| match one.status {
            ClaimStatus::Unsupported => format!("{} does not support the group", one.client),
            _ => format!("{} has no KeyPackage", one.client),
        });
        reasons.collect::<Vec<_>>().join(", ")
    }

    /// Returns the extensions of a new group.
    fn extensions(&self, policy: &Policy) -> Result<Extensions, String> {
        let scheme = scheme_name(self.settings.cipher_suite);
        let removers = self.state.client().removers;
        let remover = removers.into_iter().find(|remover| remover.scheme == scheme);
        let remover =
            remover.ok_or_else(|| format!("the server proposes no removals in groups with {scheme}"))?;
        let credential = Credential::basic(self.domain.as_str());
        let sender = ExternalSender { signature_key: remover.key, credential };
        let senders = Extension::new(&ExternalSenders(vec![sender])).map_err(|error| error.to_string())?;
        let policy = policy.to_extension().map_err(|error| error.to_string())?;
        Ok(Extensions(vec![policy, senders]))
    }

    /// Returns the extensions of a group with another policy.
    fn new_extensions(
        &mut self,
        group_id: &GroupId,
        policy: &Policy,
    ) -> Result<Result<Extensions, String>, EngineError> {
        let group = self.session.group(group_id)?;
        let mut extensions = group.public().context().extensions.clone();
        let new = match policy.to_extension() {
            Ok(new) => new,
            Err(error) => return Ok(Err(error.to_string())),
        };
        for extension in &mut extensions.0 {
            if extension.extension_type == new.extension_type {
                extension.extension_data.clone_from(&new.extension_data);
            }
        }
        Ok(Ok(extensions))
    }

    fn set_stage(&mut self, number: u64, stage: Stage) -> Result<(), EngineError> {
        if let Some(row) = self.state.operations.get_mut(number) {
            row.stage = stage;
        }
        self.write()
    }

    fn request_of(&self, number: u64) -> Option<(Purpose, Operation)> {
        let row = self.state.operations.get(number)?;
        Some((Purpose::Operation(number), request(row)?))
    }

    /// Ends an operation that no member would accept.
    pub(super) fn fail<T>(&mut self, number: u64, reason: String) -> Result<Option<T>, EngineError> {
        let created = self.state.operations.get(number).and_then(|row| match row.intent {
            Intent::Create(_) => Some(row.group_id.clone()),
            _ => None,
        });
        self.state.end_operation(number, End::Failed(reason), self.clock.now());
        match created {
            Some(group_id) => self.drop_creation(&group_id)?,
            None => self.write()?,
        }
        Ok(None)
    }

    /// Ends an operation that the group refuses. A failure of the store is an error.
    pub(super) fn failed<T>(&mut self, number: u64, error: SessionError) -> Result<Option<T>, EngineError> {
        match error {
            SessionError::Group(error) if !error.is_storage() => self.fail(number, error.to_string()),
            // The client has no key of the group's cipher suite.
            SessionError::NoSigner(_) => self.fail(number, error.to_string()),
            error => Err(error.into()),
        }
    }
}

/// What an operation changes.
enum Changes {
    /// A Commit with these proposals and the pending ones.
    Commit(Vec<Proposal>),
    /// A request to remove our client, which is a member since this entry.
    Leave(u64),
    /// There is nothing left to do.
    Nothing(&'static str),
    /// No Commit can do it.
    Impossible(String),
}

/// The proposals of a Commit.
trait Fill {
    fn fill<'a>(&self, builder: CommitBuilder<'a>) -> CommitBuilder<'a>;
}

/// The Adds of the first Commit.
struct Added(Vec<KeyPackage>);

impl Fill for Added {
    fn fill<'a>(&self, builder: CommitBuilder<'a>) -> CommitBuilder<'a> {
        self.0.iter().cloned().fold(builder, CommitBuilder::add)
    }
}

/// Proposals by value, and the pending proposals that the Commit covers if some are refused.
struct Filled {
    proposals: Vec<Proposal>,
    covered: Option<Vec<ProposalRef>>,
}

impl Fill for Filled {
    fn fill<'a>(&self, builder: CommitBuilder<'a>) -> CommitBuilder<'a> {
        let builder = builder.proposals(self.proposals.iter().cloned());
        match &self.covered {
            None => builder,
            Some(covered) => builder.only_pending(covered.iter().cloned()),
        }
    }
}

/// A Commit for a server that follows the group.
struct FillCommit<'d, F> {
    fill: F,
    data: &'d [u8],
}

impl<F: Fill> FillCommit<'_, F> {
    fn apply<'a>(&self, builder: CommitBuilder<'a>) -> CommitBuilder<'a> {
        self.fill.fill(builder).authenticated_data(self.data).with_group_info().without_tree()
    }
}

impl super::rows::GroupRow {
    /// Returns the pending proposals except those that the server refuses.
    fn covered(&self, refused: &[u64]) -> Vec<ProposalRef> {
        let refused: BTreeSet<_> = refused.iter().collect();
        let kept = self.proposals.iter().filter(|placed| !refused.contains(&placed.seq));
        kept.map(|placed| placed.reference.clone()).collect()
    }
}

fn add(key_package: KeyPackage) -> Proposal {
    Proposal::Add(Box::new(pando_mls::Add { key_package }))
}

/// Returns the request of an operation whose outcome is not known.
fn request(row: &OperationRow) -> Option<Operation> {
    match &row.stage {
        Stage::Waiting | Stage::Accepted | Stage::Created => None,
        Stage::Creating(request) => Some(Operation::CreateGroup(request.clone())),
        Stage::Committing(request) => Some(Operation::SubmitCommit(row.group_id.clone(), request.clone())),
        Stage::Leaving(request) => Some(Operation::RequestRemoval(row.group_id.clone(), request.clone())),
    }
}

fn submission(commit: &Commit) -> SubmitCommit {
    SubmitCommit {
        commit: commit.message.clone().into(),
        welcome: commit.welcome.clone().unwrap_or_default().into(),
        group_info: commit.group_info.clone().unwrap_or_default().into(),
    }
}

/// Returns the client of a device certificate.
pub(super) fn client_of(credential: &Credential) -> Option<ClientId> {
    DeviceCertificate::read(credential).ok().map(|certificate| certificate.client)
}

/// Returns the name in TLS of the signature scheme of a cipher suite.
fn scheme_name(cipher_suite: pando_mls::CipherSuite) -> &'static str {
    use pando_mls::CipherSuite as Suite;
    match cipher_suite {
        Suite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256 => "ecdsa_secp256r1_sha256",
        Suite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384 => "ecdsa_secp384r1_sha384",
        Suite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521 => "ecdsa_secp521r1_sha512",
        Suite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448
        | Suite::MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448 => "ed448",
        _ => "ed25519",
    }
}
