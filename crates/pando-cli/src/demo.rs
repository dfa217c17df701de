//! The command `pando demo`, which simulates a group with all its members in this process.
//!
//! The first member adds all other members. Members renew their keys and send messages. Some
//! members are removed, and one loses its state and rejoins. Every message is encoded and decoded,
//! as it would be on a network.

#![expect(clippy::disallowed_methods, reason = "the demonstration stores nothing")]

use indicatif::{ProgressBar, ProgressStyle};
use pando_mls::{
    Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType, CryptoProvider,
    Decode, Encode, Extensions, ExternalJoin, Group, GroupConfig, KeyPackageBundle, KeyPackageTemplate,
    LeafIndex, LeafTemplate, Lifetime, MlsMessage, Processed, RustCrypto, Signer, Suite,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

/// The number of members that one Commit adds.
const BATCH: usize = 500;
/// The number of members that renew their keys, that send a message, and that are removed.
const SOME: usize = 10;

/// Simulate a group in this process
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The number of members. Each is simulated in full, so time and memory grow with the square
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(3..=2_000))]
    members: u16,
    /// The seed of all randomness
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the cipher suite
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=7))]
    suite: u16,
}

struct Member {
    signer: Box<dyn Signer>,
    group: Group,
}

/// The result of a step: its description, the number of repetitions, the bytes sent, and the time
/// taken.
struct Row {
    what: &'static str,
    count: usize,
    bytes: usize,
    time: Duration,
}

struct Demo {
    suite: Suite,
    rng: ChaCha20Rng,
    /// The members, ordered by age and not by leaf, with the oldest first.
    members: Vec<Member>,
    progress: ProgressBar,
    rows: Vec<Row>,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) fn run(arguments: &Arguments) -> Outcome<ExitCode> {
    let suite = RustCrypto.suite(CipherSuite(arguments.suite)).ok_or("no such cipher suite")?;
    let rng = ChaCha20Rng::seed_from_u64(arguments.seed);
    let progress = ProgressBar::new(5);
    progress.set_style(ProgressStyle::with_template("{bar:30} {msg}")?);
    let mut demo = Demo { suite, rng, members: Vec::new(), progress, rows: Vec::new() };
    demo.live(arguments.members.into())?;
    demo.progress.finish_and_clear();
    demo.report()
}

/// Returns the context of the client that signs with this key. The client uses the default policy
/// and no store.
fn client(signer: &dyn Signer) -> Context<'_> {
    let config = GroupConfig::default();
    CLIENT.without_clock(signer).with_config(config)
}

impl Demo {
    fn live(&mut self, members: usize) -> Outcome {
        self.timed("members added", |demo| {
            let (signer, bundle) = demo.newcomer(0)?;
            let cx = client(&*signer);
            let group = Group::builder("demo").build(bundle, &cx, &mut demo.rng)?.assume_persisted();
            demo.members.push(Member { signer, group });
            let mut bytes = 0_usize;
            while demo.members.len() < members {
                let count = members.saturating_sub(demo.members.len()).min(BATCH);
                bytes = bytes.saturating_add(demo.add(count)?);
            }
            Ok((members.saturating_sub(1), bytes))
        })?;
        self.timed("keys renewed", |demo| {
            demo.times(members.min(SOME), |demo, by| demo.commit(by, |builder| builder))
        })?;
        self.timed("messages sent and read", |demo| demo.times(members.min(SOME), Self::talk))?;
        self.timed("members removed", |demo| {
            let leaving = members.saturating_sub(2).min(SOME);
            demo.times(leaving, |demo, _| {
                let leaf = demo.members.last().ok_or("no members are left")?.group.own_leaf();
                demo.commit(0, |builder| builder.remove(leaf))
            })
        })?;
        self.timed("members rejoined", |demo| Ok((1, demo.come_back()?)))
    }

    /// Runs a step, and records its result and duration.
    fn timed(
        &mut self,
        what: &'static str,
        step: impl FnOnce(&mut Self) -> Outcome<(usize, usize)>,
    ) -> Outcome {
        self.progress.set_message(what);
        let begun = Instant::now();
        let (count, bytes) = step(self)?;
        self.rows.push(Row { what, count, bytes, time: begun.elapsed() });
        self.progress.inc(1);
        Ok(())
    }

    /// Runs a step for each of the first `count` members. Returns `count` and the number of bytes
    /// sent.
    fn times(
        &mut self,
        count: usize,
        mut step: impl FnMut(&mut Self, usize) -> Outcome<usize>,
    ) -> Outcome<(usize, usize)> {
        let mut bytes = 0_usize;
        for by in 0..count {
            bytes = bytes.saturating_add(step(self, by)?);
        }
        Ok((count, bytes))
    }

    fn newcomer(&mut self, number: usize) -> Outcome<(Box<dyn Signer>, KeyPackageBundle)> {
        let signer = self.suite.signer(&self.suite.signature_generate_key(&mut self.rng)?)?;
        let LeafTemplate { credential, capabilities, extensions } = self.leaf(number);
        let template = KeyPackageTemplate {
            credential,
            capabilities,
            lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            leaf_extensions: extensions.clone(),
            extensions,
        };
        let bundle = KeyPackageBundle::new(self.suite, template, &*signer, &mut self.rng)?;
        Ok((signer, bundle))
    }

    fn leaf(&self, number: usize) -> LeafTemplate {
        LeafTemplate {
            credential: Credential::Basic { identity: format!("member {number}").into_bytes().into() },
            capabilities: Capabilities::new([self.suite.cipher_suite()], [CredentialType::BASIC]),
            extensions: Extensions::default(),
        }
    }

    /// Adds `count` members by one Commit of the first member. The new members obtain the ratchet
    /// tree from a server instead of the Welcome.
    fn add(&mut self, count: usize) -> Outcome<usize> {
        let first = self.members.len();
        let newcomers: Vec<_> = (first..first.saturating_add(count))
            .map(|number| self.newcomer(number))
            .collect::<Result<_, _>>()?;
        let member = self.members.first_mut().ok_or("the group has no members")?;
        let builder = newcomers.iter().fold(member.group.commit().without_tree(), |builder, (_, bundle)| {
            builder.add(bundle.key_package.clone())
        });
        let output = builder.build(&client(&*member.signer), &mut self.rng)?.assume_persisted();
        let bytes = self.deliver(&output.message)?;
        let welcome = output.welcome.ok_or("the Commit has no Welcome")?;
        let tree = self.members.first().ok_or("the group has no members")?.group.public().tree().export()?;
        let sent = bytes.saturating_add(welcome.encode()?.len());
        for (signer, bundle) in newcomers {
            let group = Group::join(&welcome, &bundle, Some(&tree), &client(&*signer))?.assume_persisted();
            self.members.push(Member { signer, group });
        }
        Ok(sent)
    }

    fn commit(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Outcome<usize> {
        let member = self.members.get_mut(by).ok_or("no such member")?;
        let output =
            fill(member.group.commit()).build(&client(&*member.signer), &mut self.rng)?.assume_persisted();
        self.deliver(&output.message)
    }

    /// Delivers a Commit to all members, which then enter the new epoch, and drops the removed
    /// members. Returns the size of the Commit.
    fn deliver(&mut self, message: &MlsMessage) -> Outcome<usize> {
        let bytes = message.encode()?;
        for Member { signer, group } in &mut self.members {
            match group.process(MlsMessage::decode(&bytes)?, &client(&**signer))?.assume_persisted() {
                Processed::OwnCommit => group.merge_pending()?.assume_persisted(),
                Processed::Commit(staged) => drop(group.merge(*staged)?.assume_persisted()),
                _ => return Err("a Commit was processed as another message".into()),
            }
        }
        self.members.retain(|member| member.group.is_active());
        Ok(bytes.len())
    }

    /// Sends a message from one member and decrypts it as each other member. Returns the size of
    /// the message.
    fn talk(&mut self, by: usize) -> Outcome<usize> {
        let text = format!("hello from {by}");
        let member = self.members.get_mut(by).ok_or("no such member")?;
        let client_of = client(&*member.signer);
        let bytes =
            member.group.encrypt(text.as_bytes(), &client_of, &mut self.rng)?.assume_persisted().encode()?;
        for (_, Member { signer, group }) in (0..).zip(&mut self.members).filter(|(number, _)| *number != by)
        {
            match group.process(MlsMessage::decode(&bytes)?, &client(&**signer))?.assume_persisted() {
                Processed::Application { data, .. } if *data == *text.as_bytes() => {}
                _ => return Err("a message was decrypted to other data".into()),
            }
        }
        Ok(bytes.len())
    }

    /// Makes the newest member lose its state and rejoin by an external Commit that removes its old
    /// leaf.
    fn come_back(&mut self) -> Outcome<usize> {
        let Member { signer, group } = self.members.pop().ok_or("the group has no members")?;
        let resync: Option<LeafIndex> = Some(group.own_leaf());
        let Ok(Some(Credential::Basic { identity })) = group.public().credential(group.own_leaf()) else {
            return Err("the member has no name".into());
        };
        drop(group);
        let template = LeafTemplate { credential: Credential::Basic { identity }, ..self.leaf(0) };
        let helper = self.members.first().ok_or("the group has no members")?;
        let group_info = helper.group.group_info().build(&client(&*helper.signer))?;
        let join = ExternalJoin::new(&group_info, template).replace_leaf(resync);
        let (mut group, message) = join.build(&client(&*signer), &mut self.rng)?.assume_persisted();
        let bytes = self.deliver(&message)?;
        group.merge_pending()?.assume_persisted();
        self.members.push(Member { signer, group });
        Ok(bytes)
    }

    /// Prints the results of the steps, and how many members agree on the epoch and its secrets.
    fn report(&self) -> Outcome<ExitCode> {
        let mut out = io::stdout().lock();
        writeln!(out, "{:<28}{:>8}{:>14}{:>12}", "", "count", "bytes sent", "time")?;
        for Row { what, count, bytes, time } in &self.rows {
            writeln!(out, "{what:<28}{count:>8}{bytes:>14}{:>10.2} s", time.as_secs_f64())?;
        }
        let first = &self.members.first().ok_or("no members are left")?.group;
        let authenticator = first.epoch_authenticator();
        let agrees = |member: &&Member| member.group.epoch_authenticator() == authenticator;
        let agree = self.members.iter().filter(agrees).count();
        let authenticator = authenticator.ok_or("the first member has no authenticator")?;
        let hex: String = authenticator.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "\n{agree} of {} members agree on epoch {}", self.members.len(), first.epoch())?;
        writeln!(out, "epoch authenticator: {hex}")?;
        Ok(if agree == self.members.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
