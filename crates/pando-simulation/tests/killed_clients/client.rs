//! A client, which does what its user wants until it is killed.

use pando_api::{Authority, ClaimTarget, ClientId, UserId};
use pando_client::{
    DeliveryClient, Engine, EngineError, EngineSettings, Event, EventId, HttpSettings, HttpTransport, Next,
    OperationId, mls_client,
};
use pando_mls::GroupId;
use pando_simulation::{Certificates, SUITE, SimClock, domain, policy};
use pando_store::{Key, Sqlite, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The variables of the environment of a client.
pub(crate) const FOLDER: &str = "PANDO_KILLED_FOLDER";
pub(crate) const ADDRESS: &str = "PANDO_KILLED_ADDRESS";
pub(crate) const LIFE: &str = "PANDO_KILLED_LIFE";
/// Whether the user wants nothing any more, so that the client ends when it has nothing to do.
pub(crate) const LAST: &str = "PANDO_KILLED_LAST";

/// The key of the stores.
pub(crate) fn key() -> Key {
    Key::bytes(&[7; 32]).unwrap()
}

/// Returns the path of the store of a client.
pub(crate) fn path(folder: &std::path::Path, client: &ClientId) -> PathBuf {
    folder.join(format!("{}-{}", client.user().name(), client.device()))
}

/// Tells the parent something.
fn tell(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}

/// Tells the parent something, and waits until the parent has it.
fn ask(text: &str) {
    tell(text);
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer).unwrap() == 0 {
        // The parent is gone.
        std::process::exit(0);
    }
}

pub(crate) fn run(name: &str) {
    let variable = |name: &str| std::env::var(name).unwrap();
    let client: ClientId = name.parse().unwrap();
    let (folder, address): (PathBuf, SocketAddr) =
        (variable(FOLDER).into(), variable(ADDRESS).parse().unwrap());
    let (life, is_last): (u64, bool) = (variable(LIFE).parse().unwrap(), std::env::var(LAST).is_ok());
    let certificates = Certificates::issue().unwrap();
    let certified = certificates.get(&client, 1).unwrap();
    let store = Store::new(Sqlite::open(path(&folder, &client)).unwrap(), &key()).unwrap();
    let mut settings = EngineSettings::new(SUITE);
    (settings.read_wait, settings.read_interval) = (0, 20);
    (settings.min_key_packages, settings.key_packages) = (4, 8);
    settings.commit_delay = 50;
    settings.lock_wait = Duration::from_secs(20);
    let seed = life * 1_000 + name.len() as u64;
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let identity = (mls_client(certificates.identities().unwrap()), &certified.credential);
    let clock = RealClock(SimClock::new(), std::time::Instant::now(), life);
    let mut engine =
        Engine::open(store, identity, domain().unwrap(), (clock.clone(), rng.clone()), settings).unwrap();
    let roots = std::fs::read(folder.join("server.pem")).unwrap();
    let mut http = HttpSettings::default();
    http.addresses = vec![("example.org".parse().unwrap(), address)];
    let transport = HttpTransport::new(&roots, &http).unwrap();
    let device = pando_client::Device {
        cipher_suite: SUITE,
        credential: certified.credential.clone(),
        signer: certified.signer.clone(),
    };
    let authority = Authority::new(domain().unwrap(), address.port()).unwrap();
    let api = DeliveryClient::new(authority, device, transport, clock, rng.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut idle = 0;
    loop {
        let mut calls = 0;
        while let Next::Call(call) = engine.next_call().unwrap() {
            let result = runtime.block_on(api.call(&call.operation));
            engine.complete(call.id, result).unwrap();
            calls += 1;
            if calls > 20 {
                break;
            }
        }
        for event in engine.events(EventId(0), 100).unwrap() {
            let group = event.group_id.as_ref().map(ToString::to_string).unwrap_or_default();
            ask(&format!("event {} {group} {}", event.id.0, text(&event.event)));
            engine.acknowledge_events(event.id).unwrap();
        }
        if is_last {
            idle = if engine.is_busy() { 0 } else { idle + 1 };
            if idle > 60 {
                break;
            }
        } else {
            act(&mut engine, &client, &mut rng);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    for group_id in engine.groups() {
        let code = engine.epoch_code(&group_id).unwrap().unwrap();
        let read = engine.read_until(&group_id).unwrap();
        ask(&format!("state {group_id} {read} {}", code.replace(' ', "-")));
    }
}

/// Returns an event in one line.
fn text(event: &Event) -> String {
    match event {
        Event::OperationDone(id) => format!("ended {}", id.0),
        Event::OperationFailed { operation, .. } | Event::OperationSuperseded { operation, .. } => {
            format!("ended {}", operation.0)
        }
        Event::MessageSent { message, seq } => format!("sent {message} {seq}"),
        Event::MessageFailed { message, .. } => format!("failed {message}"),
        Event::Message(message) => format!("received {} {}", message.id.unwrap(), message.seq),
        Event::Joined { .. } => "joined".to_owned(),
        Event::EpochBegan { .. }
        | Event::Added { .. }
        | Event::Removed { .. }
        | Event::ExtensionsChanged
        | Event::GroupFound { .. }
        // The client was removed before it has joined, so it may not read the tree any more.
        | Event::WelcomeRefused { .. }
        | Event::RemovedUs
        | Event::IdentityChanged { .. } => "change".to_owned(),
        other => format!("alarm {}", format!("{other:?}").replace('\n', " ")),
    }
}

/// Does what the user wants.
fn act(engine: &mut Engine<Sqlite>, own: &ClientId, rng: &mut ChaCha20Rng) {
    let started = |engine: &mut Engine<Sqlite>, result: Result<OperationId, EngineError>| match result {
        Ok(operation) => tell(&format!("operation {}", operation.0)),
        Err(EngineError::NotAMember(_) | EngineError::InGroup(_)) => {}
        Err(error) => panic!("{} {error}", engine.own()),
    };
    let group: Option<GroupId> = engine.groups().into_iter().next();
    let choice = rng.next_u32() % 100;
    let Some(group_id) = group else {
        if own.to_string() == super::CLIENTS[0]
            && engine.events(EventId(0), 1).unwrap().is_empty()
            && choice < 10
        {
            if engine.is_busy() {
                return;
            }
            let users: Vec<UserId> =
                ["alice@example.org", "bob@example.org"].iter().map(|user| user.parse().unwrap()).collect();
            let created = engine.create_group(policy(vec![own.user()]), users);
            started(engine, created.map(|(_, operation)| operation));
        }
        return;
    };
    match choice {
        0..=24 => match engine.send(&group_id, "text/plain", &choice.to_be_bytes(), 0) {
            Ok(id) => tell(&format!("message {id}")),
            Err(EngineError::NotAMember(_)) => {}
            Err(error) => panic!("{error}"),
        },
        25..=28 => {
            let result = engine.update(&group_id);
            started(engine, result);
        }
        29..=31 => {
            let target: ClientId = super::CLIENTS[(rng.next_u32() % 3) as usize].parse().unwrap();
            let result = engine.add(&group_id, [ClaimTarget::Client(target)]);
            started(engine, result);
        }
        32 if own.to_string() == super::CLIENTS[0] => {
            let result = engine.remove(&group_id, [ClaimTarget::Client(super::CLIENTS[2].parse().unwrap())]);
            started(engine, result);
        }
        _ => {}
    }
}

/// A clock that runs, from a time that is later in each life.
#[derive(Clone)]
struct RealClock(SimClock, std::time::Instant, u64);

impl pando_client::Clock for RealClock {
    fn now(&self) -> u64 {
        // The time of the server stands still. The client's stays near it.
        let elapsed = u64::try_from(self.1.elapsed().as_millis()).unwrap();
        self.0.time() + self.2 + elapsed.min(200_000)
    }
}
