//! Groups of clients with device certificates, a server that follows them, and the verdicts of all.

use crate::pki::{self, Certified, Template};
use crate::proposals;
use pando_api::{
    DeviceCertificate, ExternalCommits, HandshakeData, POLICY_EXTENSION, PaddingRule, Parameters, Permission,
    Policy, PolicyRules, certificate_uri,
};
use pando_mls::wire::{ExternalSender, ExternalSenders, Psk};
use pando_mls::{
    AdmitAll, Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType,
    CryptoProvider, Encode, Extension, Extensions, ExternalJoin, Group, GroupConfig, GroupError, GroupRules,
    IdentityError, IdentityPolicy, KeyPackage, KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate,
    Lifetime, Limits, MlsMessage, NewLeaf, NoGroups, Processed, Proposal, ProposalType, ProtocolVersion,
    PskStore, PskValue, PublicGroup, PublicProcessed, RustCrypto, SignaturePublicKey, Signer, SourceError,
    Suite, Violation, propose_as_external_sender, propose_own_add,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;
use x509_cert::ext::pkix::name::GeneralName;

/// The type of a proposal that all clients support.
pub(crate) const CUSTOM: u16 = 0xf001;

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
static AUTHORITY: LazyLock<Certified> = LazyLock::new(|| Template::authority("authority").self_signed());

/// An identity policy that accepts all credentials, so that only the rules refuse them. It
/// identifies a client as the real policy does.
struct AnyIdentity;

impl IdentityPolicy for AnyIdentity {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        match DeviceCertificate::read(credential) {
            Ok(certificate) => Some(certificate.client.as_str().into()),
            Err(_) => Some(credential.encode().unwrap()),
        }
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

/// A store that has every external pre-shared key.
struct AllPsks;

impl PskStore for AllPsks {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(PskValue::from(vec![7; 32])))
    }

    fn resumption(&self, _: &pando_mls::GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

/// A verdict: the reason of the refusal, if there is one.
pub(crate) type Verdict = Result<(), String>;

/// Returns a refusal for the reason that the policy gives.
pub(crate) fn refused(violation: impl std::fmt::Display) -> Verdict {
    Err(violation.to_string())
}

pub(crate) fn suite() -> Suite {
    RustCrypto.suite(CipherSuite::ALL[0]).unwrap()
}

/// Returns a policy with these admins, by which only admins add and remove clients of others.
pub(crate) fn policy(admins: &[&str]) -> Policy {
    let mut admins: Vec<_> = admins.iter().map(|admin| admin.parse().unwrap()).collect();
    admins.sort();
    let parameters = Parameters {
        key_package_lifetime: 90 * 24 * 60 * 60,
        idle_age: 0,
        update_interval: 7 * 24 * 60 * 60,
        past_epochs: 4,
        out_of_order: 16,
        forward: 1_000,
        padding: PaddingRule::Padme,
    };
    Policy {
        admins,
        add: Permission::Admins,
        remove: Permission::Admins,
        external_commits: ExternalCommits::UsersOfMembers,
        parameters,
        extensions: Vec::new(),
    }
}

/// A client with its credential and signature key.
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) credential: Credential,
    pub(crate) signer: Box<dyn Signer>,
}

impl Device {
    /// Returns a client with a certificate for the client `name` and a version.
    pub(crate) fn certified(name: &str, version: u64) -> Self {
        let uri = certificate_uri(&name.parse().unwrap(), version);
        Self::with_uri(name, &uri)
    }

    /// Returns a client whose certificate has this URI.
    pub(crate) fn with_uri(name: &str, uri: &str) -> Self {
        Self::with_key(name, uri, &uri.replace(['/', '@', '?', ':', '='], "-"))
    }

    /// Returns a client whose certificate has this URI, and a key and a subject that `name_of_key`
    /// determines.
    pub(crate) fn with_key(name: &str, uri: &str, name_of_key: &str) -> Self {
        let names = vec![GeneralName::UniformResourceIdentifier(uri.to_owned().try_into().unwrap())];
        let template = Template::client(name_of_key).suite(pki::ED25519).names(names);
        let certified = template.signed_by(&AUTHORITY);
        let credential = pki::credential(&[&certified]);
        Self { name: name.to_owned(), credential, signer: certified.signer }
    }

    /// Returns a client with a basic credential, which the policy does not accept.
    pub(crate) fn basic(name: &str) -> Self {
        let signer = Self::with_uri(name, &format!("basic:{name}")).signer;
        Self { name: name.to_owned(), credential: Credential::basic(name), signer }
    }

    pub(crate) fn template(&self) -> LeafTemplate {
        let capabilities = Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: vec![CipherSuite::ALL[0]],
            extensions: vec![POLICY_EXTENSION],
            proposals: vec![ProposalType(CUSTOM)],
            credentials: vec![CredentialType::BASIC, CredentialType::X509],
        };
        let credential = self.credential.clone();
        LeafTemplate { credential, capabilities, extensions: Extensions::default() }
    }

    pub(crate) fn bundle(&self, rng: &mut ChaCha20Rng) -> KeyPackageBundle {
        let LeafTemplate { credential, capabilities, extensions: leaf_extensions } = self.template();
        let lifetime = Lifetime { not_before: 0, not_after: u64::MAX };
        let extensions = Extensions::default();
        let template = KeyPackageTemplate { credential, capabilities, lifetime, leaf_extensions, extensions };
        KeyPackageBundle::new(suite(), template, &*self.signer, rng).unwrap()
    }
}

pub(crate) fn context<'a>(signer: &'a dyn Signer, rules: &'static dyn GroupRules) -> Context<'a> {
    let config = GroupConfig::default().with_encrypt_handshakes(false);
    let cx = CLIENT.without_clock(signer).with_policy(&AnyIdentity).with_config(config);
    cx.with_rules(rules).with_psks(&AllPsks).with_groups(&NoGroups)
}

/// A member of the group.
pub(crate) struct Member {
    pub(crate) device: Device,
    pub(crate) group: Group,
}

/// A group with its members, and the server.
pub(crate) struct Fixture {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) members: Vec<Member>,
    pub(crate) server: PublicGroup,
    /// The key by which the server proposes removals.
    pub(crate) server_signer: Box<dyn Signer>,
}

/// Returns the extensions of a group with this policy and this external sender.
pub(crate) fn extensions(policy: &Policy, server: &dyn Signer) -> Extensions {
    let sender = ExternalSender {
        signature_key: server.public_key().clone(),
        credential: Credential::basic("ds.example.org"),
    };
    let senders = Extension::new(&ExternalSenders(vec![sender])).unwrap();
    Extensions(vec![policy.to_extension().unwrap(), senders])
}

/// Returns the reason of the group's rules.
fn reason(error: GroupError) -> String {
    match error {
        GroupError::Violation(Violation::GroupRules(reason)) => reason,
        other => panic!("not refused by the rules: {other:?}"),
    }
}

impl Fixture {
    /// Returns a group of these clients, which the first one has created.
    pub(crate) fn new(policy: &Policy, clients: &[&str]) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let server_signer = suite().signer(&suite().signature_generate_key(&mut rng).unwrap()).unwrap();
        let mut devices = clients.iter().map(|name| Device::certified(name, 1));
        let creator = devices.next().unwrap();
        let (bundle, cx) = (creator.bundle(&mut rng), context(&*creator.signer, &PolicyRules));
        let builder = Group::builder("a group of 16 by").extensions(extensions(policy, &*server_signer));
        let group = builder.build(bundle, &cx, &mut rng).unwrap().assume_persisted();
        let group_info = group.group_info().build(&cx).unwrap();
        let server = PublicGroup::new(suite(), &group_info, None, &AnyIdentity, Limits::default());
        let server = server.unwrap().assume_persisted();
        let members = vec![Member { device: creator, group }];
        let mut fixture = Self { rng, members, server, server_signer };
        let devices: Vec<_> = devices.collect();
        if !devices.is_empty() {
            fixture.add(devices);
        }
        fixture
    }

    /// Lets the first member add clients, which join.
    fn add(&mut self, devices: Vec<Device>) {
        let bundles: Vec<_> = devices.iter().map(|device| device.bundle(&mut self.rng)).collect();
        let key_packages = bundles.iter().map(|bundle| proposals::add(bundle.key_package.clone()));
        let (message, welcome) = {
            let Self { members, rng, .. } = self;
            let Member { device, group } = &mut members[0];
            let cx = context(&*device.signer, &PolicyRules);
            let builder = group.commit().proposals(key_packages);
            let output = builder.build(&cx, rng).unwrap().assume_persisted();
            (output.message, output.welcome.unwrap())
        };
        self.deliver(&message);
        for (device, bundle) in devices.into_iter().zip(bundles) {
            let cx = context(&*device.signer, &PolicyRules);
            let group = Group::join(&welcome, &bundle, None, &cx).unwrap().assume_persisted();
            self.members.push(Member { device, group });
        }
    }

    /// Returns a KeyPackage of a device.
    pub(crate) fn key_package(&mut self, device: &Device) -> KeyPackage {
        device.bundle(&mut self.rng).key_package
    }

    /// Returns the group's extensions with another policy.
    pub(crate) fn extensions_with(&self, policy: &Policy) -> Extensions {
        extensions(policy, &*self.server_signer)
    }

    /// Builds a Commit with these rules.
    pub(crate) fn build(
        &mut self,
        by: usize,
        rules: &'static dyn GroupRules,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<MlsMessage, GroupError> {
        let Self { members, rng, .. } = self;
        let Member { device, group } = &mut members[by];
        let cx = context(&*device.signer, rules);
        let output = fill(group.commit()).build(&cx, rng)?.assume_persisted();
        Ok(output.message)
    }

    pub(crate) fn clear(&mut self, by: usize) {
        let _ = self.members[by].group.clear_pending().assume_persisted();
    }

    /// Lets all members and the server merge a Commit. Drops the members that it removes.
    pub(crate) fn deliver(&mut self, message: &MlsMessage) {
        for Member { device, group } in &mut self.members {
            let cx = context(&*device.signer, &PolicyRules);
            match group.process(message.clone(), &cx).unwrap().assume_persisted() {
                Processed::OwnCommit => group.merge_pending().unwrap().assume_persisted(),
                Processed::Commit(staged) => drop(group.merge(*staged).unwrap().assume_persisted()),
                other => panic!("not a Commit: {other:?}"),
            }
        }
        let processed = self.server.process(message.clone(), &AnyIdentity, &PolicyRules, None).unwrap();
        let PublicProcessed::Commit(staged) = processed.assume_persisted() else { panic!("not a Commit") };
        self.server.merge_unconfirmed(&staged).unwrap().assume_persisted();
        self.members.retain(|member| member.group.is_active());
    }

    /// Builds a Commit that all merge.
    pub(crate) fn commit(&mut self, by: usize, fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) {
        let message = self.build(by, &PolicyRules, fill).unwrap();
        self.deliver(&message);
    }

    /// Returns the verdict of the server and of all members but the one at `by` about a Commit. All
    /// of them must agree. The Commit is not merged.
    pub(crate) fn receive(&mut self, by: Option<usize>, message: &MlsMessage) -> Verdict {
        let processed = self.server.process(message.clone(), &AnyIdentity, &PolicyRules, None);
        let verdict = processed.map(|processed| drop(processed.assume_persisted())).map_err(reason);
        for (index, Member { device, group }) in self.members.iter_mut().enumerate() {
            if Some(index) != by {
                let processed = group.process(message.clone(), &context(&*device.signer, &PolicyRules));
                let other = processed.map(|processed| drop(processed.assume_persisted())).map_err(reason);
                assert_eq!(other, verdict, "{}", device.name);
            }
        }
        verdict
    }

    /// Returns the verdict about a Commit: as its committer makes it, as members receive it, and as
    /// the server stages it. All of them must agree. The Commit is not merged.
    pub(crate) fn verdict(
        &mut self,
        by: usize,
        fill: impl Fn(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Verdict {
        let made = self.build(by, &PolicyRules, &fill).map(drop).map_err(reason);
        self.clear(by);
        let message = self.build(by, &AdmitAll, &fill).unwrap();
        let received = self.receive(Some(by), &message);
        self.clear(by);
        assert_eq!(made, received, "as made, and as received");
        received
    }

    /// Returns the verdict about a Commit of these proposals by value.
    pub(crate) fn verdict_of(&mut self, by: usize, proposals: &[Proposal]) -> Verdict {
        self.verdict(by, |builder| builder.proposals(proposals.iter().cloned()))
    }

    /// Makes a standalone proposal of a member.
    pub(crate) fn propose(&mut self, by: usize, proposal: Proposal) -> MlsMessage {
        let Self { members, rng, .. } = self;
        let Member { device, group } = &mut members[by];
        let cx = context(&*device.signer, &AdmitAll);
        group.propose(proposal, b"", &cx, rng).unwrap().assume_persisted()
    }

    /// Makes an Update of a member. `new` has the new credential and key.
    pub(crate) fn propose_update(&mut self, by: usize, new: Option<&'static Device>) -> MlsMessage {
        let Self { members, rng, .. } = self;
        let Member { device, group } = &mut members[by];
        let cx = context(&*device.signer, &AdmitAll);
        let new = new.map(|new| NewLeaf { template: new.template(), signer: &*new.signer });
        group.propose_update(new, b"", &cx, rng).unwrap().assume_persisted()
    }

    /// Makes a proposal of the server.
    pub(crate) fn propose_as_server(&mut self, proposal: Proposal) -> MlsMessage {
        let cx = context(&*self.server_signer, &AdmitAll);
        propose_as_external_sender(self.server.public().context(), proposal, &cx).unwrap()
    }

    /// Makes a client's proposal to be added.
    pub(crate) fn ask_to_be_added(&mut self, device: &Device) -> MlsMessage {
        let key_package = self.key_package(device);
        let cx = context(&*device.signer, &AdmitAll);
        propose_own_add(self.server.public().context(), key_package, &cx).unwrap()
    }

    /// Lets the server and all members but `by` receive a standalone proposal. Returns their
    /// verdict, on which all must agree. The member `lax` admits the proposal in any case.
    pub(crate) fn hear(&mut self, by: Option<usize>, lax: Option<usize>, message: &MlsMessage) -> Verdict {
        let processed = self.server.process(message.clone(), &AnyIdentity, &PolicyRules, None).unwrap();
        let verdict = match processed.assume_persisted() {
            PublicProcessed::Proposal(_) => Ok(()),
            PublicProcessed::NotAdmitted(_, reason) => Err(reason),
            PublicProcessed::Commit(_) => panic!("not a proposal"),
        };
        for (index, Member { device, group }) in self.members.iter_mut().enumerate() {
            if Some(index) == by {
                continue;
            }
            let rules: &'static dyn GroupRules = if Some(index) == lax { &AdmitAll } else { &PolicyRules };
            let cx = context(&*device.signer, rules);
            match group.process(message.clone(), &cx).unwrap().assume_persisted() {
                Processed::Proposal(_) if Some(index) == lax => {}
                Processed::Proposal(_) => assert_eq!(verdict, Ok(())),
                Processed::NotAdmitted(_, reason) => assert_eq!(verdict, Err(reason)),
                other => panic!("not a proposal: {other:?}"),
            }
        }
        verdict
    }

    /// Returns the verdict about a standalone proposal, and about a Commit of `committer` that
    /// refers to it. A committer with the right rules leaves out a proposal that is refused. The
    /// Commit is made by a committer without rules.
    pub(crate) fn verdict_by_reference(
        &mut self,
        by: Option<usize>,
        committer: usize,
        message: &MlsMessage,
    ) -> (Verdict, Verdict) {
        let heard = self.hear(by, Some(committer), message);
        let made = self.build(committer, &PolicyRules, |builder| builder).unwrap();
        let covered = self.members[committer].group.pending_epoch().unwrap().proposals().count();
        assert_eq!(self.receive(Some(committer), &made), Ok(()));
        self.clear(committer);
        let message = self.build(committer, &AdmitAll, |builder| builder).unwrap();
        let in_commit = self.receive(Some(committer), &message);
        self.clear(committer);
        assert_eq!(covered, usize::from(in_commit.is_ok()), "the committer follows the rules");
        (heard, in_commit)
    }

    /// Returns the verdict about an external Commit: as the joiner makes it, as members receive it,
    /// and as the server stages it. All of them must agree.
    pub(crate) fn verdict_of_join(
        &mut self,
        device: &Device,
        resync: Option<u32>,
        authenticated_data: &[u8],
        psks: &[Psk],
    ) -> Verdict {
        let cx = context(&*self.members[0].device.signer, &PolicyRules);
        let group_info = self.members[0].group.group_info().build(&cx).unwrap();
        let mut build = |rules: &'static dyn GroupRules| {
            let join = ExternalJoin::new(&group_info, device.template())
                .replace_leaf(resync.map(LeafIndex))
                .psks(psks.iter().cloned())
                .authenticated_data(authenticated_data);
            let made = join.build(&context(&*device.signer, rules), &mut self.rng);
            made.map(|made| made.assume_persisted().1)
        };
        let made = build(&PolicyRules).map(drop).map_err(reason);
        let message = build(&AdmitAll).unwrap();
        let received = self.receive(None, &message);
        assert_eq!(made, received, "as made, and as received");
        received
    }
}

/// Returns authenticated data with a witness.
pub(crate) fn witness(leaf: Option<u32>) -> Vec<u8> {
    let data = HandshakeData { witness: leaf.map(LeafIndex), ..HandshakeData::default() };
    data.encode().unwrap()
}
