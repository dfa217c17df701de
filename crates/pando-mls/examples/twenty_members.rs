//! Twenty members: one adds all others at once, three are removed, and one who was removed hears nothing any more.

mod people;

use pando_mls::*;
use people::{Outcome, Person, SUITE, assert_agreement, deliver, suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) fn main() -> Outcome {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = suite(SUITE)?;
    let mut members = vec![Person::new("member 1", suite, &mut rng)?.create("twenty", suite, &mut rng)?];

    // The first adds nineteen others by one Commit, and one Welcome is for all of them.
    let mut newcomers = Vec::new();
    for number in 2..=20 {
        let person = Person::new(&format!("member {number}"), suite, &mut rng)?;
        let bundle = person.key_package(suite, &mut rng)?;
        newcomers.push((person, bundle));
    }
    let first = members.first_mut().ok_or("nobody is there")?;
    let key_packages = newcomers.iter().map(|(_, bundle)| bundle.key_package.clone());
    let (commit, welcome) =
        first.commit(|builder| key_packages.fold(builder, CommitBuilder::add), &mut rng)?;
    first.receive(&commit)?;
    let welcome = welcome.ok_or("somebody was added, and there is no Welcome")?;
    println!("The Welcome for nineteen members has {} bytes.", welcome.encode()?.len());
    for (person, bundle) in newcomers {
        members.push(person.join(&welcome, &bundle)?);
    }
    assert_agreement(&members);

    // The newest member removes three others.
    let last = members.last_mut().ok_or("nobody is there")?;
    let gone = [LeafIndex(3), LeafIndex(7), LeafIndex(12)];
    let (commit, _) =
        last.commit(|builder| gone.into_iter().fold(builder, CommitBuilder::remove), &mut rng)?;
    deliver(&commit, &mut members)?;
    let (mut members, mut removed): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.group.is_active());
    for member in &removed {
        println!("{} is gone.", member.person.name);
    }
    assert_eq!((members.len(), removed.len()), (17, 3));

    // The others go on.
    let mut others = members.iter_mut();
    let sender = others.next().ok_or("nobody is there")?;
    let message = sender.send("Who is still here?", &mut rng)?;
    for member in others {
        assert_eq!(member.receive(&message)?.as_deref(), Some("Who is still here?"));
    }
    for member in &mut removed {
        assert!(member.receive(&message).is_err());
    }
    assert_agreement(&members);
    println!("{} members read the next message, and those who are gone do not.", members.len());
    Ok(())
}
