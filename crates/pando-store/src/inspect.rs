//! An inventory of a store without its secrets, and checks of the store's consistency.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{HEADER, Kind, Tag};
use crate::error::Record;
use crate::group::GroupRecord;
use crate::instance::{InstanceCipher, row_key};
use crate::key::FORMAT;
use crate::no_signer::NoSigner;
use crate::records::number;
use crate::rotate::named_tag;
use crate::store::{Store, key_id};
use pando_mls::wire::{NodeIndex, SignaturePublicKey};
use pando_mls::{
    Client, CryptoProvider, EpochRow, Group, GroupError, GroupId, GroupState, IdentityPolicy, KeyKind,
    LeafIndex, Limits, PublicGroup, PublicState, RowKey, Rows, SecretId, Suite, Tree, TreeKey,
};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of records besides the header.
const KINDS: [Kind; 7] =
    [Kind::Group, Kind::Row, Kind::KeyPackage, Kind::Psk, Kind::Signer, Kind::Former, Kind::Application];

/// The number of records of one kind, and their stored size including the record keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// The number of records.
    pub rows: u64,
    /// The number of bytes.
    pub bytes: u64,
}

/// An inventory of a store.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inventory {
    /// The format of the store.
    pub format: u16,
    /// The identifier of the store.
    pub store_id: [u8; 16],
    /// Whether the store is encrypted.
    pub encrypted: bool,
    /// The groups.
    pub groups: Vec<StoredGroupEntry>,
    /// Number of single-use KeyPackages.
    pub key_packages: usize,
    /// Number of KeyPackages of last resort.
    pub last_resort: usize,
    /// Total number of uses of the KeyPackages of last resort.
    pub last_resort_uses: u64,
    /// Number of external PSKs.
    pub psks: usize,
    /// Number of signature keys.
    pub signers: usize,
    /// All records, by kind.
    pub records: BTreeMap<&'static str, Amount>,
}

/// A group in an inventory.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredGroupEntry {
    /// The identifier of the group.
    pub group_id: GroupId,
    /// Whether the client has an external Commit to the group that is not yet known to be accepted.
    pub joining: bool,
    /// The cipher suite of the group.
    pub cipher_suite: pando_mls::CipherSuite,
    /// The current epoch of the group.
    pub epoch: u64,
    /// Number of members.
    pub members: usize,
    /// The client's leaf, or `None` if the client follows the group without secrets.
    pub own_leaf: Option<LeafIndex>,
    /// The state of the group.
    pub state: GroupState,
    /// Number of pending proposals.
    pub proposals: usize,
    /// Whether a Commit of this client is pending.
    pub pending_commit: bool,
}

/// An inconsistency in a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A record with an unknown key.
    #[error("a record has an unknown key: {0:02x?}")]
    UnknownKey(Vec<u8>),
    /// A record that cannot be read.
    #[error("{0} is damaged")]
    Damaged(Record),
    /// A record that is stored under the wrong key.
    #[error("{0} is under the wrong key")]
    Misplaced(Record),
    /// A row whose group has no entry in the list of groups.
    #[error("the row {0:?} belongs to no group")]
    Orphan(RowKey),
    /// Rows of a group are missing or outdated.
    #[error("rows of group {0:?} are missing or outdated")]
    RowsMissing(GroupId),
    /// A group that cannot be loaded.
    #[error("group {0:?} cannot be loaded: {1}")]
    NotLoaded(GroupId, GroupError),
    /// The tree does not match the GroupContext, or the stored hashes or indexes of the tree are
    /// wrong.
    #[error("group {0:?}: the tree, its hashes or its indexes do not match the GroupContext")]
    TreeHash(GroupId),
    /// A private key does not match the public key of its node.
    #[error("group {0:?}: the private key of {1} does not match its public key")]
    PrivateKey(GroupId, NodeIndex),
}

impl<B: Backend> Store<B> {
    /// Returns an inventory of the store.
    ///
    /// # Errors
    /// Returns [`StoreError::Corrupt`] if a record is damaged. [`Store::verify`] reports all
    /// damaged records.
    pub fn inspect(&self) -> Result<Inventory, StoreError> {
        let mut records = BTreeMap::<_, Amount>::new();
        self.each_record(&mut |key, value| {
            let amount = records.entry(name(key)).or_default();
            amount.rows = amount.rows.saturating_add(1);
            let bytes = u64::try_from(key.len().saturating_add(value.len())).unwrap_or(u64::MAX);
            amount.bytes = amount.bytes.saturating_add(bytes);
            Ok(())
        })?;
        let key_packages = self.key_packages()?;
        let last_resort = key_packages.iter().filter(|stored| stored.last_resort).count();
        let uses = key_packages.iter().map(|stored| u64::from(stored.uses));
        let groups = self.groups()?.into_iter().map(|group_id| self.entry(group_id).transpose());
        Ok(Inventory {
            format: FORMAT,
            store_id: *self.cipher.store_id(),
            encrypted: self.cipher.is_sealed(),
            groups: groups.flatten().collect::<Result<_, _>>()?,
            key_packages: key_packages.len().saturating_sub(last_resort),
            last_resort,
            last_resort_uses: uses.fold(0, u64::saturating_add),
            psks: self.psk_ids()?.len(),
            signers: self.signers()?.len(),
            records,
        })
    }

    /// Returns basic information about a group, or `None` if only an external Commit to it is
    /// stored.
    fn entry(&self, group_id: GroupId) -> Result<Option<StoredGroupEntry>, StoreError> {
        let Some(stored) = self.stored_group(&group_id)? else { return Ok(None) };
        let node = |index| RowKey::Tree(TreeKey::Node(NodeIndex(index)));
        let nodes = self.rows(&group_id, node(0)..=node(u32::MAX))?;
        let leaf = |key: &RowKey| matches!(key, RowKey::Tree(TreeKey::Node(node)) if node.is_leaf());
        let proposals = self.rows(&group_id, RowKey::Proposal(0)..=RowKey::Proposal(u32::MAX))?;
        let joining = self.group_record(&group_id)?.is_some_and(|record| record.joining.is_some());
        Ok(Some(StoredGroupEntry {
            joining,
            cipher_suite: stored.context.cipher_suite,
            epoch: stored.context.epoch,
            members: nodes.keys().filter(|key| leaf(key)).count(),
            own_leaf: stored.own_leaf,
            state: stored.state,
            proposals: proposals.len(),
            pending_commit: self.row(&group_id, RowKey::PendingCommit)?.is_some(),
            group_id,
        }))
    }

    /// Checks the whole store.
    ///
    /// All records must be readable and stored under the right keys. Every group must be loadable,
    /// and its tree must match its GroupContext. Private keys must match their public keys.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`], or [`StoreError::WrongKey`] if the data key has changed since
    /// the store was opened. Damage is reported as a [`Finding`] instead of an error.
    pub fn verify(
        &self,
        crypto: &dyn CryptoProvider,
        policy: &dyn IdentityPolicy,
    ) -> Result<Vec<Finding>, StoreError> {
        self.check_key()?;
        let (mut findings, mut groups, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let scanned = self.each_record(&mut |key, value| {
            match self.look(key, value) {
                Ok(Some(Found::Group(record))) => groups.push(record),
                Ok(Some(Found::Row(tag, row))) => rows.push((tag, row)),
                Ok(None) => {}
                Err(finding) => findings.push(finding),
            }
            Ok(())
        });
        match scanned {
            // The records after the damaged one cannot be read.
            Err(StoreError::Corrupt(what)) => findings.push(Finding::Damaged(what)),
            scanned => scanned?,
        }
        let mut instances = BTreeSet::new();
        for record in &groups {
            for entry in record.instances() {
                let group_id = &record.group_id;
                instances.insert(*InstanceCipher::new(&self.cipher, group_id, entry).tag());
                match self.read_and_sum(group_id, entry) {
                    Ok((rows, is_complete)) => {
                        findings.extend((!is_complete).then(|| Finding::RowsMissing(group_id.clone())));
                        findings.extend(check_group(group_id, &rows, crypto, policy));
                    }
                    // The scan above has already reported a damaged database.
                    Err(StoreError::Corrupt(Record::Database)) => {}
                    Err(StoreError::Corrupt(what)) => findings.push(Finding::Damaged(what)),
                    Err(error) => return Err(error),
                }
            }
        }
        let orphans = rows.into_iter().filter(|(tag, _)| !instances.contains(tag));
        findings.extend(orphans.map(|(_, row)| Finding::Orphan(row)));
        Ok(findings)
    }

    fn each_record(&self, each: &mut crate::Each<'_>) -> Result<(), StoreError> {
        self.backend.scan(&HEADER[..]..&[0xff; 64][..], each)
    }

    fn look(&self, key: &[u8], value: &[u8]) -> Result<Option<Found>, Finding> {
        let unknown = || Finding::UnknownKey(key.to_vec());
        if key == HEADER || key == key_id() {
            return Ok(None);
        }
        let (kind, rest) = key.split_first().ok_or_else(unknown)?;
        let (tag, rest) = rest.split_first_chunk().ok_or_else(unknown)?;
        let kind = KINDS.into_iter().find(|known| *known as u8 == *kind).ok_or_else(unknown)?;
        if kind == Kind::Row {
            return Ok(Some(Found::Row(*tag, row_key(key).map_err(|_| unknown())?)));
        }
        let is_key = if kind == Kind::Application { number(key).is_some() } else { rest.is_empty() };
        if !is_key {
            return Err(unknown());
        }
        let damaged = |_| Finding::Damaged(kind.record());
        let value = self.cipher.open(key, value, || kind.record()).map_err(damaged)?;
        if named_tag(&self.cipher, kind, value.expose()).map_err(damaged)? != *tag {
            return Err(Finding::Misplaced(kind.record()));
        }
        if kind != Kind::Group {
            return Ok(None);
        }
        GroupRecord::read(value.expose()).map(|record| Some(Found::Group(record))).map_err(damaged)
    }
}

/// A record that needs further checks.
enum Found {
    Group(GroupRecord),
    Row(Tag, RowKey),
}

fn check_group(
    group_id: &GroupId,
    rows: &Rows,
    crypto: &dyn CryptoProvider,
    policy: &dyn IdentityPolicy,
) -> Vec<Finding> {
    let not_loaded = |error| vec![Finding::NotLoaded(group_id.clone(), error)];
    if !rows.contains_key(&RowKey::Member) {
        return match PublicGroup::load(rows, crypto, policy, Limits::default()) {
            Ok(group) => check_tree(group_id, group.public(), group.rows(), rows),
            Err(error) => not_loaded(error),
        };
    }
    let (client, no_signer) = (Client::default(), NoSigner(SignaturePublicKey::default()));
    let cx = client.without_clock(&no_signer).with_crypto(crypto).with_policy(policy);
    let group = match Group::load(rows, &cx) {
        Ok(group) => group,
        Err(error) => return not_loaded(error),
    };
    let tree = group.public().tree();
    let mut findings = check_tree(group_id, group.public(), group.rows(), rows);
    findings.extend(look_at_keys(group_id, rows, tree.suite(), tree));
    findings
}

/// Compares the tree of a loaded group with its GroupContext and with the stored rows. `computed`
/// contains the rows of the group as loaded.
fn check_tree(
    group_id: &GroupId,
    public: &PublicState,
    computed: Result<Rows, GroupError>,
    stored: &Rows,
) -> Vec<Finding> {
    // When a group is loaded, its stored hashes and all other rows about its tree are trusted. The
    // rows about the tree are therefore recomputed here from the exported tree.
    let tree = public.tree();
    let anew = tree.export().and_then(|bytes| Tree::import_unsigned(tree.suite(), &bytes));
    let hashes_fit = anew.is_ok_and(|anew| {
        let rows = |tree: &Tree| tree.rows_since(None).ok();
        anew.tree_hash().is_ok_and(|hash| hash == public.context().tree_hash) && rows(&anew) == rows(tree)
    });
    let fits = hashes_fit && computed.is_ok_and(|computed| are_of_the_same_tree(&computed, stored));
    if fits { Vec::new() } else { vec![Finding::TreeHash(group_id.clone())] }
}

/// Returns whether both sets of rows agree about the tree and its clients. Rows of clients are
/// compared only if the policy identifies clients. A policy that does not identify clients cannot
/// judge rows that were stored under another policy.
fn are_of_the_same_tree(computed: &Rows, stored: &Rows) -> bool {
    let is_client = |key: &RowKey| matches!(key, RowKey::Tree(TreeKey::Key(KeyKind::Client, ..)));
    let has_clients = computed.keys().any(is_client);
    let of_tree =
        |(key, _): &(&RowKey, _)| matches!(key, RowKey::Tree(_)) && (has_clients || !is_client(key));
    computed.iter().filter(of_tree).eq(stored.iter().filter(of_tree))
}

fn look_at_keys<'a>(
    group_id: &'a GroupId,
    rows: &'a Rows,
    suite: Suite,
    tree: &'a Tree,
) -> impl Iterator<Item = Finding> + 'a {
    let keys = rows.iter().filter_map(|(key, row)| match key {
        RowKey::PrivateKey(node) => Some((*node, row)),
        _ => None,
    });
    let wrong = keys.filter(move |(node, row)| {
        let pair = suite.hpke_key_pair(row.expose().into());
        // The tree is in memory, so this read cannot fail.
        pair.ok().map(|pair| pair.public) != tree.encryption_key(*node).ok().flatten()
    });
    wrong.map(|(node, _)| Finding::PrivateKey(group_id.clone(), node))
}

/// Returns the name of a record's kind.
fn name(key: &[u8]) -> &'static str {
    match key.first() {
        Some(0) => "header",
        Some(1) => "group",
        Some(3) => "KeyPackage",
        Some(4) => "PSK",
        Some(5) => "signature key",
        Some(6) => "former group",
        Some(7) => "record of the application",
        Some(2) => match row_key(key) {
            Ok(RowKey::Public) => "GroupContext",
            Ok(RowKey::Member) => "secrets of the epoch",
            Ok(RowKey::Tree(TreeKey::Shape)) => "shape of the tree",
            Ok(RowKey::Tree(TreeKey::Node(_))) => "node of the tree",
            Ok(RowKey::Tree(TreeKey::Key(..))) => "key in the tree",
            Ok(RowKey::PrivateKey(_)) => "private key of a node",
            Ok(RowKey::Epoch(_, EpochRow::Past)) => "past epoch",
            Ok(RowKey::Epoch(_, EpochRow::Leaf(_))) => "leaf of a past epoch",
            Ok(RowKey::Epoch(_, EpochRow::Secret(SecretId::Message(..)))) => "key of a message",
            Ok(RowKey::Epoch(_, EpochRow::Secret(_))) => "secret of the secret tree",
            Ok(RowKey::ResumptionPsk(_)) => "resumption PSK",
            Ok(RowKey::Proposal(_)) => "pending proposal",
            Ok(RowKey::OwnUpdate(_)) => "key of an Update",
            Ok(RowKey::OwnProposal(_)) => "own proposal",
            Ok(RowKey::PendingCommit) => "pending Commit",
            Ok(RowKey::OpenedCommit(_)) => "opened Commit",
            Ok(RowKey::Outbox(_)) => "message to be sent",
            Ok(RowKey::ExternalJoin) => "external Commit",
            Ok(RowKey::State) => "state of the group",
            Err(_) => "unknown",
        },
        _ => "unknown",
    }
}
