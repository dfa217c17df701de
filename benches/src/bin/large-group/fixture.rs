//! Writes files for clients of other implementations, which join a group of Pando and process its
//! Commits.

use pando_benches::Crypto;
use pando_benches::large_group::LargeGroup;
use pando_mls::{CommitBuilder, Decode, Encode, KeyPackage, LeafIndex, MlsMessage, MlsMessageBody};
use std::error::Error;
use std::fs;
use std::path::Path;

/// Adds the clients whose KeyPackages are in `folder` (`*.kp`, encoded as messages) to a group by a
/// single Commit. Writes `welcome.mls`, which contains the tree, and the following Commits as
/// PublicMessages: `commit-0.mls` and so on.
pub(crate) fn write(
    crypto: Crypto,
    members: u32,
    warm: bool,
    commits: usize,
    folder: &Path,
) -> Result<(), Box<dyn Error>> {
    let strangers = strangers(folder)?;
    let mut large_group =
        if warm { LargeGroup::warm(crypto, members) } else { LargeGroup::fresh(crypto, members) };
    let LargeGroup { committer, rng, .. } = &mut large_group;
    // The clients replace members in the middle of the tree, which have parents on all levels. At
    // the end of a tree that is not full, they would have fewer parents.
    let quarter = members.next_power_of_two() / 4;
    let places = (0..).map(|number| LeafIndex(quarter + 1 + 2 * number)).take(strangers.len());
    let places: Vec<_> = if members > 8 { places.collect() } else { Vec::new() };
    let (_, welcome) = committer.commit(
        |builder| {
            let builder = places.into_iter().fold(builder, CommitBuilder::remove);
            strangers.into_iter().fold(builder, CommitBuilder::add)
        },
        rng,
    );
    let welcome = welcome.ok_or("there are no KeyPackages to add")?;
    fs::write(folder.join("welcome.mls"), MlsMessage::from(welcome).encode()?)?;
    committer.group.merge_pending()?.assume_persisted();
    for number in 0..commits {
        let (commit, _) = committer.commit(|builder| builder, rng);
        fs::write(folder.join(format!("commit-{number}.mls")), commit)?;
        committer.group.merge_pending()?.assume_persisted();
    }
    Ok(())
}

fn strangers(folder: &Path) -> Result<Vec<KeyPackage>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "kp"));
    paths.sort();
    let read = |path: &std::path::PathBuf| match MlsMessage::decode(&fs::read(path)?)?.body {
        MlsMessageBody::KeyPackage(key_package) => Ok(*key_package),
        _ => Err(format!("{}: not a KeyPackage", path.display()).into()),
    };
    paths.iter().map(read).collect()
}
