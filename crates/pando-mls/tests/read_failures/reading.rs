//! Operations that call functions that read a group, a staged epoch, a pending epoch or stored
//! rows.

use crate::fixture::{Fixture, OTHER, OWN, OurGroup, rng};
use crate::group_fixture::external_psk;
use crate::make;
use crate::names::Names;
use crate::operations::{
    Operation, encoded, enter_next, is_pending, process, propose, propose_update, reinit, stage, take,
    take_all, takes, text, text_of_staged,
};
use pando_mls::{ApplicationData, Group, LeafIndex};

/// Returns the operations that read a group, a staged epoch or a pending epoch.
pub(crate) fn reading(fixture: &Fixture) -> Vec<Operation<'_>> {
    let open = |fixture: &Fixture, our_group: &mut OurGroup| {
        let cx = our_group.client(fixture);
        our_group.group = match &our_group.store {
            Some(store) => Group::open(store.clone(), &cx)?,
            None => Group::load(&our_group.rows, &cx)?,
        };
        text(our_group.group.epoch())
    };
    let rows = |_: &Fixture, our_group: &mut OurGroup| text(our_group.group.rows()?);
    let staged = fixture.other(true).commit(|_, builder| builder.remove(LeafIndex(12)));
    let removal = fixture.other(true).commit(|_, builder| builder.remove(OWN));
    let reinit = fixture.other(true).commit(|fixture, builder| builder.proposal(reinit(fixture)));
    vec![
        Operation::new(&["Group::open"], "open", open),
        Operation::new(&["Group::open"], "open with a pending Commit", open).after(is_pending),
        Operation::new(&["Group::rows"], "rows", rows),
        Operation::new(&["Group::rows"], "rows with a pending Commit", rows).after(is_pending),
        Operation::new(&["Group::open"], "open after our removal", open)
            .after(move |fixture, our_group| drop(process(fixture, our_group, &removal).unwrap())),
        Operation::new(&["Group::rows"], "rows after a ReInit", rows)
            .after(move |fixture, our_group| drop(process(fixture, our_group, &reinit).unwrap())),
        Operation::new(&["Group::rows"], "rows in the next epoch", rows).after_in_memory(enter_next),
        Operation::new(&["PublicState::credential", "PublicState::tree"], "credential", |_, our_group| {
            let public = our_group.group.public();
            text((public.credential(OTHER)?, public.credential(LeafIndex(9))?, public.tree().export()?))
        }),
        Operation::new(&["Group::members", "PublicState::members"], "members", |_, our_group| {
            text(our_group.group.members().collect::<Result<Vec<_>, _>>()?)
        }),
        Operation::new(&["StateView::credential", "StateView::tree"], "views of a pending Commit", {
            |_, our_group| {
                let group = &our_group.group;
                let view = group.pending_epoch().unwrap().view(group.public())?;
                let (before, after) = (view.before().unwrap(), view.after());
                let mut credentials = Vec::new();
                for state in [before, after] {
                    for leaf in 0..16 {
                        credentials.push(state.credential(LeafIndex(leaf))?);
                    }
                }
                text((credentials, after.tree().export()?, before.tree().export()?))
            }
        })
        .after(is_pending),
        Operation::new(
            &["CommitView::leaf_changes", "CommitView::leaves_invalid_at"],
            "changes by a pending Commit",
            |_, our_group| {
                let group = &our_group.group;
                let staged = group.pending_epoch().unwrap();
                let view = staged.view(group.public())?;
                let seen = (view.leaf_changes()?, view.leaves_invalid_at(u64::MAX, &Names)?);
                text((seen, staged.leaf_changes()?, staged.leaves_invalid_at(u64::MAX, &Names)?))
            },
        )
        .after(is_pending),
        Operation::new(&["PublicStaged::public"], "tree of a staged Commit", |_, our_group| {
            let public = our_group.staged.as_ref().unwrap().public();
            text((public.tree().export()?, public.credential(LeafIndex(1))?))
        })
        .after(move |fixture, our_group| stage(fixture, our_group, &staged)),
        Operation::new(&["PublicStaged::public"], "tree of a pending Commit", |_, our_group| {
            let public = our_group.group.pending_epoch().unwrap().public();
            text((public.tree().export()?, public.credential(LeafIndex(1))?))
        })
        .after(is_pending),
    ]
}

/// Returns operations that read no row after the group has been opened.
pub(crate) fn reading_nothing(fixture: &Fixture) -> Vec<Operation<'_>> {
    let commit = fixture
        .other(true)
        .commit(|fixture, builder| builder.remove(LeafIndex(12)).add(fixture.key_package(0)));
    let [merged, staged] = [commit.clone(), commit];
    let proposal = fixture.other(true).propose(make::remove(12));
    vec![
        // The private key of our leaf is loaded together with the leaf.
        Operation::new(&["Group::encrypt"], "encrypt", |fixture, our_group| {
            let cx = our_group.client(fixture);
            let (message, delta) = our_group
                .group
                .encrypt(ApplicationData::new(b"hello").authenticated_data(b"data"), &cx, &mut rng())?
                .into_parts();
            our_group.apply(&delta);
            text(encoded(&message))
        }),
        Operation::new(
            &["Group::group_info", "GroupInfoBuilder::build", "GroupInfoBuilder::without_tree"],
            "describe",
            |fixture, our_group| {
                text(encoded(&our_group.group.group_info().without_tree().build(&our_group.client(fixture))?))
            },
        ),
        takes("late data of a member that is gone", fixture.late_of_gone.clone()),
        Operation::new(&["Group::process"], "take our Commit", |fixture, our_group| {
            let commit = our_group.group.pending_commit().unwrap().clone();
            text(take(fixture, our_group, &commit)?)
        })
        .after(is_pending),
        Operation::new(&["Group::process"], "take our Update", |fixture, our_group| {
            let update = propose_update(fixture, &mut OurGroup::new(fixture, true, false), false)?;
            text(take(fixture, our_group, &update)?)
        })
        .after(|fixture, our_group| drop(propose_update(fixture, our_group, false).unwrap())),
        Operation::new(
            &[
                "Group::acknowledge",
                "Group::config",
                "Group::epoch",
                "Group::epoch_authenticator",
                "Group::export",
                "Group::group_id",
                "Group::instance",
                "Group::is_active",
                "Group::is_pending",
                "Group::outbox",
                "Group::own_leaf",
                "Group::pending_commit",
                "Group::pending_epoch",
                "Group::pending_proposals",
                "Group::position",
                "Group::public",
                "Group::reinit",
                "Group::resumption_psk",
                "Group::stale_commit",
                "Group::state",
                "Group::take_delta",
                "PublicState::context",
                "PublicState::epoch",
                "PublicState::group_id",
                "PublicState::suite",
                "PublicState::tree",
            ],
            "look at the group",
            |_, our_group| {
                assert!(our_group.group.take_delta().delta().is_empty());
                let waiting: Vec<_> = our_group.group.outbox().map(|(id, _)| id).collect();
                for id in &waiting {
                    assert!(!our_group.group.acknowledge(*id).delta().is_empty());
                }
                let group = &our_group.group;
                // The position depends on the rows of the pending Commit, which differ between the
                // two groups.
                assert_ne!(group.position().as_bytes(), &[0; 32]);
                let (public, commit) = (group.public(), group.pending_commit().unwrap());
                let psk = |epoch| group.resumption_psk(epoch).map(|psk| psk.expose().to_vec());
                let secrets = (
                    group.epoch_authenticator().unwrap().expose(),
                    group.export("label", b"context", 32)?.expose().to_vec(),
                    psk(group.epoch()),
                    psk(group.epoch() - 1),
                );
                let proposals: Vec<_> = group.pending_proposals().collect();
                let state = (public.suite().cipher_suite(), public.context(), public.tree().size());
                let state = (state, group.group_id(), public.group_id(), public.epoch());
                let staged = text_of_staged(group.pending_epoch().unwrap());
                let pending = (encoded(commit), group.is_pending(commit), staged);
                let state = (state, group.config(), group.own_leaf(), group.is_active(), group.reinit());
                let stored = (group.instance(), group.state(), group.stale_commit(), waiting);
                text((secrets, proposals, pending, state, stored))
            },
        )
        .after(move |fixture, our_group| {
            take_all(fixture, our_group, std::slice::from_ref(&proposal));
            is_pending(fixture, our_group);
        }),
        Operation::new(
            &[
                "CommitBuilder::add",
                "CommitBuilder::authenticated_data",
                "CommitBuilder::extensions",
                "CommitBuilder::new_leaf",
                "CommitBuilder::only_pending",
                "CommitBuilder::proposal",
                "CommitBuilder::proposals",
                "CommitBuilder::psk",
                "CommitBuilder::reinit",
                "CommitBuilder::remove",
                "CommitBuilder::with_group_info",
                "CommitBuilder::without_path",
                "CommitBuilder::without_pending",
                "CommitBuilder::without_tree",
                "Group::commit",
            ],
            "fill a builder",
            |fixture, our_group| {
                let builder = our_group.group.commit().add(fixture.key_package(0)).remove(LeafIndex(12));
                let builder = builder.authenticated_data(b"data").extensions(make::extensions(&[0xf0f0]));
                let builder = builder.psk(external_psk(1)).proposal(make::custom(0xf001, b"custom"));
                let builder = builder.proposals([make::custom(0xf002, b"another")]);
                let builder = builder.reinit(make::reinit(fixture.suite, make::extensions(&[])));
                let builder = builder.without_pending().only_pending([]).with_group_info();
                drop(builder.without_path().without_tree().new_leaf(fixture.new_leaf()));
                text(())
            },
        ),
        Operation::new(&["Group::merge"], "merge", |_, our_group| {
            let (lost, delta) = our_group.group.merge(our_group.staged.take().unwrap())?.into_parts();
            our_group.apply(&delta);
            text(lost)
        })
        .after(move |fixture, our_group| stage(fixture, our_group, &merged)),
        Operation::new(&["Group::merge_pending"], "merge our Commit", |_, our_group| {
            let delta = our_group.group.merge_pending()?;
            our_group.apply(&delta.into_parts().1);
            text(())
        })
        .after(is_pending),
        Operation::new(&["Group::clear_pending"], "drop our Commit", |_, our_group| {
            let (lost, delta) = our_group.group.clear_pending().into_parts();
            our_group.apply(&delta);
            text(lost)
        })
        .after(is_pending),
        Operation::new(&["Group::withdraw_proposal"], "withdraw", |_, our_group| {
            let reference = our_group.group.pending_proposals().next().unwrap().reference.clone();
            let delta = our_group.group.withdraw_proposal(&reference)?;
            our_group.apply(&delta.into_parts().1);
            text(reference)
        })
        .after(|fixture, our_group| drop(propose(fixture, our_group, make::remove(12)).unwrap())),
        Operation::new(
            &[
                "CommitView::after",
                "CommitView::authenticated_data",
                "CommitView::before",
                "CommitView::committer",
                "CommitView::proposals",
                "LeafChange::changes_identity",
                "LeafChange::leaf",
                "LeafChange::new_leaf",
                "PublicStaged::added",
                "PublicStaged::authenticated_data",
                "PublicStaged::committer",
                "PublicStaged::leaf_changes",
                "PublicStaged::leaves_invalid_at",
                "PublicStaged::left_out",
                "PublicStaged::proposals",
                "PublicStaged::removed",
                "PublicStaged::view",
                "Staged::removes_me",
                "StateView::epoch",
                "StateView::extensions",
                "StateView::group_id",
            ],
            "look at a staged Commit",
            |_, our_group| {
                let staged = our_group.staged.as_ref().unwrap();
                let changes = staged.leaf_changes()?;
                let parts: Vec<_> = changes
                    .iter()
                    .map(|change| (change.leaf(), change.new_leaf(), change.changes_identity()))
                    .collect();
                assert!(!parts.is_empty());
                let invalid = staged.leaves_invalid_at(u64::MAX, &Names)?;
                assert!(!invalid.is_empty());
                let view = staged.view(our_group.group.public())?;
                let states = view.before().into_iter().chain([view.after()]);
                let states: Vec<_> = states
                    .map(|state| (state.group_id().clone(), state.epoch(), state.extensions().clone()))
                    .collect();
                let proposals: Vec<_> = view.proposals().collect();
                let sent = (view.committer(), view.authenticated_data(), proposals);
                let parts = (parts, invalid, states, sent, staged.removes_me());
                text((text_of_staged(staged), parts))
            },
        )
        .after(move |fixture, our_group| stage(fixture, our_group, &staged)),
    ]
}
