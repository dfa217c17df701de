//! A Commit may omit its path where section 17.4 allows this. Such a Commit is smaller but renews
//! no keys. Where a path is required, the Commit has one even if the committer asks for none.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use crate::proposals::{add, custom, extensions, psk, reinit, remove, set_extensions};
use pando_mls::wire::{Commit, Content};
use pando_mls::{MlsMessage, MlsMessageBody, Proposal};

fn commit_in(message: &MlsMessage) -> &Commit {
    let MlsMessageBody::PublicMessage(public) = &message.body else { panic!("not public") };
    let Content::Commit(commit) = &public.content.content else { panic!("not a Commit") };
    commit
}

#[test]
fn a_commit_without_a_path_changes_nobodys_keys() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 2);
        for by in [1, 0] {
            let (newcomer, before) = (fixture.newcomer(), fixture.tree().clone());
            let (message, welcome) =
                fixture.commit(by, |builder| builder.add(newcomer.key_package()).without_path());
            assert!(commit_in(&message).path.is_none());
            for leaf in before.members().map(Result::unwrap) {
                assert_eq!(fixture.tree().leaf(leaf).unwrap(), before.leaf(leaf).unwrap());
            }
            fixture.enter(newcomer, &welcome.unwrap());
            fixture.chat(2);
            // The next Commit has a path, because it contains no proposals, although the committer
            // asks for no path.
            let before = fixture.tree().clone();
            let (message, welcome) =
                fixture.commit(by, |builder| builder.without_path().authenticated_data(b"none"));
            assert!(commit_in(&message).path.is_some() && welcome.is_none());
            let leaf = fixture.leaf(by);
            assert_ne!(fixture.tree().leaf(leaf), before.leaf(leaf));
        }
    }
}

#[test]
fn some_proposals_need_a_path() {
    let mut fixture = GroupFixture::public(crate::group_fixture::suite(1));
    fixture.add(0, 2);
    let (suite, newcomer) = (fixture.suite, fixture.newcomer());
    for (proposal, path) in [
        (add(newcomer.key_package()), false),
        (psk(external_psk(1), suite.hash_len()), false),
        (Proposal::ReInit(Box::new(reinit(suite, extensions(&[])))), false),
        (remove(2), true),
        (set_extensions(extensions(&[0xf0f0])), true),
        (custom(0xf001, b""), true),
    ] {
        let (message, _) = fixture.build(0, |builder| builder.proposal(proposal).without_path()).unwrap();
        assert_eq!(commit_in(&message).path.is_some(), path);
        fixture.members[0].clear_pending();
    }
    // An Update of another member requires a path, too.
    fixture.propose_update(1);
    let (message, _) = fixture.commit(0, |builder| builder.without_path().authenticated_data(b"none"));
    assert!(commit_in(&message).path.is_some());
    fixture.agree();
}

/// Shows that members that a Commit adds receive the path secret in their Welcome instead of in the
/// path (section 7.6).
#[test]
fn who_is_added_is_not_encrypted_to() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let newcomer = fixture.newcomer().key_package();
        let (message, _) = fixture.build(0, |builder| builder.add(newcomer)).unwrap();
        let nodes = &commit_in(&message).path.as_ref().unwrap().nodes;
        let counts: Vec<_> = nodes.iter().map(|node| node.encrypted_path_secret.len()).collect();
        // The first path secret is encrypted to leaf 1. For the root, the only other recipient
        // would be the newcomer.
        assert_eq!(counts, [1, 0]);
    }
}
