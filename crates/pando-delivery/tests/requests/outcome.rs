//! The recording and the numbers of altered requests, which several tests share.

use crate::clients::Clients;
use crate::recorder::{Altered, Exchange, Valid};
use crate::server::{Codes, Server};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::OnceCell;

/// The result of the script with all alterations of its requests.
pub(crate) struct Outcome {
    pub(crate) clients: Clients,
    pub(crate) server: Arc<Server>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) altered: BTreeMap<String, Altered>,
    pub(crate) valid: Valid,
    pub(crate) codes: Codes,
}

static OUTCOME: OnceCell<Outcome> = OnceCell::const_new();

/// Whether the script has begun.
static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// Runs the script once, and returns its result.
pub(crate) async fn outcome() -> &'static Outcome {
    let run = async || {
        // Otherwise, each test would repeat the failure.
        assert!(!HAS_BEGUN.swap(true, Ordering::SeqCst), "the recording has failed in another test");
        let mut world = World::new(true);
        world.tell().await;
        let World { clients, recorder, .. } = world;
        let codes = recorder.server.codes.lock().unwrap().clone();
        Outcome {
            clients,
            server: recorder.server,
            exchanges: recorder.exchanges,
            altered: recorder.altered,
            valid: recorder.valid,
            codes,
        }
    };
    OUTCOME.get_or_init(run).await
}
