//! Bob and Carol join a group by external Commits, which require only a GroupInfo of the group.
//! Then Bob loses the state of the group and joins again in the same way.

mod common;

use common::{Member, Outcome, SUITE, User, assert_agreement, deliver, suite};
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Joins by an external Commit and returns the Commit for the other members. `lost` is the former
/// leaf of a client that has lost its state.
fn join(
    user: User,
    group_info: &GroupInfo,
    lost: Option<LeafIndex>,
    rng: &mut dyn CryptoRng,
) -> Outcome<(Member, MlsMessage)> {
    // The GroupInfo contains the tree, but a server could also send the tree separately.
    let (tree, template) = (None, user.leaf());
    let join = ExternalJoin::new(group_info, template).tree(tree).replace_leaf(lost);
    let mut rows = Rows::new();
    let (group, commit) = join.build(&user.cx(), rng)?.persist_to(&mut rows)?;
    let mut member = Member { user, group, rows };
    // The delivery service has accepted the Commit.
    member.group.merge_pending()?.persist_to(&mut member.rows)?;
    Ok((member, commit))
}

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = User::new("Alice", suite, &mut rng)?.create("open house", suite, &mut rng)?;

    // Alice publishes a GroupInfo. Until the next Commit, any client that obtains this GroupInfo
    // can join.
    let group_info = alice.group.group_info().build(&alice.user.cx())?;
    let bob = User::new("Bob", suite, &mut rng)?;
    let (mut bob, commit) = join(bob, &group_info, None, &mut rng)?;
    alice.receive(&commit)?;
    println!("Bob has joined.");
    assert_agreement([&alice, &bob]);

    let group_info = alice.group.group_info().build(&alice.user.cx())?;
    let carol = User::new("Carol", suite, &mut rng)?;
    let (mut carol, commit) = join(carol, &group_info, None, &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    println!("Carol has joined, and the group has {} members.", carol.group.public().tree().member_count());
    assert_agreement([&alice, &bob, &carol]);

    // Bob keeps only his name and his signature key.
    let Member { user, group, .. } = bob;
    let his_leaf = group.own_leaf();
    drop(group);
    println!("Bob has lost his group.");
    let group_info = carol.group.group_info().build(&carol.user.cx())?;
    let (mut bob, commit) = join(user, &group_info, Some(his_leaf), &mut rng)?;
    deliver(&commit, [&mut alice, &mut carol])?;
    println!("Bob has joined again, at {} as before.", bob.group.own_leaf());
    assert_eq!(bob.group.own_leaf(), his_leaf);

    let message = bob.send("Here I am again.", &mut rng)?;
    assert_eq!(alice.receive(&message)?.as_deref(), Some("Here I am again."));
    assert_agreement([&alice, &bob, &carol]);
    Ok(())
}
