//! A group of twenty members. The first member adds all others by one Commit, and the last member
//! removes three. The removed members cannot decrypt later messages.

mod common;

use common::{Outcome, SUITE, User, assert_agreement, deliver, suite};
use pando_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut members = vec![User::new("member 1", suite, &mut rng)?.create("twenty", suite, &mut rng)?];

    // The first member adds nineteen others by one Commit. The Welcome of this Commit is for all
    // nineteen.
    let mut newcomers = Vec::new();
    for number in 2..=20 {
        let user = User::new(&format!("member {number}"), suite, &mut rng)?;
        let bundle = user.key_package(suite, &mut rng)?;
        newcomers.push((user, bundle));
    }
    let first = members.first_mut().ok_or("the group has no members")?;
    let key_packages = newcomers.iter().map(|(_, bundle)| bundle.key_package.clone());
    let (commit, welcome) =
        first.commit(|builder| key_packages.fold(builder, CommitBuilder::add), &mut rng)?;
    first.receive(&commit)?;
    let welcome = welcome.ok_or("the Commit adds members, but has no Welcome")?;
    println!("The Welcome for nineteen members has {} bytes.", welcome.encode()?.len());
    for (user, bundle) in newcomers {
        members.push(user.join(&welcome, &bundle)?);
    }
    assert_agreement(&members);

    // The newest member removes three others.
    let last = members.last_mut().ok_or("the group has no members")?;
    let leaves = [LeafIndex(3), LeafIndex(7), LeafIndex(12)];
    let (commit, _) =
        last.commit(|builder| leaves.into_iter().fold(builder, CommitBuilder::remove), &mut rng)?;
    deliver(&commit, &mut members)?;
    let (mut members, mut removed): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.group.is_active());
    for member in &removed {
        println!("{} was removed.", member.user.name);
    }
    assert_eq!((members.len(), removed.len()), (17, 3));

    // The other members continue.
    let mut others = members.iter_mut();
    let sender = others.next().ok_or("the group has no members")?;
    let message = sender.send("Who is still here?", &mut rng)?;
    for member in others {
        assert_eq!(member.receive(&message)?.as_deref(), Some("Who is still here?"));
    }
    for member in &mut removed {
        assert!(member.receive(&message).is_err());
    }
    assert_agreement(&members);
    println!("{} members can read the next message. The removed members cannot.", members.len());
    Ok(())
}
