//! A store has lost rows or contains extra rows, or the client lacks the group's cipher suite.
//! Loading the group fails, and the error names the cause.

use crate::group_fixture::{GroupFixture, client, external_psk, fast_suites};
use pando_mls::{
    BasicIdentities, CryptoProvider, EpochRow, Group, GroupError, GroupState, Misuse, PublicGroup, RowKey,
    Rows, SecretBytes, SecretId, StoredGroup, Suite, TreeError, TreeKey,
};

/// Returns the rows of a member. The rows are of every possible kind.
fn full(suite: Suite) -> (GroupFixture, Rows) {
    let mut fixture = GroupFixture::of(suite, 3);
    let late = fixture.send(0, b"late");
    fixture.commit(1, |builder| builder);
    fixture.members[2].process(&late).unwrap();
    fixture.chat(0);
    // One message is still in transit.
    fixture.send(0, b"slow");
    let fast = fixture.send(0, b"fast");
    fixture.members[2].process(&fast).unwrap();
    fixture.propose_update(2);
    fixture.build(2, |builder| builder.without_pending().psk(external_psk(1))).unwrap();
    fixture.agree();
    let rows = copy(&fixture.members[2].rows);
    (fixture, rows)
}

fn copy(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

#[test]
fn what_is_malformed_is_named() {
    for suite in fast_suites() {
        let (fixture, rows) = full(suite);
        let cx = client(&*fixture.members[2].signer);
        assert!(Group::load(&rows, &cx).is_ok());
        let mut kinds = Vec::new();
        for (key, row) in &rows {
            let mut cut = copy(&rows);
            cut.insert(*key, row.expose()[..row.expose().len() / 2].into());
            let expected = match key {
                // This row has no structure: if it is truncated, it is a different secret.
                RowKey::PrivateKey(_) | RowKey::ResumptionPsk(_) => continue,
                RowKey::Epoch(_, EpochRow::Leaf(_)) => continue,
                // This row contains the handshake keys of a past epoch. The row is empty and cannot
                // be truncated.
                RowKey::Epoch(1, EpochRow::Secret(_)) if row.expose().is_empty() => continue,
                // This row has a key but no value.
                RowKey::Tree(TreeKey::Key(..)) => continue,
                RowKey::Tree(_) => "a tree",
                RowKey::Proposal(_) | RowKey::OwnUpdate(_) | RowKey::OwnProposal(_) => "a row",
                _ => "this row",
            };
            kinds.push(std::mem::discriminant(key));
            let error = Group::load(&cut, &cx).unwrap_err();
            match expected {
                "a tree" => {
                    assert!(matches!(error, GroupError::Tree(TreeError::Stored(_))), "{key:?}: {error:?}");
                }
                "a row" => assert!(matches!(error, GroupError::Stored(_)), "{key:?}: {error:?}"),
                _ => assert_eq!(error, GroupError::Stored(*key)),
            }
        }
        kinds.dedup();
        assert_eq!(kinds.len(), 9, "each kind was there");
    }
}

#[test]
fn what_is_missing_is_named() {
    for suite in fast_suites() {
        let (fixture, rows) = full(suite);
        let cx = client(&*fixture.members[2].signer);
        for key in [RowKey::Public, RowKey::Member] {
            let mut fewer = copy(&rows);
            fewer.remove(&key);
            assert_eq!(Group::load(&fewer, &cx).err(), Some(GroupError::Stored(key)));
        }
        // Remove one of the two ratchets of a sender.
        let ratchets = rows
            .keys()
            .filter(|key| matches!(key, RowKey::Epoch(_, EpochRow::Secret(SecretId::Ratchet(..)))));
        assert!(ratchets.clone().count() > 4);
        for key in ratchets {
            let mut fewer = copy(&rows);
            fewer.remove(key);
            assert_eq!(Group::load(&fewer, &cx).err(), Some(GroupError::Stored(*key)));
        }
        // Add a private key for a node that does not exist.
        let mut more = copy(&rows);
        let stray = RowKey::PrivateKey(pando_mls::wire::NodeIndex(6));
        more.insert(stray, SecretBytes::from(vec![7; 32]));
        assert_eq!(Group::load(&more, &cx).err(), Some(GroupError::Stored(stray)));
        assert!(Group::load(&Rows::new(), &cx).is_err());
    }
}

#[test]
fn three_rows_tell_what_is_to_be_known_of_a_group() {
    for suite in fast_suites() {
        let (fixture, rows) = full(suite);
        let (state, public, member) = (&rows[&RowKey::State], &rows[&RowKey::Public], &rows[&RowKey::Member]);
        let group = &fixture.members[2].group;
        let stored = StoredGroup::read(state, public, Some(member)).unwrap();
        assert_eq!(&stored.context, group.public().context());
        assert_eq!((stored.state, stored.own_leaf), (GroupState::Active, Some(group.own_leaf())));
        assert_eq!(stored.resumption_psk, group.resumption_psk(group.epoch()));
        assert!(stored.reinit.is_none() && stored.resumption_psk.is_some());
        let followed = StoredGroup::read(state, public, None).unwrap();
        assert!(followed.own_leaf.is_none() && followed.resumption_psk.is_none());
        let cut = SecretBytes::from(&public.expose()[1..]);
        let malformed = |key| Some(GroupError::Stored(key));
        assert_eq!(StoredGroup::read(state, &cut, None).err(), malformed(RowKey::Public));
        assert_eq!(StoredGroup::read(state, public, Some(&cut)).err(), malformed(RowKey::Member));
        assert_eq!(StoredGroup::read(&cut, public, None).err(), malformed(RowKey::State));
        assert_eq!((stored.instance, stored.position), (group.instance(), group.position()));
    }
}

/// A crypto provider without cipher suites.
struct Nothing;

impl CryptoProvider for Nothing {
    fn suite(&self, _: pando_mls::CipherSuite) -> Option<Suite> {
        None
    }
}

#[test]
fn a_cipher_suite_that_the_client_lacks_is_no_use() {
    for suite in fast_suites() {
        let (mut fixture, rows) = full(suite);
        let unsupported = GroupError::Misuse(Misuse::UnsupportedCipherSuite);
        let newcomer = fixture.newcomer();
        let (_, welcome) =
            fixture.build(0, |builder| builder.without_pending().add(newcomer.key_package())).unwrap();
        let lacking = client(&*fixture.members[2].signer).with_crypto(&Nothing);
        assert_eq!(Group::load(&rows, &lacking).err(), Some(unsupported.clone()));
        let limits = pando_mls::Limits::default();
        let observer = PublicGroup::load(&rows, &Nothing, &BasicIdentities, limits);
        assert_eq!(observer.err(), Some(unsupported.clone()));
        let lacking = client(&*newcomer.signer).with_crypto(&Nothing);
        let joined = Group::join(&welcome.unwrap(), &newcomer.bundle, None, &lacking);
        assert_eq!(joined.err(), Some(unsupported));
    }
}
