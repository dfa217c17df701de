//! A server is killed repeatedly under load. Nothing that it has acknowledged is lost: every
//! receipt stays true, the log has no gap, each Welcome exists exactly if its Commit has won, no
//! KeyPackage is served twice, and the group goes on.
//!
//! The clients are real members in this process. They send a request with an unknown outcome again,
//! unchanged, to the next life of the server. In half of the lives, the server ends itself at a
//! failpoint of the store, that is, before or after any transaction. In the other half, it is
//! killed from outside at an arbitrary time. `PANDO_KILLS` sets the number of kills, which is 12 by
//! default:
//!
//! ```sh
//! PANDO_KILLS=200 cargo test --release -p pando-delivery --test killed_service
//! ```

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[allow(dead_code, reason = "each program of tests uses a part of them")]
#[path = "../support/clients.rs"]
mod clients;
mod pipe;
mod server;
mod story;

use pando_delivery::store::FAILPOINTS;
use std::sync::Arc;
use std::time::Duration;
use std::{env, thread};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--server") => server::live(&arguments[1], &arguments[2], &arguments[3]),
        // Ignore filters that are meant for other tests.
        Some(filter) if !filter.starts_with('-') && !"killed_service".contains(filter) => {}
        Some("--list") => println!("killed_service: test"),
        _ => kill_and_check(),
    }
}

fn kill_and_check() {
    let wanted: u32 = env::var("PANDO_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let mut random = Random(u64::from(wanted));
    let mut story = story::Story::new();
    let mut kills = 0;
    while kills < wanted {
        let from_outside = random.below(2) == 0;
        let point = if from_outside { "" } else { FAILPOINTS[usize::try_from(random.below(5)).unwrap()] };
        let server = Arc::new(pipe::Server::start(folder.path(), point, 1 + random.below(150)));
        let child = server.child();
        let killer = from_outside.then(|| {
            let delay = Duration::from_millis(50 + random.below(500));
            thread::spawn(move || {
                thread::sleep(delay);
                child.lock().unwrap().kill().unwrap();
            })
        });
        runtime.block_on(story.live(&server));
        // A server that outlives the story is killed between two requests.
        server.child().lock().unwrap().kill().unwrap();
        killer.into_iter().for_each(|killer| killer.join().unwrap());
        server.wait(point);
        kills += 1;
    }
    let server = Arc::new(pipe::Server::start(folder.path(), "", 0));
    runtime.block_on(story.end(&server));
    println!("{kills} kills: {}", story.summary());
}

/// Knuth's generator, which is sufficiently random.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ (self.0 >> 33)) % limit
    }
}
