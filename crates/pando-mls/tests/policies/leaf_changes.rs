//! Tests of the reported leaf changes: the leaves that a Commit adds, removes and replaces. The
//! receivers, the committer and the server must report the same changes, even if the committer
//! restarts.

use crate::fixture::{
    Fixture, NEVER, Newcomer, credential, described, leaf_of, leaf_template, new_signer, remove,
};
use pando_mls::{DefaultRules, LeafChange, LeafIndex, LeafTemplate, MlsMessage, NewLeaf, PublicStaged};

/// The effects of a Commit, as reported to an application.
#[derive(Debug, PartialEq)]
struct Effects {
    changes: Vec<LeafChange>,
    added: Vec<LeafIndex>,
    removed: Vec<LeafIndex>,
}

fn effects(staged: &PublicStaged) -> Effects {
    let (added, removed) = (staged.added().collect(), staged.removed().to_vec());
    Effects { changes: staged.leaf_changes().unwrap(), added, removed }
}

/// Checks that the members, the committer and the server report the same effects of a Commit. Then
/// makes all of them merge the Commit, and returns the effects.
fn effects_seen_by_all(fixture: &mut Fixture, message: &MlsMessage) -> Effects {
    let mut all = Vec::new();
    for member in &mut fixture.members {
        if member.group.is_pending(message) {
            all.push(effects(member.group.pending_epoch().unwrap()));
            for lazily in [false, true] {
                member.restart(lazily);
                all.push(effects(member.group.pending_epoch().unwrap()));
            }
        } else {
            all.push(effects(&member.stage(message)));
            // Restart the member, so that no nodes of the tree are loaded yet.
            member.restart(true);
            all.push(effects(&member.stage(message)));
        }
    }
    all.push(effects(&fixture.server.stage(message)));
    assert!(all.len() > fixture.members.len());
    assert!(all.iter().all(|other| *other == all[0]), "{all:?}");
    fixture.deliver(message);
    // The new leaves must be in the new tree.
    let first = &fixture.members[0].group;
    for change in &all[0].changes {
        if let Some(new) = change.new_leaf() {
            assert_eq!(*new, leaf_of(first, change.leaf().0));
        }
    }
    all.swap_remove(0)
}

fn expect(effects: &Effects, changes: &[(&str, u32, &str)], added: &[u32], removed: &[u32]) {
    let found = described(&effects.changes);
    let found: Vec<_> = found.iter().map(|(kind, leaf, name)| (*kind, *leaf, name.as_str())).collect();
    assert_eq!(found, changes);
    assert!(effects.added.iter().map(|leaf| leaf.0).eq(added.iter().copied()), "{effects:?}");
    assert!(effects.removed.iter().map(|leaf| leaf.0).eq(removed.iter().copied()), "{effects:?}");
    assert!(
        effects
            .changes
            .iter()
            .all(|change| matches!(change, LeafChange::Updated { .. }) || !change.changes_identity())
    );
}

#[test]
fn of_an_external_commit() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let signer = new_signer(&mut fixture.rng);
    let key = signer.public_key().clone();
    let template = leaf_template("new", NEVER);
    let (joiner, message) = fixture.external((template, None), signer, None).unwrap();
    let effects = effects_seen_by_all(&mut fixture, &message);
    expect(&effects, &[("added", 3, "new")], &[3], &[]);
    let new = effects.changes[0].new_leaf().unwrap();
    assert_eq!((&new.credential, &new.signature_key), (&credential("new", NEVER), &key));
    fixture.members.push(joiner);
    fixture.agree();
}

/// Shows the changes when a member rejoins: it gets its own leaf again, or a blank leaf to the left
/// of it.
#[test]
fn of_a_resync() {
    for leaf in [0, 1] {
        let mut fixture = Fixture::of(&DefaultRules, 4);
        if leaf == 0 {
            // Leaf 1, which is to the left of leaf 2, becomes blank.
            fixture.commit(0, |builder| builder.remove(LeafIndex(1)));
        }
        let signer = new_signer(&mut fixture.rng);
        let template = leaf_template("m2", NEVER);
        let old = leaf_of(&fixture.members[0].group, 2);
        let (joiner, message) = fixture.external((template, Some(LeafIndex(2))), signer, None).unwrap();
        let effects = effects_seen_by_all(&mut fixture, &message);
        let at = if leaf == 0 { 1 } else { 2 };
        expect(&effects, &[("removed", 2, "m2"), ("added", at, "m2")], &[at], &[2]);
        assert_eq!(effects.changes[0], LeafChange::Removed { leaf: LeafIndex(2), old: Box::new(old) });
        fixture.members.push(joiner);
        fixture.agree();
    }
}

#[test]
fn of_adds_and_updates() {
    let mut fixture = Fixture::of(&DefaultRules, 4);
    let newcomers = ["a", "b"].map(|name| fixture.newcomer(name));
    let update = fixture.members[2].propose_update(None, &mut fixture.rng).unwrap();
    fixture.hear(2, &update);
    let output = fixture.build(0, |builder| {
        let builder = builder.remove(LeafIndex(1));
        newcomers.iter().fold(builder, |builder, newcomer| builder.add(newcomer.key_package()))
    });
    let effects = effects_seen_by_all(&mut fixture, &output.unwrap().message);
    let changes = [
        ("removed", 1, "m1"),
        ("updated", 0, "m0"),
        ("updated", 2, "m2"),
        ("added", 1, "a"),
        ("added", 4, "b"),
    ];
    expect(&effects, &changes, &[1, 4], &[1]);
    assert!(!effects.changes.iter().any(LeafChange::changes_identity));
}

/// Shows that a Commit without a path does not change the leaves of the members that stay.
#[test]
fn of_a_commit_without_a_path() {
    let mut fixture = Fixture::of(&DefaultRules, 2);
    let newcomer = fixture.newcomer("a");
    let output = fixture.build(1, |builder| builder.add(newcomer.key_package()).without_path()).unwrap();
    expect(&effects_seen_by_all(&mut fixture, &output.message), &[("added", 2, "a")], &[2], &[]);
}

#[test]
fn of_another_credential_and_another_signature_key() {
    for (end, new_key) in [(NEVER, false), (NEVER - 1, false), (NEVER, true), (NEVER - 1, true)] {
        for by_update in [false, true] {
            let mut fixture = Fixture::of(&DefaultRules, 3);
            let old = leaf_of(&fixture.members[1].group, 1);
            let template = LeafTemplate { ..leaf_template("m1", end) };
            let signer = new_key.then(|| new_signer(&mut fixture.rng));
            // This signer has the same key, but does not borrow the member.
            let own = std::mem::replace(&mut fixture.members[1].signer, new_signer(&mut fixture.rng));
            let new_leaf = NewLeaf { template, signer: signer.as_deref().unwrap_or(&*own) };
            let message = if by_update {
                let member = &mut fixture.members[1];
                let cx = crate::fixture::client(&*own, member.rules, member.now, fixture.config);
                let proposed = member.group.propose_update(Some(new_leaf), b"", &cx, &mut fixture.rng);
                let (update, delta) = proposed.unwrap().into_parts();
                delta.apply(&mut member.rows).unwrap();
                fixture.hear(1, &update);
                fixture.build(0, |builder| builder).unwrap().message
            } else {
                let member = &mut fixture.members[1];
                let cx = crate::fixture::client(&*own, member.rules, member.now, fixture.config);
                let built = member.group.commit().new_leaf(new_leaf).build(&cx, &mut fixture.rng);
                built.unwrap().persist_to(&mut member.rows).unwrap().message
            };
            let effects = effects_seen_by_all(&mut fixture, &message);
            let change = effects.changes.iter().find(|change| change.leaf() == LeafIndex(1)).unwrap();
            let LeafChange::Updated { old: before, new, .. } = change else { panic!("{change:?}") };
            assert_eq!(**before, old);
            assert_eq!(new.credential, credential("m1", end));
            assert_eq!(new.signature_key != old.signature_key, new_key);
            assert_eq!(change.changes_identity(), new_key || end != NEVER, "{change:?}");
            let others = effects.changes.iter().filter(|change| change.leaf() != LeafIndex(1));
            assert!(!others.into_iter().any(LeafChange::changes_identity));
        }
    }
}

/// Shows that two changes are reported if a KeyPackage is added in place of the same KeyPackage,
/// although the leaf does not change.
#[test]
fn of_a_leaf_that_is_removed_and_added_again() {
    for again in [false, true] {
        let mut fixture = Fixture::of(&DefaultRules, 2);
        let last = fixture.newcomer("m2");
        let key_package = last.key_package();
        fixture.add(0, vec![last]);
        let Newcomer { bundle, .. } = fixture.newcomer("other");
        let added = if again { key_package.clone() } else { bundle.key_package };
        let name = if again { "m2" } else { "other" };
        let output = fixture.build(1, |builder| builder.proposal(remove(2)).add(added.clone()));
        let effects = effects_seen_by_all(&mut fixture, &output.unwrap().message);
        let changes = [("removed", 2, "m2"), ("updated", 1, "m1"), ("added", 2, name)];
        expect(&effects, &changes, &[2], &[2]);
        let (old, new) = (Box::new(key_package.leaf_node), Box::new(added.leaf_node));
        assert_eq!(effects.changes[0], LeafChange::Removed { leaf: LeafIndex(2), old });
        assert_eq!(effects.changes[2], LeafChange::Added { leaf: LeafIndex(2), new });
    }
}

/// Shows that the removed member learns the changes, too.
#[test]
fn of_a_removal_that_halves_the_tree() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let output = fixture.build(0, |builder| builder.remove(LeafIndex(2))).unwrap();
    let effects = effects_seen_by_all(&mut fixture, &output.message);
    expect(&effects, &[("removed", 2, "m2"), ("updated", 0, "m0")], &[], &[2]);
}
