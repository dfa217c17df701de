//! A process that writes to a store is killed repeatedly at arbitrary points. After each kill, the
//! store must contain every acknowledged request, and must contain each request as a whole or not
//! at all.
//!
//! In half of the runs, the process ends itself at a failpoint, before or after a request, a commit
//! or a checkpoint. Each of these runs has one failpoint, and the runs take turns with all
//! failpoints. In the other half, the process is killed from outside at an arbitrary time.
//! `PANDO_KILLS` sets the number of kills, which is 40 by default:
//!
//! ```sh
//! PANDO_KILLS=1000 cargo test --release -p pando-delivery --test killed
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod victim;

use pando_delivery::store::{FAILPOINTS, KeyRange, ScanLimit, SqliteStore, Store, StoreError};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};
use victim::{Entry, PARTITIONS, config, partition};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--victim") => victim::live(&arguments[1], &arguments[2], &arguments[3]),
        // Ignore filters that are meant for other tests.
        Some(filter) if !filter.starts_with('-') && !"killed".contains(filter) => {}
        Some("--list") => println!("killed: test"),
        _ => kill_and_check(),
    }
}

/// The exit code of a process that `abort` has ended on Windows.
const FAIL_FAST: i32 = 0xC000_0409_u32.cast_signed();

fn kill_and_check() {
    let wanted: u32 = env::var("PANDO_KILLS").map_or(40, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut random = victim::Random(u64::from(wanted));
    let (mut kills, mut lives) = (0, 0);
    let mut at_failpoint = [0_u32; FAILPOINTS.len()];
    let mut acknowledged = BTreeMap::new();
    let mut unacknowledged = 0;
    while kills < wanted {
        lives += 1;
        let from_outside = random.below(2) == 0;
        // The failpoint with the fewest kills is next.
        let number = (0..FAILPOINTS.len()).min_by_key(|number| at_failpoint[*number]).unwrap();
        let point = if from_outside { "" } else { FAILPOINTS[number] };
        // A batch has many requests, and one commit and at most one checkpoint.
        let countdown = 1 + random.below(if point == "delivery::request" { 3_000 } else { 100 });
        let mut victim = start(folder.path(), point, countdown);
        // Without a reader, the victim would block as soon as the pipe is full.
        let mut stdout = victim.stdout.take().unwrap();
        let reader = thread::spawn(move || {
            let mut output = Vec::new();
            stdout.read_to_end(&mut output).unwrap();
            output
        });
        if from_outside {
            thread::sleep(Duration::from_millis(20 + random.below(300)));
            victim.kill().unwrap();
        }
        let output = victim.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let is_killed = match output.status.code() {
            None => true,
            // On Windows, this is the exit code of `Child::kill` or of `abort`.
            Some(code) if cfg!(windows) && code == if from_outside { 1 } else { FAIL_FAST } => true,
            // The victim has sent all its requests before it could be killed.
            Some(0) => false,
            Some(code) => panic!("life {lives} ended with {code}:\n{stderr}"),
        };
        kills += u32::from(is_killed);
        if is_killed && !from_outside {
            assert!(stderr.contains(&victim::last_words(point)), "{stderr}");
            at_failpoint[number] += 1;
        }
        for line in reader.join().unwrap().chunks_exact(Entry::LENGTH) {
            let entry = Entry::decode(line);
            acknowledged.insert((entry.partition, entry.number), entry);
        }
        unacknowledged = runtime.block_on(check(folder.path(), &acknowledged));
    }
    let acknowledged = acknowledged.len();
    println!(
        "{kills} kills, {at_failpoint:?} of them at the failpoints, in {lives} lives: \
         {acknowledged} acknowledged requests, and {unacknowledged} others that took effect"
    );
    assert!(acknowledged > 0, "some requests were acknowledged");
    assert!(wanted < 40 || at_failpoint.iter().all(|kills| *kills > 0), "each failpoint has killed");
}

fn start(folder: &Path, point: &str, countdown: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--victim", folder.to_str().unwrap(), point, &countdown.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Checks all partitions against the acknowledged requests, and returns the number of requests that
/// have taken effect without being acknowledged.
async fn check(folder: &Path, acknowledged: &BTreeMap<(u8, u32), Entry>) -> usize {
    let store = SqliteStore::open(folder, &config()).unwrap();
    let mut found = BTreeMap::new();
    for number in 0..PARTITIONS {
        let name = partition(number);
        let rows = store.read(&name, |snapshot| {
            let all = |range| snapshot.scan(&range, ScanLimit::rows(usize::MAX));
            let (first, second) = (all(KeyRange::prefix(*b"a"))?, all(KeyRange::prefix(*b"b"))?);
            Ok::<_, StoreError>((snapshot.get(b"counter")?, first.rows, second.rows, snapshot.due()?))
        });
        let (counter, first, second, due) = rows.await.unwrap();
        let counter = counter.map_or(0, |counter| u32::from_be_bytes(counter.try_into().unwrap()));
        assert_eq!(first.len(), usize::try_from(counter).unwrap(), "no entry is missing");
        assert_eq!(due, (counter > 0).then_some(counter.into()));
        // The second rows of the latest requests only are kept.
        assert_eq!(second.len(), first.len().min(victim::KEPT), "a request deletes and writes together");
        for (number_of_row, row) in (1..).zip(&first) {
            let entry = Entry::decode(&row.value);
            assert_eq!((entry.partition, entry.number), (number, number_of_row));
            assert_eq!(row.key, victim::key(b"a", number_of_row));
            found.insert((number, number_of_row), entry);
        }
        for (row, first) in second.iter().rev().zip(first.iter().rev()) {
            assert_eq!(row.key[1..], first.key[1..]);
            assert_eq!(row.value[..Entry::LENGTH], first.value, "both rows are of the same request");
        }
    }
    for (key, entry) in acknowledged {
        assert_eq!(found.get(key), Some(entry), "an acknowledged request is missing");
    }
    found.len() - acknowledged.len()
}
