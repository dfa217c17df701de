//! Recorded requests that are repeated or reordered (docs/protocol.md, section 6.2: a replayed
//! request does nothing).

use crate::clients::{NOW, group_id};
use crate::outcome::{Outcome, outcome};
use crate::recorder::Exchange;
use crate::requests::MEDIA_TYPE;
use crate::server::Server;
use crate::story::successor_id;
use pando_api::{LogCursor, LogId, ProblemCode};
use pando_delivery::group::Caller;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// The answer to a request that is repeated after the script.
#[derive(Debug, PartialEq, Eq)]
enum Repeated {
    /// The first answer, byte by byte.
    Same,
    /// An answer with the first status. The contents may have changed.
    Again,
    /// A refusal.
    Refused(ProblemCode),
}

fn expected(exchange: &Exchange) -> Repeated {
    let client = exchange.draft.session.as_ref().map(|session| session.caller.client.as_str());
    match exchange.operation.as_str() {
        // The state, the list, the inbox and the pool have changed since.
        "GET /groups/{group}/info" | "GET /groups/{group}/log" | "GET /groups/{group}/reports" => {
            Repeated::Again
        }
        "GET /groups" | "GET /inbox" | "GET /key-packages" | "POST /sessions/challenges" => Repeated::Again,
        "POST /sessions" => Repeated::Refused(ProblemCode::LoginRefused),
        // The client is no longer a member.
        "GET /groups/{group}/trees/{hash}" if client == Some("carol@example.org/phone") => {
            Repeated::Refused(ProblemCode::NotFound)
        }
        "POST /groups/{group}/removals" => Repeated::Refused(ProblemCode::NotFound),
        _ => Repeated::Same,
    }
}

#[tokio::test]
async fn a_replayed_request_does_nothing() {
    let Outcome { clients, server, exchanges, .. } = outcome().await;
    let server = server.fork(clients).await;
    let before = server.dump();
    for exchange in exchanges {
        let answer = server.send(&exchange.wire).await;
        let first = &exchange.answer;
        match expected(exchange) {
            Repeated::Same => {
                assert_eq!((answer.status, &answer.body), (first.status, &first.body), "{exchange:?}");
            }
            Repeated::Again => assert_eq!(answer.status, first.status, "{exchange:?}"),
            Repeated::Refused(code) => assert_eq!(answer.code(), code, "{exchange:?}"),
        }
    }
    assert_eq!(server.store().changes(), 0);
    assert!(server.dump() == before);
}

/// A server that gets the requests in their order gives the recorded answers.
#[tokio::test]
async fn the_recording_is_repeated_on_a_new_server() {
    let Outcome { clients, exchanges, .. } = outcome().await;
    let server = Server::start(clients);
    for exchange in exchanges {
        let answer = server.send(&exchange.wire).await;
        assert_eq!(answer.status, exchange.answer.status, "{exchange:?}: {answer}");
        if exchange.operation != "POST /sessions/challenges" {
            assert!(answer.body == exchange.answer.body, "{exchange:?}");
        }
        server.run_due().await;
    }
    assert_eq!(check_logs(&server).await, 3);
}

/// An extension below 0x8000 that the server does not know is ignored (section 1).
#[tokio::test]
async fn unknown_extensions_are_ignored() {
    let Outcome { clients, exchanges, .. } = outcome().await;
    let (server, mut extended) = (Server::start(clients), 0);
    for exchange in exchanges {
        let mut draft = exchange.draft.clone();
        if draft.content_type.as_deref() == Some(MEDIA_TYPE) {
            assert_eq!(draft.body.pop(), Some(0));
            draft.body.extend_from_slice(b"\x08\0\x07\x01a\x7f\xff\x01b");
            extended += 1;
        }
        let answer = server.send(&draft.sign()).await;
        assert_eq!(answer.status, exchange.answer.status, "{exchange:?}: {answer}");
        server.run_due().await;
    }
    assert!(extended >= 20, "{extended}");
    assert_eq!(check_logs(&server).await, 3);
}

#[tokio::test]
async fn reordered_requests_leave_whole_logs() {
    let Outcome { clients, exchanges, .. } = outcome().await;
    let mut logs = 0;
    for seed in 0..6 {
        let server = Server::start(clients);
        let mut order: Vec<_> = (0..exchanges.len()).collect();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        match seed {
            0 => order.reverse(),
            // Neighbours change their places, so that many requests still succeed.
            1..=3 => {
                for at in 1..order.len() {
                    if rng.next_u32() % 3 == 0 {
                        order.swap(at - 1, at);
                    }
                }
            }
            _ => {
                for at in (1..order.len()).rev() {
                    order.swap(at, rng.next_u32() as usize % (at + 1));
                }
            }
        }
        for at in order {
            let exchange = &exchanges[at];
            // A reader of the newest entries would wait.
            if exchange.draft.target.ends_with("wait=60") {
                continue;
            }
            let before = server.store().changes();
            let answer = server.send(&exchange.wire).await;
            assert!(answer.status < 500, "{exchange:?}: {answer}");
            if answer.status >= 400 {
                assert_eq!(server.store().changes(), before, "{exchange:?}: {answer}");
            }
            server.run_due().await;
        }
        logs += check_logs(&server).await;
    }
    assert!(logs >= 12, "{logs} logs");
}

/// Checks that the logs that Alice may read have no gaps, and that their entries form a signed
/// chain. Returns the number of logs.
async fn check_logs(server: &Server) -> usize {
    let alice = Caller { client: "alice@example.org/laptop".parse().unwrap(), version: 1 };
    let mut logs = 0;
    for group_id in [group_id(), "a second group of 16 bytes".into(), successor_id()] {
        let Ok(page) = server.service.read_log(&alice, &group_id, (0, 1 << 20)).await else { continue };
        let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=page.head.head.seq).collect::<Vec<_>>());
        assert!(page.entries.iter().all(|entry| entry.time == NOW));
        let log = LogId { domain: "example.org".parse().unwrap(), group_id };
        let cursor = LogCursor::before(log, 1).advance(&page, &server.keys).unwrap();
        assert_eq!(cursor.seq(), page.head.head.seq);
        logs += 1;
    }
    logs
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.operation, self.draft.target, self.answer.status)
    }
}
