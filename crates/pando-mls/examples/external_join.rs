//! Carol joins a group without an invitation, with nothing but its public GroupInfo. Then Bob loses all that he had,
//! and comes back in the same way.

mod people;

use pando_mls::*;
use people::{Member, Outcome, Person, SUITE, assert_agreement, deliver, suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Joins by an external Commit, which is for the others and accepted at once. `lost` is the leaf of a client that has lost
/// its state.
fn join(
    person: Person,
    group_info: &GroupInfo,
    lost: Option<LeafIndex>,
    rng: &mut dyn CryptoRng,
) -> Outcome<(Member, MlsMessage)> {
    // The tree is in the GroupInfo; a server could also send it apart.
    let (tree, template) = (None, person.leaf());
    let join = ExternalJoin::new(group_info, template).tree(tree).replace_leaf(lost);
    let mut rows = Rows::new();
    let (group, commit) = join.build(&person.cx(), rng)?.persist_to(&mut rows)?;
    let mut member = Member { person, group, rows };
    // The delivery service has accepted the Commit.
    member.group.merge_pending()?.persist_to(&mut member.rows)?;
    Ok((member, commit))
}

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut alice = Person::new("Alice", suite, &mut rng)?.create("open house", suite, &mut rng)?;

    // Alice publishes what the group is like. Whoever may see this can join, until the next Commit.
    let group_info = alice.group.group_info().build(&alice.person.cx())?;
    let bob = Person::new("Bob", suite, &mut rng)?;
    let (mut bob, commit) = join(bob, &group_info, None, &mut rng)?;
    alice.receive(&commit)?;
    println!("Bob has let himself in.");
    assert_agreement([&alice, &bob]);

    let group_info = alice.group.group_info().build(&alice.person.cx())?;
    let carol = Person::new("Carol", suite, &mut rng)?;
    let (mut carol, commit) = join(carol, &group_info, None, &mut rng)?;
    deliver(&commit, [&mut alice, &mut bob])?;
    println!(
        "Carol has let herself in, and there are {} members.",
        carol.group.public().tree().member_count()
    );
    assert_agreement([&alice, &bob, &carol]);

    // All that Bob has left is his name and his signature key.
    let Member { person, group, .. } = bob;
    let his_leaf = group.own_leaf();
    drop(group);
    println!("Bob has lost his group.");
    let group_info = carol.group.group_info().build(&carol.person.cx())?;
    let (mut bob, commit) = join(person, &group_info, Some(his_leaf), &mut rng)?;
    deliver(&commit, [&mut alice, &mut carol])?;
    println!("Bob is back, in {}, where he was before.", bob.group.own_leaf());
    assert_eq!(bob.group.own_leaf(), his_leaf);

    let message = bob.send("Here I am again.", &mut rng)?;
    assert_eq!(alice.receive(&message)?.as_deref(), Some("Here I am again."));
    assert_agreement([&alice, &bob, &carol]);
    Ok(())
}
