//! The requests that honest clients make, and what they do with the answers.

use super::requests::Request;
use super::spectator::certificate;
use super::world::{Participant, World};
use crate::clients::{Device, SUITE, capabilities, group_id, message, policy};
use pando_api::{
    Acknowledgement, ClaimId, ClaimKeyPackages, ClaimTarget, CreateGroup, EntryKind, ExternalCommits,
    Failure, HandshakeData, LastResort, LogEntry, Permission, Policy, ProblemCode, RemovalIntent,
    ReportStatement, Reset, SignedHead, SubmitCommit, SubmitMessage, UploadKeyPackages,
};
use pando_mls::wire::{RequiredCapabilities, ResumptionPskUsage};
use pando_mls::{
    AdmitAll, CommitBuilder, Context, Decode, Encode, Extension, Extensions, ExternalJoin, Group, GroupError,
    GroupId, GroupState, LeafIndex, LeafTemplate, MlsMessage, MlsMessageBody, Processed, ProtocolVersion,
    Psk, PskStore, PskValue, ReInit, SourceError, Unpersisted,
};

/// How a client makes a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// The client does not check the rules of the group.
    pub(super) is_lax: bool,
    /// The authenticated data has the head of the last page that the client has read.
    pub(super) with_head: bool,
}

/// The resumption PSKs of a group, and an arbitrary one for each epoch that the group does not
/// have.
struct PsksOf<'a>(Option<&'a Group>);

impl PskStore for PsksOf<'_> {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }

    fn resumption(&self, _: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        let psk = self.0.and_then(|group| group.resumption_psk(epoch));
        Ok(psk.or_else(|| Some(PskValue::from(vec![7; 32]))))
    }
}

fn authenticated_data(head: Option<&SignedHead>) -> Vec<u8> {
    HandshakeData { head: head.cloned(), ..HandshakeData::default() }.encode().expect("short")
}

impl World<'_> {
    /// Returns whether a client has logged in with a higher version, which ends all other sessions.
    pub(super) fn is_superseded(&self, who: usize) -> bool {
        let caller = self.caller(who);
        self.versions.get(&caller.client).is_some_and(|known| *known > caller.version)
    }

    /// Lets a member process the log to its end.
    pub(super) async fn follow(&mut self, who: usize) {
        while self.people[who].device.group.is_some() {
            let (caller, seq) = (self.caller(who), self.people[who].device.seq);
            let page = match self.services[0].read_log(&caller, &group_id(), (seq, 1 << 16)).await {
                Ok(page) => page,
                Err(refusal) if refusal.is(ProblemCode::CertificateSuperseded) => {
                    assert!(self.is_superseded(who), "{refusal}");
                    return;
                }
                Err(refusal) => {
                    super::world::check_refusal(&refusal);
                    assert!(self.spectator.readable_after(&caller.client, seq).is_none(), "{refusal}");
                    self.people[who].device.group = None;
                    return;
                }
            };
            self.record(&page.head);
            self.people[who].head = Some(page.head);
            if page.entries.is_empty() {
                return;
            }
            for entry in &page.entries {
                self.process(who, entry);
                self.people[who].device.seq = entry.seq;
            }
            if page.end != 0 {
                self.people[who].device.group = None;
            }
        }
    }

    /// Lets a member process an entry. A member that cannot process a Commit drops its group.
    fn process(&mut self, who: usize, entry: &LogEntry) {
        if entry.kind == EntryKind::Application {
            return;
        }
        let sender = self.spectator.senders.get(&entry.seq).cloned().flatten();
        let Participant { device, .. } = &mut self.people[who];
        // A client may have dropped its own message, or have made it with another certificate.
        let is_own = sender.as_ref() == Some(&device.caller.client);
        let Device { signer, group, .. } = device;
        let cx = self.clients.context(&**signer);
        let Some(member) = group.as_mut() else { return };
        let message = MlsMessage::decode(&entry.message).expect("entries are messages");
        let result = member.process(message, &cx).map(Unpersisted::assume_persisted);
        let merged = match result {
            Ok(Processed::OwnCommit) => member.merge_pending().map(Unpersisted::assume_persisted),
            Ok(Processed::Commit(staged)) => member.merge(*staged).map(|done| drop(done.assume_persisted())),
            Ok(Processed::NotAdmitted(_, why)) => panic!("the server admits a proposal: {why}"),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = merged {
            let is_known = is_own || self.altered.contains(&entry.seq);
            assert!(is_known, "a member cannot process entry {}: {error}", entry.seq);
            if entry.kind == EntryKind::Commit {
                *group = None;
            }
        } else if member.state() == GroupState::Removed {
            *group = None;
        }
    }

    /// Runs an operation of a member's group. Returns an error if the client has no group, or if
    /// the library refuses the operation.
    fn with_group<T>(
        &mut self,
        (who, how): (usize, How),
        run: impl FnOnce(&mut Group, &Context<'_>, &[u8], &mut rand_chacha::ChaCha20Rng) -> Result<T, GroupError>,
    ) -> Result<T, String> {
        let Participant { device, head, .. } = &mut self.people[who];
        let data = authenticated_data(head.as_ref().filter(|_| how.with_head));
        let Device { signer, group, .. } = device;
        let cx = self.clients.context(&**signer);
        let cx = if how.is_lax { cx.with_rules(&AdmitAll) } else { cx };
        let group = group.as_mut().ok_or("no group")?;
        run(group, &cx, &data, &mut self.rng).map_err(|error| error.to_string())
    }

    pub(super) fn encrypt(&mut self, who: usize, how: How) -> Option<Request> {
        let message = self
            .with_group((who, how), |group, cx, _, rng| {
                Ok(group.encrypt("hello", cx, rng)?.assume_persisted())
            })
            .ok()?;
        Some(Request::Message(SubmitMessage { message: encoded(&message) }))
    }

    pub(super) fn update(&mut self, who: usize, how: How) -> Option<Request> {
        let message = self
            .with_group((who, how), |group, cx, data, rng| {
                Ok(group.propose_update(None, data, cx, rng)?.assume_persisted())
            })
            .ok()?;
        Some(Request::Message(SubmitMessage { message: encoded(&message) }))
    }

    /// Builds a Commit. The Commit is pending.
    pub(super) fn commit(
        &mut self,
        who: usize,
        how: How,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<Request, String> {
        let output = self.with_group((who, how), |group, cx, data, rng| {
            let builder = fill(group.commit()).authenticated_data(data).with_group_info();
            Ok(builder.without_tree().build(cx, rng)?.assume_persisted())
        })?;
        Ok(Request::Commit(SubmitCommit {
            commit: encoded(&output.message),
            welcome: output.welcome.map(message).unwrap_or_default().into(),
            group_info: output.group_info.map(message).unwrap_or_default().into(),
        }))
    }

    /// Builds a Commit that ends the group.
    pub(super) fn reinit(&mut self, who: usize, how: How) -> Option<Request> {
        let reinit = ReInit {
            group_id: GroupId::from(&self.identifier()),
            version: ProtocolVersion::MLS_10,
            cipher_suite: SUITE,
            extensions: self.clients.extensions(&policy()),
        };
        let output = self
            .with_group((who, how), |group, cx, data, rng| {
                let builder = group.commit().without_pending().reinit(reinit).authenticated_data(data);
                Ok(builder.build(cx, rng)?.assume_persisted())
            })
            .ok()?;
        let commit = encoded(&output.message);
        Some(Request::Commit(SubmitCommit {
            commit,
            welcome: Vec::new().into(),
            group_info: Vec::new().into(),
        }))
    }

    /// Builds a Commit that adds clients.
    pub(super) fn add(&mut self, who: usize, how: How, joiner: usize) -> Option<Request> {
        let key_package = match self.claimed.pop() {
            Some(key_package) => key_package,
            None => {
                let bundle = self.clients.bundle(&self.people[joiner].device);
                let key_package = bundle.key_package.clone();
                self.people[joiner].bundles.push(bundle);
                key_package
            }
        };
        // A client that is a member is replaced.
        let client = certificate(&key_package.leaf_node.credential).client;
        let old = self.spectator.leaf(&client).map(|(leaf, _)| leaf);
        self.commit(who, how, |commit| old.into_iter().fold(commit, CommitBuilder::remove).add(key_package))
            .ok()
    }

    pub(super) fn remove(&mut self, who: usize, how: How, removed: usize) -> Option<Request> {
        let client = self.caller(removed).client;
        let leaf = self.spectator.leaf(&client).map_or(LeafIndex(9), |(leaf, _)| leaf);
        self.commit(who, how, |commit| commit.remove(leaf)).ok()
    }

    /// Builds a Commit that changes the policy.
    pub(super) fn change_policy(&mut self, who: usize, how: How, which: u8) -> Option<Request> {
        let mut new = policy();
        if which & 1 != 0 {
            new.admins.push("bob@example.org".parse().expect("a user"));
        }
        new.add = [Permission::Everyone, Permission::Admins][usize::from(which >> 1 & 1)];
        new.external_commits = [
            ExternalCommits::UsersOfMembers,
            ExternalCommits::Nobody,
            ExternalCommits::Everyone,
            ExternalCommits::UsersOfMembers,
        ][usize::from(which >> 2 & 3)];
        new.parameters.past_epochs = u16::from(which >> 4 & 3);
        let extensions = self.clients.extensions(&new);
        self.commit(who, how, |commit| commit.extensions(extensions)).ok()
    }

    /// Builds an external Commit. Returns the group with it, in the state after the Commit.
    pub(super) async fn join(&mut self, who: usize, how: How, server: usize) -> Option<(Request, Group)> {
        let (caller, service) = (self.caller(who), &self.services[server]);
        let state = service.group_state(&caller, &group_id()).await.ok()?;
        let tree = service.tree(&caller, &group_id(), &state.tree_hash).await.expect("a current tree");
        self.record(&state.head);
        let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(&state.group_info).ok()?.body else {
            panic!("not a GroupInfo")
        };
        let Device { signer, credential, .. } = &self.people[who].device;
        let template = LeafTemplate {
            credential: credential.clone(),
            capabilities: capabilities(),
            extensions: Extensions::default(),
        };
        let own = self.spectator.leaf(&caller.client).map(|(leaf, _)| leaf);
        let data = authenticated_data(Some(&state.head).filter(|_| how.with_head));
        let cx = self.clients.context(&**signer);
        let cx = if how.is_lax { cx.with_rules(&AdmitAll) } else { cx };
        let join = ExternalJoin::new(&group_info, template).tree(&*tree).replace_leaf(own);
        let joined = join.authenticated_data(&data).build(&cx, &mut self.rng).ok()?;
        let (mut group, commit) = joined.assume_persisted();
        group.merge_pending().expect("the Commit is pending").assume_persisted();
        let group_info = message(group.group_info().without_tree().build(&cx).expect("a member")).into();
        let commit = message(commit).into();
        Some((Request::Commit(SubmitCommit { commit, welcome: Vec::new().into(), group_info }), group))
    }

    /// Lets a client join by a Welcome of its inbox.
    pub(super) async fn read_inbox(&mut self, who: usize, (which, server): (u8, usize)) {
        let (caller, service) = (self.caller(who), self.services[server].clone());
        let page = match service.read_inbox(&caller, (0, 1 << 20), self.now()).await {
            Ok(page) => page,
            Err(refusal) => {
                let is_code = refusal.is(ProblemCode::CertificateSuperseded);
                return assert!(is_code && self.is_superseded(who), "{refusal}");
            }
        };
        let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
        assert!(seqs.is_sorted_by(|one, next| one < next));
        let Some(entry) = page.entries.get(usize::from(which) % page.entries.len().max(1)) else { return };
        assert!(entry.expires > self.now() || entry.expires == 0, "an expired Welcome");
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(&entry.welcome).expect("a message").body
        else {
            panic!("not a Welcome")
        };
        assert_eq!(welcome.secrets.len(), 1, "a joiner has only its own entry");
        let Ok(tree) = service.tree(&caller, &entry.group_id, &entry.tree_hash).await else {
            assert!(!self.spectator.members().any(|member| member.user() == caller.user()), "no tree");
            return;
        };
        let mut joined = None;
        for (slot, Participant { device, bundles, .. }) in self.people.iter().enumerate() {
            if device.caller.client != caller.client {
                continue;
            }
            let cx = self.clients.context(&*device.signer);
            let groups = bundles.iter().map(|bundle| Group::join(&welcome, bundle, Some(&tree), &cx));
            joined = joined.or(groups.into_iter().find_map(Result::ok).map(|group| (slot, group)));
        }
        let is_altered = self.altered.contains(&entry.group_seq);
        assert!(joined.is_some() || is_altered, "nobody can join by a Welcome");
        let is_current = self.spectator.since(&caller.client) == Some(entry.group_seq);
        if let Some((slot, group)) = joined
            && is_current
            && slot == who
        {
            let Participant { device, head, .. } = &mut self.people[who];
            (device.group, device.seq, *head) = (Some(group.assume_persisted()), entry.group_seq, None);
        }
        service.remove_inbox_entry(&caller, entry.seq).await.expect("an entry");
        let page = service.read_inbox(&caller, (0, 1 << 20), self.now()).await.expect("an inbox");
        assert!(page.entries.iter().all(|other| other.seq != entry.seq), "an entry is still there");
    }

    pub(super) fn leave(&self, who: usize, which: u8) -> Request {
        let of_user: Vec<_> =
            self.spectator.members().filter(|member| member.user() == self.caller(who).user()).collect();
        let client = of_user.get(usize::from(which) % of_user.len().max(1)).copied().cloned();
        let client = client.unwrap_or_else(|| self.caller(who).client);
        let since = self.spectator.since(&client).unwrap_or(2);
        Request::Removal(RemovalIntent { client, since })
    }

    pub(super) fn upload(&mut self, who: usize, which: u8) -> Request {
        let mut upload = UploadKeyPackages { key_packages: Vec::new(), last_resort: Vec::new().into() };
        for _ in 0..which % 4 {
            let bundle = self.clients.bundle(&self.people[who].device);
            upload.key_packages.push(bundle.key_package.encode().expect("short").into());
            self.people[who].bundles.push(bundle);
        }
        if which & 4 != 0 {
            let extensions = Extensions(vec![Extension::new(&LastResort).expect("short")]);
            let bundle = self.clients.bundle_with(&self.people[who].device, SUITE, extensions);
            upload.last_resort = bundle.key_package.encode().expect("short").into();
            self.people[who].bundles.push(bundle);
        }
        Request::Upload(upload)
    }

    pub(super) fn claim(&mut self, which: u8) -> Request {
        let target = self.caller(usize::from(which) % self.people.len()).client;
        let target =
            if which & 0x80 == 0 { ClaimTarget::Client(target) } else { ClaimTarget::User(target.user()) };
        Request::Claim(ClaimKeyPackages {
            claim_id: ClaimId(self.identifier()),
            target,
            cipher_suite: SUITE,
            capabilities: RequiredCapabilities::default(),
        })
    }

    pub(super) fn acknowledge(&self, which: u8) -> Request {
        Request::Acknowledge(Acknowledgement { seq: u64::from(which) % (self.spectator.end() + 2) })
    }

    /// Builds a report about one of the last entries.
    pub(super) fn report(&self, who: usize, which: u8) -> Request {
        let Device { signer, caller, .. } = &self.people[who].device;
        let seq = self.spectator.epoch_seq.saturating_sub(u64::from(which % 3)).max(1);
        let leaf = self.spectator.leaf(&caller.client).map_or(LeafIndex(7), |(leaf, _)| leaf);
        let statement = ReportStatement {
            domain: self.clients.domain.clone(),
            group_id: group_id(),
            seq,
            digest: self.spectator.digest(seq).expect("an entry"),
            leaf,
            failure: Failure::PathSecret,
        };
        Request::Report(statement.sign(&**signer).expect("a key"))
    }

    /// Builds the request to create another group. With `epoch`, the group is a branch of that
    /// epoch.
    pub(super) fn create(&mut self, who: usize, which: u8, epoch: Option<u64>) -> Option<Request> {
        let id = if which & 0x40 == 0 { GroupId::from(&self.identifier()) } else { group_id() };
        let admins = match epoch {
            Some(_) => policy().admins,
            None => vec![self.caller(who).user()],
        };
        let extensions = self.clients.extensions(&Policy { admins, ..policy() });
        let bundle = self.clients.bundle(&self.people[who].device);
        let Device { signer, group: old, .. } = &self.people[who].device;
        let psks = PsksOf(old.as_ref());
        let cx = self.clients.context(&**signer).with_psks(&psks);
        let group = Group::builder(id).extensions(extensions).build(bundle, &cx, &mut self.rng).ok()?;
        let mut group = group.assume_persisted();
        let group_info = message(group.group_info().build(&cx).expect("a member")).into();
        let branch = epoch.map(|psk_epoch| {
            let usage = ResumptionPskUsage::Branch;
            Psk::Resumption { usage, psk_group_id: group_id(), psk_epoch }
        });
        let builder = branch.into_iter().fold(group.commit(), CommitBuilder::psk).with_group_info();
        let output = builder.build(&cx, &mut self.rng).ok()?.assume_persisted();
        let first_commit = SubmitCommit {
            commit: encoded(&output.message),
            welcome: Vec::new().into(),
            group_info: output.group_info.map(message).unwrap_or_default().into(),
        };
        let first_commit = (epoch.is_some() || which & 1 != 0).then_some(first_commit);
        let create = CreateGroup { group_info, first_commit };
        Some(match epoch {
            Some(last_good_epoch) => Request::Reset(Reset { last_good_epoch, successor: create }),
            None => Request::Create(create),
        })
    }
}

fn encoded(message: &MlsMessage) -> pando_mls::Opaque {
    message.encode().expect("short").into()
}
