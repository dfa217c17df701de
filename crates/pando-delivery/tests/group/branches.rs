//! Branches and resets, as clients and the service make them.

use crate::fixture::{Device, SUITE, World, group_id, message, policy};
use pando_api::{CreateGroup, Policy, Receipt, Reset, SubmitCommit};
use pando_delivery::Refusal;
use pando_delivery::group::{Caller, CheckedGroup, CheckedReset, LargeWrite, ResetSnapshot};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{
    CipherSuite, CommitBuilder, Context, Encode, Extensions, Group, GroupId, KeyPackage, KeyPackageBundle,
    Psk, PskStore, PskValue, PublicGroup, SourceError,
};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

/// The successor of a group, as its creator builds it.
pub(crate) struct Branch {
    pub(crate) group_id: GroupId,
    pub(crate) cipher_suite: CipherSuite,
    pub(crate) policy: Policy,
    pub(crate) psks: Vec<Psk>,
    /// The extensions that the first Commit sets.
    pub(crate) commit_extensions: Option<Extensions>,
    pub(crate) joiners: Vec<KeyPackage>,
}

impl Branch {
    /// Returns a branch of an epoch of the group.
    pub(crate) fn of(epoch: u64) -> Self {
        Self {
            group_id: "another group of 16 bytes".into(),
            cipher_suite: SUITE,
            policy: policy(),
            psks: vec![resumption(ResumptionPskUsage::Branch, group_id(), epoch)],
            commit_extensions: None,
            joiners: Vec::new(),
        }
    }
}

/// Returns the identifier of a resumption PSK.
pub(crate) fn resumption(usage: ResumptionPskUsage, psk_group_id: GroupId, psk_epoch: u64) -> Psk {
    Psk::Resumption { usage, psk_group_id, psk_epoch }
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

impl World {
    /// Builds the request to create a branch. `creator` may be a member of the old group.
    pub(crate) fn build_branch(&mut self, creator: &Device, branch: Branch) -> CreateGroup {
        let (extensions, bundle) =
            (self.extensions(&branch.policy), self.bundle_of(creator, branch.cipher_suite));
        let mut rng = self.rng.clone();
        let psks = PsksOf(creator.group.as_ref());
        let cx = self.context(&*creator.signer).with_psks(&psks);
        let request = create(branch, (extensions, bundle), &cx, &mut rng);
        self.rng = rng;
        request
    }

    /// Checks a request to create a group.
    pub(crate) fn check_creation(
        &self,
        caller: &Caller,
        request: &CreateGroup,
    ) -> Result<(CheckedGroup, PublicGroup), Refusal> {
        CheckedGroup::check((&self.environment(), caller), request)
    }

    /// Checks a reset as the service does.
    pub(crate) fn check_reset(&self, caller: &Caller, request: &Reset) -> Result<CheckedReset, Refusal> {
        let (log, reader, read) = (self.log(), caller.clone(), request.clone());
        let snapshot = self.read(move |rows| ResetSnapshot::read(rows, &log, &reader, &read))?;
        Ok(CheckedReset::check(request, &snapshot, (&self.environment(), caller))?.0)
    }

    /// Performs both transactions of a reset.
    pub(crate) fn write_reset(&self, checked: CheckedReset) -> Result<Receipt, Refusal> {
        let checked = Arc::new(checked);
        let receipt = self.create_successor(&checked)?;
        self.write(move |rows, _| checked.write(rows))?;
        Ok(receipt)
    }

    /// Performs the first transaction of a reset.
    pub(crate) fn create_successor(&self, checked: &Arc<CheckedReset>) -> Result<Receipt, Refusal> {
        let (successor, checked) = (checked.successor().clone(), checked.clone());
        let created =
            self.write_to(&successor, move |rows, moment| checked.creation().write(rows, moment, None));
        self.receipt(created)
    }

    /// Resets the group as the service does.
    pub(crate) fn reset(&self, caller: &Caller, request: &Reset) -> Result<Receipt, Refusal> {
        self.write_reset(self.check_reset(caller, request)?)
    }
}

fn create(
    branch: Branch,
    (extensions, bundle): (Extensions, KeyPackageBundle),
    cx: &Context<'_>,
    rng: &mut ChaCha20Rng,
) -> CreateGroup {
    let Branch { group_id, psks, commit_extensions, joiners, .. } = branch;
    let group = Group::builder(group_id).extensions(extensions).build(bundle, cx, rng);
    let mut group = group.unwrap().assume_persisted();
    let group_info = message(group.group_info().build(cx).unwrap());
    let builder = psks.into_iter().fold(group.commit(), CommitBuilder::psk);
    let builder = commit_extensions.into_iter().fold(builder, CommitBuilder::extensions);
    let builder = joiners.into_iter().fold(builder, CommitBuilder::add).with_group_info();
    let output = builder.build(cx, rng).unwrap().assume_persisted();
    let first_commit = SubmitCommit {
        commit: output.message.encode().unwrap().into(),
        welcome: output.welcome.map(message).unwrap_or_default().into(),
        group_info: message(output.group_info.unwrap()).into(),
    };
    CreateGroup { group_info: group_info.into(), first_commit: Some(first_commit) }
}
