//! Prints what operations on a store cost in groups of several sizes: the number of rows, the
//! stored bytes and the time.
//!
//! `cargo run --release -p pando-store --example cost -- 100 1000`

#![expect(
    clippy::disallowed_methods,
    reason = "the sender stores nothing, and the Deltas of the receiver are measured"
)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are small")]

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType,
    CryptoProvider, Delta, Extensions, Group, GroupConfig, KeyPackageBundle, KeyPackageTemplate, Lifetime,
    NoPsks, Processed, RustCrypto, Signer, Suite,
};
use pando_store::{Erase, GroupLock, Key, SqliteStore};
use rand_core::CryptoRng;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let sizes: Vec<usize> =
        std::env::args().skip(1).map(|size| size.parse()).collect::<std::result::Result<_, _>>()?;
    println!("members  key   erase      operation              rows  bytes  ms");
    for size in if sizes.is_empty() { vec![100, 1_000] } else { sizes } {
        for sealed in [false, true] {
            for erase in [Erase::AtOnce, Erase::WhenAsked] {
                measure(size, sealed, erase)?;
            }
        }
    }
    Ok(())
}

/// The store of a receiving member.
struct Receiver {
    store: SqliteStore,
    lock: GroupLock,
    label: String,
}

impl Receiver {
    fn apply(&mut self, label: &str, deltas: &[Delta]) -> Result<()> {
        let began = Instant::now();
        let mut transaction = self.store.begin()?;
        deltas.iter().try_for_each(|delta| transaction.apply(&self.lock, delta))?;
        transaction.commit()?;
        let time = began.elapsed();
        let rows: usize = deltas.iter().map(|delta| delta.writes().count() + delta.deletes().count()).sum();
        let bytes: usize = deltas
            .iter()
            .flat_map(Delta::writes)
            .map(|(key, row)| 17 + key.to_bytes().len() + row.len())
            .sum();
        println!("{} {label:<20} {rows:>6} {bytes:>6}  {:.2}", self.label, time.as_secs_f64() * 1e3);
        Ok(())
    }
}

fn measure(size: usize, sealed: bool, erase: Erase) -> Result<()> {
    let suite = RustCrypto
        .suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519)
        .ok_or("no such cipher suite")?;
    let (signer, others) = (suite.signer(&suite.signature_generate_key(&mut rng())?)?, size - 2);
    let own = suite.signer(&suite.signature_generate_key(&mut rng())?)?;
    let (alice, bob) = (client(&*signer), client(&*own));
    let mut alices =
        Group::builder("large").build(bundle(suite, &*signer)?, &alice, &mut rng())?.assume_persisted();
    let bundle_of_bob = bundle(suite, &*own)?;
    let mut key_packages = vec![bundle_of_bob.key_package.clone()];
    for _ in 0..others {
        let signer = suite.signer(&suite.signature_generate_key(&mut rng())?)?;
        key_packages.push(bundle(suite, &*signer)?.key_package);
    }
    let commit = key_packages
        .into_iter()
        .fold(alices.commit(), CommitBuilder::add)
        .build(&alice, &mut rng())?
        .assume_persisted();
    let _ = alices.merge_pending()?;
    let welcome = commit.welcome.ok_or("the Commit has no Welcome")?;
    let (mut bobs, joined) = Group::join(&welcome, &bundle_of_bob, None, &bob)?.into_parts();

    let folder = tempfile::tempdir()?;
    let key = if sealed { Key::bytes(&[1; 32])? } else { Key::None };
    let path = folder.path().join("store");
    let mut store = SqliteStore::open(&path, &key)?;
    store.set_erase(erase);
    let lock = store.lock(&bobs.public().context().group_id, Duration::ZERO)?;
    let label = format!("{size:>7}  {:<5} {erase:<10?}", if sealed { "yes" } else { "no" });
    let mut receiver = Receiver { store, lock, label };
    receiver.apply("join", &[joined])?;
    for label in std::iter::once("first message").chain(["next message"; 5]) {
        let message = alices.encrypt(b"hello", &alice, &mut rng())?.assume_persisted();
        let (_, delta) = bobs.process(message, &bob)?.into_parts();
        receiver.apply(label, &[delta])?;
    }
    for label in ["Commit, blank tree", "Commit"] {
        let commit = alices.commit().build(&alice, &mut rng())?.assume_persisted();
        let _ = alices.merge_pending()?;
        let (processed, first) = bobs.process(commit.message, &bob)?.into_parts();
        let Processed::Commit(staged) = processed else { return Err("not a Commit".into()) };
        let (_, second) = bobs.merge(*staged)?.into_parts();
        receiver.apply(label, &[first, second])?;
    }
    let began = Instant::now();
    let rows = receiver.store.load(&receiver.lock)?.ok_or("no group")?;
    let time = began.elapsed();
    let bytes: usize = rows.iter().map(|(key, row)| 17 + key.to_bytes().len() + row.expose().len()).sum();
    println!(
        "{} {:<20} {:>6} {bytes:>6}  {:.2}",
        receiver.label,
        "load",
        rows.len(),
        time.as_secs_f64() * 1e3
    );
    receiver.store.erase()?;
    println!("{} file: {} bytes", receiver.label, std::fs::metadata(&path)?.len());
    Ok(())
}

fn bundle(suite: Suite, signer: &dyn Signer) -> Result<KeyPackageBundle> {
    let template = KeyPackageTemplate {
        credential: Credential::Basic { identity: b"member".as_slice().into() },
        capabilities: Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    Ok(KeyPackageBundle::new(suite, template, signer, &mut rng())?)
}

fn client(signer: &dyn Signer) -> Context<'_> {
    let (policy, psks, config) = (&BasicIdentities, &NoPsks, GroupConfig::default());
    CLIENT.without_clock(signer).with_policy(policy).with_psks(psks).with_config(config)
}

fn rng() -> impl CryptoRng {
    UnwrapErr(SysRng)
}
