//! Functions that read a group, staged or pending epochs, and stored rows.

use crate::make;
use crate::names::Names;
use crate::operations::{
    Operation, encoded, enter_next, is_pending, process, propose, propose_update, reinit, stage, take,
    take_all, takes, text, text_of_staged,
};
use crate::setting::{OTHER, OWN, Setting, Subject, rng};
use crate::world::external_psk;
use pando_mls::{ApplicationData, Group, LeafIndex};

/// Returns operations that read the group, and staged or pending epochs.
pub(crate) fn reading(setting: &Setting) -> Vec<Operation<'_>> {
    let open = |setting: &Setting, subject: &mut Subject| {
        let client = subject.client(setting);
        subject.group = match &subject.store {
            Some(store) => Group::open(store.clone(), &client)?,
            None => Group::load(&subject.rows, &client)?,
        };
        text(subject.group.epoch())
    };
    let rows = |_: &Setting, subject: &mut Subject| text(subject.group.rows()?);
    let staged = setting.other(true).commit(|_, builder| builder.remove(LeafIndex(12)));
    let removal = setting.other(true).commit(|_, builder| builder.remove(OWN));
    let reinit = setting.other(true).commit(|setting, builder| builder.proposal(reinit(setting)));
    vec![
        Operation::new(&["Group::open"], "open", open),
        Operation::new(&["Group::open"], "open with a pending Commit", open).after(is_pending),
        Operation::new(&["Group::rows"], "rows", rows),
        Operation::new(&["Group::rows"], "rows with a pending Commit", rows).after(is_pending),
        Operation::new(&["Group::open"], "open after our removal", open)
            .after(move |setting, subject| drop(process(setting, subject, &removal).unwrap())),
        Operation::new(&["Group::rows"], "rows after a ReInit", rows)
            .after(move |setting, subject| drop(process(setting, subject, &reinit).unwrap())),
        Operation::new(&["Group::rows"], "rows in the next epoch", rows).after_in_memory(enter_next),
        Operation::new(&["PublicState::credential", "PublicState::tree"], "credential", |_, subject| {
            let public = subject.group.public();
            text((public.credential(OTHER)?, public.credential(LeafIndex(9))?, public.tree().export()?))
        }),
        Operation::new(&["Group::members", "PublicState::members"], "members", |_, subject| {
            text(subject.group.members().collect::<Result<Vec<_>, _>>()?)
        }),
        Operation::new(&["StateView::credential", "StateView::tree"], "views of a pending Commit", {
            |_, subject| {
                let group = &subject.group;
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
            |_, subject| {
                let group = &subject.group;
                let staged = group.pending_epoch().unwrap();
                let view = staged.view(group.public())?;
                let seen = (view.leaf_changes()?, view.leaves_invalid_at(u64::MAX, &Names)?);
                text((seen, staged.leaf_changes()?, staged.leaves_invalid_at(u64::MAX, &Names)?))
            },
        )
        .after(is_pending),
        Operation::new(&["PublicStaged::public"], "tree of a staged Commit", |_, subject| {
            let public = subject.staged.as_ref().unwrap().public();
            text((public.tree().export()?, public.credential(LeafIndex(1))?))
        })
        .after(move |setting, subject| stage(setting, subject, &staged)),
        Operation::new(&["PublicStaged::public"], "tree of a pending Commit", |_, subject| {
            let public = subject.group.pending_epoch().unwrap().public();
            text((public.tree().export()?, public.credential(LeafIndex(1))?))
        })
        .after(is_pending),
    ]
}

/// Returns operations that read no row once the group is opened.
pub(crate) fn reading_nothing(setting: &Setting) -> Vec<Operation<'_>> {
    let commit = setting
        .other(true)
        .commit(|setting, builder| builder.remove(LeafIndex(12)).add(setting.key_package(0)));
    let [merged, staged] = [commit.clone(), commit];
    let proposal = setting.other(true).propose(make::remove(12));
    vec![
        // The private key of our leaf is loaded with the leaf.
        Operation::new(&["Group::encrypt"], "encrypt", |setting, subject| {
            let client = subject.client(setting);
            let (message, delta) = subject
                .group
                .encrypt(ApplicationData::new(b"hello").authenticated_data(b"data"), &client, &mut rng())?
                .into_parts();
            subject.apply(&delta);
            text(encoded(&message))
        }),
        Operation::new(
            &["Group::group_info", "GroupInfoBuilder::build", "GroupInfoBuilder::without_tree"],
            "describe",
            |setting, subject| {
                text(encoded(&subject.group.group_info().without_tree().build(&subject.client(setting))?))
            },
        ),
        takes("late data of a member that is gone", setting.late_of_gone.clone()),
        Operation::new(&["Group::process"], "take our Commit", |setting, subject| {
            let commit = subject.group.pending_commit().unwrap().clone();
            text(take(setting, subject, &commit)?)
        })
        .after(is_pending),
        Operation::new(&["Group::process"], "take our Update", |setting, subject| {
            let update = propose_update(setting, &mut Subject::new(setting, true, false), false)?;
            text(take(setting, subject, &update)?)
        })
        .after(|setting, subject| drop(propose_update(setting, subject, false).unwrap())),
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
            |_, subject| {
                assert!(subject.group.take_delta().delta().is_empty());
                let waiting: Vec<_> = subject.group.outbox().map(|(id, _)| id).collect();
                for id in &waiting {
                    assert!(!subject.group.acknowledge(*id).delta().is_empty());
                }
                let group = &subject.group;
                // The position depends on the rows of the pending Commit, which differ.
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
        .after(move |setting, subject| {
            take_all(setting, subject, std::slice::from_ref(&proposal));
            is_pending(setting, subject);
        }),
        Operation::new(
            &[
                "CommitBuilder::add",
                "CommitBuilder::authenticated_data",
                "CommitBuilder::extensions",
                "CommitBuilder::new_leaf",
                "CommitBuilder::only_pending",
                "CommitBuilder::proposal",
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
            |setting, subject| {
                let builder = subject.group.commit().add(setting.key_package(0)).remove(LeafIndex(12));
                let builder = builder.authenticated_data(b"data").extensions(make::extensions(&[0xf0f0]));
                let builder = builder.psk(external_psk(1)).proposal(make::custom(0xf001, b"custom"));
                let builder = builder.reinit(make::reinit(setting.suite, make::extensions(&[])));
                let builder = builder.without_pending().only_pending([]).with_group_info();
                drop(builder.without_path().without_tree().new_leaf(setting.new_leaf()));
                text(())
            },
        ),
        Operation::new(&["Group::merge"], "merge", |_, subject| {
            let (lost, delta) = subject.group.merge(subject.staged.take().unwrap())?.into_parts();
            subject.apply(&delta);
            text(lost)
        })
        .after(move |setting, subject| stage(setting, subject, &merged)),
        Operation::new(&["Group::merge_pending"], "merge our Commit", |_, subject| {
            let delta = subject.group.merge_pending()?;
            subject.apply(&delta.into_parts().1);
            text(())
        })
        .after(is_pending),
        Operation::new(&["Group::clear_pending"], "drop our Commit", |_, subject| {
            let (lost, delta) = subject.group.clear_pending().into_parts();
            subject.apply(&delta);
            text(lost)
        })
        .after(is_pending),
        Operation::new(&["Group::withdraw_proposal"], "withdraw", |_, subject| {
            let reference = subject.group.pending_proposals().next().unwrap().reference.clone();
            let delta = subject.group.withdraw_proposal(&reference)?;
            subject.apply(&delta.into_parts().1);
            text(reference)
        })
        .after(|setting, subject| drop(propose(setting, subject, make::remove(12)).unwrap())),
        Operation::new(
            &[
                "CommitView::after",
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
            |_, subject| {
                let staged = subject.staged.as_ref().unwrap();
                let changes = staged.leaf_changes()?;
                let parts: Vec<_> = changes
                    .iter()
                    .map(|change| (change.leaf(), change.new_leaf(), change.changes_identity()))
                    .collect();
                assert!(!parts.is_empty());
                let invalid = staged.leaves_invalid_at(u64::MAX, &Names)?;
                assert!(!invalid.is_empty());
                let view = staged.view(subject.group.public())?;
                let states = view.before().into_iter().chain([view.after()]);
                let states: Vec<_> = states
                    .map(|state| (state.group_id().clone(), state.epoch(), state.extensions().clone()))
                    .collect();
                let proposals: Vec<_> = view.proposals().collect();
                let parts = (parts, invalid, states, view.committer(), proposals, staged.removes_me());
                text((text_of_staged(staged), parts))
            },
        )
        .after(move |setting, subject| stage(setting, subject, &staged)),
    ]
}
