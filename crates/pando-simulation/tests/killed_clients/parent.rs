//! The parent, which kills clients and checks what they have told it.

use crate::client::{ADDRESS, FOLDER, LAST, LIFE, key, path};
use crate::server::Server;
use crate::{CLIENT, CLIENTS};
use pando_api::ClientId;
use pando_mls::{CryptoProvider, RustCrypto};
use pando_simulation::{Certificates, SUITE, SimClock};
use pando_store::{Sqlite, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a client has told its parent.
#[derive(Default)]
struct Told {
    operations: BTreeSet<u64>,
    messages: BTreeSet<String>,
    /// The events by their numbers.
    events: BTreeMap<u64, String>,
    /// The last state of each group: how far the log was read, and the epoch code.
    states: BTreeMap<String, String>,
    /// What is wrong.
    wrong: Vec<String>,
}

impl Told {
    fn take(&mut self, line: &str) {
        let (kind, rest) = line.split_once(' ').unwrap();
        match kind {
            "operation" => drop(self.operations.insert(rest.parse().unwrap())),
            "message" => drop(self.messages.insert(rest.to_owned())),
            "event" => {
                let (number, text) = rest.split_once(' ').unwrap();
                let number = number.parse().unwrap();
                let known = self.events.insert(number, text.to_owned());
                if known.is_some_and(|known| known != text) {
                    self.wrong.push(format!("event {number} came again as {text}"));
                }
                if text.contains("alarm") {
                    self.wrong.push(text.to_owned());
                }
            }
            "state" => {
                let (group, state) = rest.split_once(' ').unwrap();
                self.states.insert(group.to_owned(), state.to_owned());
            }
            _ => self.wrong.push(line.to_owned()),
        }
    }

    /// Returns the group and the other words of the events of a kind.
    fn events<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, Vec<&'a str>)> {
        self.events.values().filter_map(move |text| {
            let (group, text) = text.split_once(' ')?;
            let mut words = text.split(' ');
            (words.next() == Some(kind)).then(|| (group, words.collect()))
        })
    }
}

/// A client that runs.
struct Running {
    child: Child,
    reader: JoinHandle<()>,
}

impl Running {
    fn start(
        name: &str,
        folder: &Path,
        server: &Server,
        life: u64,
        is_last: bool,
        told: &Arc<Mutex<Told>>,
    ) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(CLIENT, name).env(FOLDER, folder).env(ADDRESS, server.address.to_string());
        command.env(LIFE, life.to_string());
        if is_last {
            command.env(LAST, "1");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let told = Arc::clone(told);
        let reader = std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = String::new();
                // A line that the kill has cut off was not told.
                if output.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
                    return;
                }
                let is_question = line.starts_with("event") || line.starts_with("state");
                told.lock().unwrap().take(line.trim_end());
                if is_question && input.write_all(b"ok\n").is_err() {
                    return;
                }
            }
        });
        Self { child, reader }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap();
    }

    fn wait(mut self) {
        let end = Instant::now() + Duration::from_secs(300);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "a client does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(self.child.wait().unwrap().success());
        self.reader.join().unwrap();
    }
}

pub(crate) fn run(kills: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (folder, clock) = (TempDir::new().unwrap(), SimClock::new());
    let certificates = Certificates::issue().unwrap();
    let server = runtime.block_on(Server::start(&certificates, &clock));
    std::fs::write(folder.path().join("server.pem"), &server.certificate).unwrap();
    for name in CLIENTS {
        let client: ClientId = name.parse().unwrap();
        let certified = certificates.get(&client, 1).unwrap();
        let backend = Sqlite::open(path(folder.path(), &client)).unwrap();
        let mut store = Store::new(backend, &key()).unwrap();
        let mut transaction = store.begin().unwrap();
        let suite = RustCrypto.suite(SUITE).unwrap();
        transaction.put_signer(suite, &certified.private_key, &certified.credential).unwrap();
        transaction.commit().unwrap();
    }
    let told: Vec<Arc<Mutex<Told>>> = CLIENTS.iter().map(|_| Arc::default()).collect();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut life = 0;
    let mut start = |index: usize, is_last: bool| {
        life += 1;
        Running::start(CLIENTS[index], folder.path(), &server, life, is_last, &told[index])
    };
    let mut running: Vec<Running> = (0..CLIENTS.len()).map(|index| start(index, false)).collect();
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(u64::from(rng.next_u32() % 700)));
        let index = (rng.next_u32() % 3) as usize;
        let new = start(index, false);
        std::mem::replace(&mut running[index], new).kill();
    }
    running.into_iter().for_each(Running::kill);
    let last: Vec<Running> = (0..CLIENTS.len()).map(|index| start(index, true)).collect();
    last.into_iter().for_each(Running::wait);
    check(&told, kills);
}

fn check(told: &[Arc<Mutex<Told>>], kills: u32) {
    let told: Vec<_> = told.iter().map(|told| told.lock().unwrap()).collect();
    let (mut operations, mut messages) = (0, 0);
    let mut sent = BTreeMap::new();
    for (client, told) in CLIENTS.iter().zip(&told) {
        assert!(told.wrong.is_empty(), "{client}: {:?}", told.wrong);
        for operation in &told.operations {
            let ends = told.events("ended").filter(|(_, words)| words[0] == operation.to_string()).count();
            assert_eq!(ends, 1, "{client}: operation {operation}");
        }
        for message in &told.messages {
            let ends = told.events("sent").chain(told.events("failed"));
            assert_eq!(ends.filter(|(_, words)| words[0] == message).count(), 1, "{client}: {message}");
        }
        for (group, words) in told.events("sent") {
            let is_new = sent.insert((group.to_owned(), words[1].to_owned()), words[0].to_owned()).is_none();
            assert!(is_new, "{client}: two messages at {}", words[1]);
        }
        operations += told.operations.len();
        messages += told.messages.len();
    }
    let mut received = 0;
    for (client, told) in CLIENTS.iter().zip(&told) {
        let mut seen = BTreeSet::new();
        for (group, words) in told.events("received") {
            assert!(seen.insert(words[0].to_owned()), "{client} has received {} twice", words[0]);
            let place = (group.to_owned(), words[1].to_owned());
            assert_eq!(sent.get(&place).map(String::as_str), Some(words[0]), "{client}: {place:?}");
            received += 1;
        }
    }
    // Every client that is a member at the end is in the same state, and has read the whole log.
    let mut states = BTreeMap::<&str, BTreeSet<&str>>::new();
    for told in &told {
        for (group, state) in &told.states {
            states.entry(group).or_default().insert(state);
        }
    }
    assert!(!states.is_empty());
    for (group, states) in states {
        assert_eq!(states.len(), 1, "{group}: {states:?}");
    }
    // The creator is never removed, so it has received or sent everything.
    let creator: BTreeSet<_> = told[0]
        .events("received")
        .chain(told[0].events("sent"))
        .map(|(group, words)| (group.to_owned(), words[1].to_owned()))
        .collect();
    for place in sent.keys() {
        assert!(creator.contains(place), "{} has not received {place:?}", CLIENTS[0]);
    }
    println!("{kills} kills: {operations} operations, {messages} messages, {received} received");
}
