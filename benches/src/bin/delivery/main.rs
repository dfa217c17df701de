//! Measures the delivery service with a large group.
//!
//! The service runs in this process over one SQLite file in a temporary folder. All requests are
//! made by real members with certificates, without HTTP. The output is a table in Markdown;
//! docs/delivery-benchmarks.md explains its rows. A group of 10 members in the same store shows
//! which figures grow with the group.
//!
//! The program checks numbers of rows and bytes, and fails if a target is missed. Durations are
//! printed and not checked, because they depend on the machine.

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark that fails has no result"
)]

mod acknowledgements;
mod adds;
mod clients;
mod old_welcome;
mod population;
mod recording;
mod rows;
mod senders;
mod server;
mod table;

use acknowledgements::Acknowledged;
use adds::{Added, Latencies};
use clap::Parser;
use clients::{Clients, Member};
use old_welcome::Joined;
use population::Population;
use rows::{CommitRows, MessageRows};
use server::Server;
use std::error::Error;
use table::{Table, kilobytes, time};

/// The number of members of the small group.
const SMALL: u32 = 10;

/// The number of warm Commits, which is the age of the Welcome.
const COMMITS: u32 = 100;

/// Measures the delivery service with a large group.
#[derive(Parser)]
struct Arguments {
    /// Number of members of the large group.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    members: u32,
    /// Number of messages of each of the 256 concurrent senders.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { members, messages } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    runtime.block_on(measure(members, messages));
    Ok(())
}

/// The results for one group.
struct Results {
    added: Added,
    latencies: Latencies,
    message: MessageRows,
    commits: CommitRows,
    acknowledged: Acknowledged,
    joined: Joined,
}

async fn measure(members: u32, messages: u32) {
    let mut clients = Clients::new();
    let server = Server::new(&clients).await;
    let groups = senders::create(&server, &mut clients).await;
    // One member of each group sends while the large group grows.
    let (mut others, mut senders) = (Vec::new(), Vec::new());
    for mut group in groups {
        others.push(group.remove(0));
        senders.extend(group);
    }
    let (small, _) = measure_group(&server, &mut clients, SMALL, Vec::new()).await;
    let (large, others) = measure_group(&server, &mut clients, members, others).await;
    assert_eq!(small.message, large.message, "a message writes more in a large group");
    assert_eq!(small.added.inbox, large.added.inbox, "a joiner downloads more in a large group");
    senders.extend(others);
    let throughput = senders::measure(&server, senders, messages).await;

    let mut table = Table::new(SMALL, members);
    print_groups(&mut table, small, large);
    let per_second = throughput.messages as f64 / throughput.duration.as_secs_f64();
    let per_message = throughput.commits as f64 / throughput.messages as f64;
    let figure = format!("messages per second of {} concurrent senders in 64 groups", throughput.senders);
    table.row(&figure, "", &format!("{per_second:.0}"));
    table.row("commits of the store per message", "", &format!("{per_message:.4}"));
    table.print();
}

async fn measure_group(
    server: &Server,
    clients: &mut Clients,
    size: u32,
    others: Vec<Member>,
) -> (Results, Vec<Member>) {
    let mut group = Population::create(server, clients, size).await;
    let devices = adds::prepare(server, clients, &mut group).await;
    let (added, latencies, others) = adds::measure(server, &mut group, devices, others).await;
    eprintln!("{size} members");
    group.warm(server, clients).await;
    eprintln!("{size} members, warm");
    let message = rows::message(server, &mut group).await;
    let commits = rows::commits(server, &mut group, COMMITS).await;
    let acknowledged = acknowledgements::measure(server, &mut group).await;
    let joiner = group.joiner();
    let joined = old_welcome::measure(server, clients, (&group, joiner), &added.epoch).await;
    (Results { added, latencies, message, commits, acknowledged, joined }, others)
}

fn print_groups(table: &mut Table, mut small: Results, mut large: Results) {
    let mut both = |figure: &str, cell: &mut dyn FnMut(&mut Results) -> String| {
        let (small, large) = (cell(&mut small), cell(&mut large));
        table.row(figure, &small, &large);
    };
    both("rows of a message", &mut |results| results.message.cell());
    both("bytes of a warm Commit, without the entry and the GroupInfo", &mut |results| {
        results.commits.cell()
    });
    both("the rows of these bytes, by the first byte of the key", &mut |results| results.commits.kinds());
    both("time of a warm Commit", &mut |results| results.commits.durations.cell());
    both("writes when all members acknowledge a message", &mut |results| {
        let Acknowledged { writes, commits, duration } = &results.acknowledged;
        format!("{writes} in {commits} commits, {}", time(*duration))
    });
    both("age of the Welcome in epochs", &mut |results| results.joined.age.to_string());
    both("reading the inbox", &mut |results| {
        let (duration, bytes) = results.joined.inbox;
        format!("{}, {}", time(duration), kilobytes(bytes))
    });
    both("fetching the tree, the first time and again", &mut |results| {
        let ((first, bytes), again) = (results.joined.tree, results.joined.tree_again);
        format!("{}, then {}, {}", time(first), time(again), kilobytes(bytes))
    });
    both("joining by the client", &mut |results| time(results.joined.join));
    both("processing the Commits since the Welcome", &mut |results| time(results.joined.follow));
    both("Adds in one Commit", &mut |results| results.added.clients.to_string());
    both("size of the request", &mut |results| kilobytes(results.added.request));
    both("time of the committer to make it", &mut |results| time(results.added.build));
    both("time of the request", &mut |results| time(results.added.submit));
    both("transactions that write the Commit, the longest of them", &mut |results| {
        let Added { transactions, longest, .. } = &results.added;
        format!("{transactions}, {}", time(*longest))
    });
    both("time until all inboxes have their entry", &mut |results| time(results.added.copies));
    both("bytes of a joiner besides the tree", &mut |results| format!("{} B", results.added.inbox));
    let Latencies { mut before, mut submit, mut copies } = large.latencies;
    table.row("latency in other groups before the Commit", "", &before.cell());
    table.row("latency in other groups during the request", "", &submit.cell());
    table.row("latency in other groups during the copies", "", &copies.cell());
    table.row("latency in other groups, both", "", &submit.and(copies).cell());
}
