//! The process that is killed.

use crate::clients::{Clients, NOW, group_id};
use crate::pipe::{Kind, Request, read_frame, write_frame};
use pando_api::{DeviceIdentities, ServerKey, ServerPublicKey};
use pando_delivery::Refusal;
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::{SqliteConfig, SqliteStore};
use pando_mls::RustCrypto;
use std::fmt::Debug;
use std::io::stdout;
use std::path::Path;
use std::process::abort;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tls_codec::{DeserializeBytes, Serialize};
use zeroize::Zeroizing;

/// The key that signs heads.
pub(crate) fn server_key() -> ServerKey {
    ServerKey::from_secret(&Zeroizing::new([9; 32]))
}

/// Answers the requests on the standard input until the process is killed.
pub(crate) fn live(folder: &str, point: &str, countdown: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // The same seed gives the same authority and the same keys in each life.
    let clients = Clients::new();
    let anchor = [(clients.domain.clone(), &clients.anchor)];
    let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchor).unwrap());
    let no_keys: [ServerPublicKey; 0] = [];
    let removers = vec![clients.remover()];
    let mut settings = Settings::new(clients.domain.clone(), (server_key(), no_keys), removers, identities);
    // Commits are written in parts, between which the process may be killed.
    settings.changes_at_once = 8;
    let mut config = SqliteConfig::default().with_shards(2);
    (config.checkpoint_bytes, config.log_bytes) = (256 << 10, 4 << 20);
    let store = SqliteStore::open(Path::new(folder).join("store"), &config).unwrap();
    let service = Service::new(store, settings);
    if !point.is_empty() {
        die_at(point, countdown.parse().unwrap());
    }
    let output = Arc::new(Mutex::new(stdout()));
    let mut input = std::io::stdin().lock();
    while let Some((number, bytes)) = read_frame(&mut input) {
        let (service, output) = (service.clone(), Arc::clone(&output));
        runtime.spawn(async move {
            let answer = match answer(&service, Request::decode(&bytes)).await {
                Ok(body) => [&[1], body.as_slice()].concat(),
                Err(refusal) => [&[0], refusal.problem().to_json().as_slice()].concat(),
            };
            // The reader may have ended.
            let _ = write_frame(&mut *output.lock().unwrap(), number, &answer);
        });
    }
}

async fn answer(service: &Service<SqliteStore>, request: Request) -> Result<Vec<u8>, Refusal> {
    let Request { caller, kind, body } = request;
    let group = &group_id();
    let number = || u64::from_be_bytes(body[..8].try_into().unwrap());
    Ok(match kind {
        Kind::Create => encode(&service.create_group(&caller, decode(&body), NOW).await?),
        Kind::Commit => encode(&service.submit_commit(&caller, group, decode(&body), NOW).await?),
        Kind::Message => encode(&service.submit_message(&caller, group, decode(&body), NOW).await?),
        Kind::Log => encode(&service.read_log(&caller, group, (number(), 1 << 20)).await?),
        Kind::Inbox => encode(&service.read_inbox(&caller, (0, 1 << 20), NOW).await?),
        Kind::Tree => service.tree(&caller, group, &body).await?.to_vec(),
        Kind::Upload => {
            service.upload_key_packages(&caller, decode(&body), NOW).await?;
            Vec::new()
        }
        Kind::Claim => encode(&service.claim_key_packages(&caller, decode(&body), NOW).await?),
        Kind::Due => {
            service.run_due(NOW).await?;
            Vec::new()
        }
    })
}

pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    value.tls_serialize_detached().unwrap()
}

pub(crate) fn decode<T: DeserializeBytes + Debug>(bytes: &[u8]) -> T {
    T::tls_deserialize_exact_bytes(bytes).unwrap()
}

/// Ends the process when it passes a failpoint for the `countdown`-th time.
fn die_at(point: &str, countdown: u64) {
    let left = AtomicU64::new(countdown);
    fail::cfg_callback(point, move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            abort();
        }
    })
    .unwrap();
}
