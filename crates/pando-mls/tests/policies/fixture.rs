//! A group whose members have rules, clocks and identities of their own, a server that follows the
//! group, and functions that create proposals.

pub(crate) use crate::make::{add, custom, remove};
use std::sync::LazyLock;

use pando_mls::wire::{Sender, Signature, SignaturePublicKey};
use pando_mls::{
    AdmitAll, Capabilities, CipherSuite, Client, CommitBuilder, CommitOutput, CommitView, Context,
    Credential, CredentialType, CryptoError, CryptoProvider, Decode, DefaultRules, Encode, ExtensionType,
    Extensions, ExternalJoin, Group, GroupConfig, GroupError, GroupInfo, GroupRules, IdentityError,
    IdentityPolicy, KeyPackage, KeyPackageBundle, KeyPackageTemplate, LeafChange, LeafIndex, LeafTemplate,
    Lifetime, Limits, MlsMessage, NewLeaf, PendingProposal, Processed, Proposal, ProposalType,
    ProtocolVersion, PublicGroup, PublicProcessed, PublicStaged, Rows, RuleError, RustCrypto, Signer, Staged,
    StateView, Suite, Unpersisted, Violation,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::Arc;

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

/// The time on all clocks, unless a test sets another time.
pub(crate) const NOW: u64 = 1_000;
/// The end of a credential that is still valid at [`NOW`]. [`EXPIRED`] is the end of a credential
/// that is not.
pub(crate) const VALID: u64 = 2 * NOW;
pub(crate) const EXPIRED: u64 = NOW - 1;
/// The end of a credential that never expires.
pub(crate) const NEVER: u64 = u64::MAX;

/// A policy for credentials of the form `name|end`. A credential is valid until its end, and a
/// member must keep its name.
pub(crate) struct Ending;

pub(crate) fn credential(name: &str, end: u64) -> Credential {
    Credential::Basic { identity: format!("{name}|{end}").into_bytes().into() }
}

fn parts(credential: &Credential) -> Option<(&str, u64)> {
    let Credential::Basic { identity } = credential else { return None };
    let (name, end) = std::str::from_utf8(identity).ok()?.split_once('|')?;
    Some((name, end.parse().ok()?))
}

/// Returns the end time in a credential.
pub(crate) fn credential_end(credential: &Credential) -> u64 {
    parts(credential).unwrap().1
}

/// Returns the name in a credential.
pub(crate) fn name_of(credential: &Credential) -> &str {
    parts(credential).unwrap().0
}

impl IdentityPolicy for Ending {
    fn validate(
        &self,
        credential: &Credential,
        _: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        let (_, end) = parts(credential).ok_or_else(|| IdentityError("no name or no end".into()))?;
        match now {
            Some(now) if now > end => Err(IdentityError("expired".into())),
            _ => Ok(()),
        }
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        Some(parts(credential)?.0.as_bytes().to_vec())
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        parts(old).map(|(name, _)| name) == parts(new).map(|(name, _)| name)
    }
}

/// Returns the violation that is reported for a leaf with an expired credential.
pub(crate) fn expired() -> Violation {
    Violation::Credential("expired".into())
}

/// Rules that allow at most `N` members.
pub(crate) struct AtMost<const N: u32>;

impl<const N: u32> GroupRules for AtMost<N> {
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        if commit.after().tree().member_count() > N { Err(RuleError::refused("too many")) } else { Ok(()) }
    }
}

/// Rules that allow only the member at leaf 0 to remove other members.
pub(crate) struct OneRemoves;

impl OneRemoves {
    fn allows(sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        match proposal {
            Proposal::Remove(_) if sender != Sender::Member(LeafIndex(0)) => {
                Err(RuleError::refused("may not remove"))
            }
            _ => Ok(()),
        }
    }
}

impl GroupRules for OneRemoves {
    fn admit(&self, state: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        DefaultRules.admit(state, sender, proposal)?;
        Self::allows(sender, proposal)
    }

    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        commit.proposals().try_for_each(|(sender, proposal)| Self::allows(sender, proposal))
    }
}

/// Returns the error for a Commit that the rules reject for the given reason.
pub(crate) fn refused(reason: &str) -> GroupError {
    GroupError::Violation(Violation::GroupRules(reason.into()))
}

/// The type of a custom proposal. Clients support it by default.
pub(crate) const CUSTOM: u16 = 0xf001;
/// The type of a group extension that all clients support.
pub(crate) const EXTENSION: u16 = 0xf0f0;

pub(crate) fn leaf_template(name: &str, end: u64) -> LeafTemplate {
    let capabilities = Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: vec![CipherSuite::ALL[0]],
        extensions: vec![ExtensionType(EXTENSION)],
        proposals: vec![ProposalType(CUSTOM)],
        credentials: vec![CredentialType::BASIC],
    };
    LeafTemplate { credential: credential(name, end), capabilities, extensions: Extensions::default() }
}

/// A client that is in no group and has a KeyPackage.
pub(crate) struct Newcomer {
    pub(crate) name: String,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) bundle: KeyPackageBundle,
}

impl Newcomer {
    pub(crate) fn key_package(&self) -> KeyPackage {
        self.bundle.key_package.clone()
    }
}

/// A member with its store, its rules and its clock.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) group: Group,
    pub(crate) rows: Rows,
    pub(crate) rules: &'static dyn GroupRules,
    pub(crate) policy: &'static dyn IdentityPolicy,
    pub(crate) now: Option<u64>,
}

pub(crate) fn client<'a>(
    signer: &'a dyn Signer,
    rules: &'static dyn GroupRules,
    now: Option<u64>,
    config: GroupConfig,
) -> Context<'a> {
    let context = CLIENT.without_clock(signer).with_rules(rules).with_policy(&Ending).with_config(config);
    match now {
        Some(now) => context.at(now),
        None => context,
    }
}

impl Member {
    /// Runs an operation on the group and stores the resulting Delta.
    pub(crate) fn operate<T>(
        &mut self,
        operation: impl FnOnce(&mut Group, &Context<'_>) -> Result<Unpersisted<T>, GroupError>,
    ) -> Result<T, GroupError> {
        let cx = client(&*self.signer, self.rules, self.now, *self.group.config());
        let cx = cx.with_policy(self.policy);
        Ok(operation(&mut self.group, &cx)?.persist_to(&mut self.rows).unwrap())
    }

    pub(crate) fn process(&mut self, message: &MlsMessage) -> Result<Processed, GroupError> {
        self.operate(|group, cx| group.process(over_the_wire(message), cx))
    }

    /// Stages a Commit that another member created.
    pub(crate) fn stage(&mut self, message: &MlsMessage) -> Staged {
        match self.process(message).unwrap() {
            Processed::Commit(staged) => *staged,
            other => panic!("not a Commit: {other:?}"),
        }
    }

    pub(crate) fn merge(&mut self, staged: Staged) {
        self.operate(|group, _| group.merge(staged)).unwrap();
    }

    /// Merges a Commit, either our pending one or one of another member.
    pub(crate) fn follow(&mut self, message: &MlsMessage) {
        match self.process(message).unwrap() {
            Processed::OwnCommit => self.group.merge_pending().unwrap().persist_to(&mut self.rows).unwrap(),
            Processed::Commit(staged) => self.merge(*staged),
            other => panic!("not a Commit: {other:?}"),
        }
    }

    pub(crate) fn build(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
        rng: &mut ChaCha20Rng,
    ) -> Result<CommitOutput, GroupError> {
        self.operate(|group, cx| fill(group.commit()).build(cx, rng))
    }

    pub(crate) fn clear_pending(&mut self) {
        self.operate(|group, _| Ok(group.clear_pending())).unwrap();
    }

    pub(crate) fn propose(
        &mut self,
        proposal: Proposal,
        rng: &mut ChaCha20Rng,
    ) -> Result<MlsMessage, GroupError> {
        self.operate(|group, cx| group.propose(proposal, b"", cx, rng))
    }

    pub(crate) fn propose_update(
        &mut self,
        new_leaf: Option<NewLeaf<'_>>,
        rng: &mut ChaCha20Rng,
    ) -> Result<MlsMessage, GroupError> {
        self.operate(|group, cx| group.propose_update(new_leaf, b"", cx, rng))
    }

    pub(crate) fn encrypt(&mut self, rng: &mut ChaCha20Rng) -> Result<MlsMessage, GroupError> {
        self.operate(|group, cx| group.encrypt(b"data", cx, rng))
    }

    /// Checks that the stored rows equal the rows of the group.
    pub(crate) fn check_store(&mut self) {
        self.group.take_delta().persist_to(&mut self.rows).unwrap();
        assert_eq!(self.rows, self.group.rows().unwrap());
    }

    /// Loads the group from its rows again, either completely or lazily.
    pub(crate) fn restart(&mut self, lazily: bool) {
        self.check_store();
        let cx = client(&*self.signer, self.rules, self.now, *self.group.config());
        self.group = if lazily {
            let rows: Rows = self.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
            Group::open(Arc::new(rows), &cx).unwrap()
        } else {
            Group::load(&self.rows, &cx).unwrap()
        };
        self.check_store();
    }

    pub(crate) fn pending(&self) -> Vec<PendingProposal> {
        self.group.pending_proposals().cloned().collect()
    }
}

/// A server that follows the group without knowing its secrets.
pub(crate) struct Server {
    pub(crate) group: PublicGroup,
    pub(crate) rows: Rows,
    pub(crate) rules: &'static dyn GroupRules,
    pub(crate) now: Option<u64>,
}

impl Server {
    pub(crate) fn process(&mut self, message: &MlsMessage) -> Result<PublicProcessed, GroupError> {
        let (processed, delta) =
            self.group.process(over_the_wire(message), &Ending, self.rules, self.now)?.into_parts();
        delta.apply(&mut self.rows).unwrap();
        Ok(processed)
    }

    pub(crate) fn stage(&mut self, message: &MlsMessage) -> PublicStaged {
        match self.process(message).unwrap() {
            PublicProcessed::Commit(staged) => *staged,
            other => panic!("not a Commit: {other:?}"),
        }
    }

    pub(crate) fn merge(&mut self, staged: &PublicStaged) {
        self.group.merge_unconfirmed(staged).unwrap().persist_to(&mut self.rows).unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.restart_with(Limits::default());
    }

    pub(crate) fn restart_with(&mut self, limits: Limits) {
        assert_eq!(self.rows, self.group.rows().unwrap());
        self.group = PublicGroup::load(&self.rows, &RustCrypto, &Ending, limits).unwrap();
        assert_eq!(self.rows, self.group.rows().unwrap());
    }
}

/// A group with its members and a server. The members' handshake messages are public.
pub(crate) struct Fixture {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) rules: &'static dyn GroupRules,
    pub(crate) config: GroupConfig,
    pub(crate) members: Vec<Member>,
    pub(crate) server: Server,
}

/// Encodes and decodes a message, as if it were sent over a network.
pub(crate) fn over_the_wire(message: &MlsMessage) -> MlsMessage {
    MlsMessage::decode(&message.encode().unwrap()).unwrap()
}

pub(crate) fn public_handshakes() -> GroupConfig {
    GroupConfig::default().with_encrypt_handshakes(false)
}

pub(crate) fn suite() -> Suite {
    RustCrypto.suite(CipherSuite::ALL[0]).unwrap()
}

pub(crate) fn newcomer_of(template: LeafTemplate, lifetime: Lifetime, rng: &mut ChaCha20Rng) -> Newcomer {
    let LeafTemplate { credential, capabilities, extensions: leaf_extensions } = template;
    let name = name_of(&credential).to_owned();
    let extensions = Extensions::default();
    let template = KeyPackageTemplate { credential, capabilities, lifetime, leaf_extensions, extensions };
    let signer = new_signer(rng);
    let bundle = KeyPackageBundle::new(suite(), template, &*signer, rng).unwrap();
    Newcomer { name, signer, bundle }
}

pub(crate) fn new_signer(rng: &mut ChaCha20Rng) -> Box<dyn Signer> {
    suite().signer(&suite().signature_generate_key(rng).unwrap()).unwrap()
}

/// Returns a signer that lives long enough to be used for a [`NewLeaf`] in a closure that fills a
/// Commit.
pub(crate) fn leaked_signer(rng: &mut ChaCha20Rng) -> &'static dyn Signer {
    Box::leak(new_signer(rng))
}

/// A signer that refers to another signer.
pub(crate) struct Borrowed(pub(crate) &'static dyn Signer);

impl Signer for Borrowed {
    fn public_key(&self) -> &SignaturePublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        self.0.sign(message)
    }
}

/// A lifetime that includes the time of every clock.
pub(crate) const ALWAYS: Lifetime = Lifetime { not_before: 0, not_after: u64::MAX };

impl Fixture {
    /// Returns a group whose members are named `m0`, `m1` and so on. The first member has added the
    /// others.
    pub(crate) fn of(rules: &'static dyn GroupRules, members: usize) -> Self {
        Self::with(rules, members, public_handshakes(), Extensions::default())
    }

    pub(crate) fn with(
        rules: &'static dyn GroupRules,
        members: usize,
        config: GroupConfig,
        extensions: Extensions,
    ) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(17);
        let Newcomer { name, signer, bundle } = newcomer_of(leaf_template("m0", NEVER), ALWAYS, &mut rng);
        let now = Some(NOW);
        let creator = client(&*signer, rules, now, config);
        let id = "group";
        let (mut rows, mut server_rows) = (Rows::new(), Rows::new());
        let group = Group::builder(id).extensions(extensions).build(bundle, &creator, &mut rng).unwrap();
        let group = group.persist_to(&mut rows).unwrap();
        let group_info = group.group_info().build(&creator).unwrap();
        let server = PublicGroup::new(suite(), &group_info, None, &Ending, config.limits).unwrap();
        let server = server.persist_to(&mut server_rows).unwrap();
        let creator = Member { name, signer, group, rows, rules, policy: &Ending, now };
        let server = Server { group: server, rows: server_rows, rules, now: None };
        let mut fixture = Self { suite: suite(), rng, rules, config, members: vec![creator], server };
        let newcomers: Vec<_> = (1..members).map(|number| fixture.newcomer(&format!("m{number}"))).collect();
        if !newcomers.is_empty() {
            fixture.add(0, newcomers);
        }
        fixture
    }

    pub(crate) fn newcomer(&mut self, name: &str) -> Newcomer {
        self.newcomer_until(name, NEVER)
    }

    /// Returns a client whose credential ends at `end`.
    pub(crate) fn newcomer_until(&mut self, name: &str, end: u64) -> Newcomer {
        newcomer_of(leaf_template(name, end), ALWAYS, &mut self.rng)
    }

    /// Adds clients by value and makes them join.
    pub(crate) fn add(&mut self, by: usize, newcomers: Vec<Newcomer>) {
        let output = self.build(by, |builder| {
            newcomers.iter().fold(builder, |builder, newcomer| builder.add(newcomer.key_package()))
        });
        let output = output.unwrap();
        self.deliver(&output.message);
        if let Some(welcome) = output.welcome {
            newcomers.into_iter().for_each(|newcomer| self.join(newcomer, &welcome));
        }
    }

    /// Makes a client join by a Welcome.
    pub(crate) fn join(&mut self, newcomer: Newcomer, welcome: &pando_mls::Welcome) {
        let Newcomer { name, signer, bundle } = newcomer;
        let (rules, now) = (self.rules, Some(NOW));
        let joined = Group::join(welcome, &bundle, None, &client(&*signer, rules, now, self.config));
        let (group, delta) = joined.unwrap().into_parts();
        let mut rows = Rows::new();
        delta.apply(&mut rows).unwrap();
        self.members.push(Member { name, signer, group, rows, rules, policy: &Ending, now });
        self.agree();
    }

    pub(crate) fn build(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<CommitOutput, GroupError> {
        self.members[by].build(fill, &mut self.rng)
    }

    /// Makes all members and the server merge a Commit, and drops the members that it removes.
    pub(crate) fn deliver(&mut self, message: &MlsMessage) {
        self.members.iter_mut().for_each(|member| member.follow(message));
        let staged = self.server.stage(message);
        self.server.merge(&staged);
        self.members.retain(|member| member.group.is_active());
        self.agree();
    }

    /// Creates a Commit, makes all members and the server merge it, and returns its output.
    pub(crate) fn commit(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> CommitOutput {
        let output = self.build(by, fill).unwrap();
        self.deliver(&output.message);
        output
    }

    /// Makes the server and all members but the one at `by` process a proposal, which must then be
    /// pending.
    pub(crate) fn hear(&mut self, by: usize, message: &MlsMessage) {
        for (_, member) in self.members.iter_mut().enumerate().filter(|(index, _)| *index != by) {
            assert!(matches!(member.process(message).unwrap(), Processed::Proposal(_)));
        }
        assert!(matches!(self.server.process(message).unwrap(), PublicProcessed::Proposal(_)));
    }

    /// Creates a proposal and delivers it.
    pub(crate) fn propose(&mut self, by: usize, proposal: Proposal) -> MlsMessage {
        let message = self.members[by].propose(proposal, &mut self.rng).unwrap();
        self.hear(by, &message);
        message
    }

    /// Sends a proposal of a type that the member at `unaware` does not support. The sender can do
    /// so because a Remove of that member is pending for it. This Remove is not delivered.
    pub(crate) fn propose_unsupported(&mut self, by: usize, unaware: u32, proposal: Proposal) {
        let member = &mut self.members[by];
        let known = member.pending();
        let _ = member.propose(remove(unaware), &mut self.rng).unwrap();
        let message = member.propose(proposal, &mut self.rng).unwrap();
        let mut pending = member.pending();
        pending.retain(|pending| pending.proposal == remove(unaware) && !known.contains(pending));
        for pending in pending {
            member.operate(|group, _| group.withdraw_proposal(&pending.reference)).unwrap();
        }
        self.hear(by, &message);
    }

    /// Delivers a proposal that neither the members' rules nor the server's rules admit.
    pub(crate) fn hear_not_admitted(&mut self, by: Option<usize>, message: &MlsMessage) -> PendingProposal {
        let mut heard = Vec::new();
        for (_, member) in self.members.iter_mut().enumerate().filter(|(index, _)| Some(*index) != by) {
            match member.process(message).unwrap() {
                Processed::NotAdmitted(pending, reason) => heard.push((pending, reason)),
                other => panic!("admitted: {other:?}"),
            }
        }
        match self.server.process(message).unwrap() {
            PublicProcessed::NotAdmitted(pending, reason) => heard.push((pending, reason)),
            other => panic!("admitted: {other:?}"),
        }
        assert!(heard.iter().all(|other| *other == heard[0]));
        heard.swap_remove(0).0
    }

    /// Returns the error with which the server and all members but the one at `by` reject a
    /// message.
    pub(crate) fn refusal(&mut self, by: Option<usize>, message: &MlsMessage) -> GroupError {
        let server = self.server.process(message).unwrap_err();
        for (_, member) in self.members.iter_mut().enumerate().filter(|(index, _)| Some(*index) != by) {
            let epoch = member.group.epoch();
            assert_eq!(member.process(message).unwrap_err(), server);
            assert_eq!(member.group.epoch(), epoch);
        }
        server
    }

    /// Creates an external Commit, and returns it together with the joiner's member.
    pub(crate) fn external(
        &mut self,
        (template, resync): (LeafTemplate, Option<LeafIndex>),
        signer: Box<dyn Signer>,
        now: Option<u64>,
    ) -> Result<(Member, MlsMessage), GroupError> {
        let group_info = self.group_info(0);
        let (name, psks) = (name_of(&template.credential).to_owned(), Vec::new());
        let join = ExternalJoin::new(&group_info, template).replace_leaf(resync).psks(psks);
        let rules = self.rules;
        let joined = join.build(&client(&*signer, rules, now, self.config), &mut self.rng)?;
        let mut rows = Rows::new();
        let (mut group, message) = joined.persist_to(&mut rows).unwrap();
        group.merge_pending().unwrap().persist_to(&mut rows).unwrap();
        Ok((Member { name, signer, group, rows, rules, policy: &Ending, now }, message))
    }

    pub(crate) fn group_info(&mut self, by: usize) -> GroupInfo {
        self.members[by]
            .operate(|group, cx| {
                let group_info = group.group_info().build(cx)?;
                Ok(group.take_delta().map(|()| group_info))
            })
            .unwrap()
    }

    /// Checks that the members and the server are in the same epoch, and that the stored rows are
    /// complete.
    pub(crate) fn agree(&mut self) {
        self.members.iter_mut().for_each(Member::check_store);
        let first = &self.members[0].group;
        for Member { group, .. } in &self.members {
            assert_eq!(group.public().context(), first.public().context());
            assert_eq!(group.epoch_authenticator(), first.epoch_authenticator());
        }
        assert_eq!(self.server.group.public().context(), first.public().context());
        assert_eq!(self.server.rows, self.server.group.rows().unwrap());
    }

    /// Gives a member rules that admit all proposals and Commits.
    pub(crate) fn lax(&mut self, member: usize) {
        self.members[member].rules = &AdmitAll;
    }
}

/// Returns the leaf node of a member.
pub(crate) fn leaf_of(group: &Group, leaf: u32) -> pando_mls::wire::LeafNode {
    group.public().tree().leaf(LeafIndex(leaf)).unwrap().unwrap()
}

/// Returns the kind, the leaf and the name of each change.
pub(crate) fn described(changes: &[LeafChange]) -> Vec<(&'static str, u32, String)> {
    let describe = |change: &LeafChange| {
        let (kind, credential) = match change {
            LeafChange::Removed { old, .. } => ("removed", &old.credential),
            LeafChange::Updated { new, .. } => ("updated", &new.credential),
            LeafChange::Added { new, .. } => ("added", &new.credential),
        };
        (kind, change.leaf().0, name_of(credential).to_owned())
    };
    changes.iter().map(describe).collect()
}
