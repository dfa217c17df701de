//! Refusals by the server, and requests that are not sent (docs/protocol.md, sections 1 and 4).

use crate::clients::{Clients, group_id};
use crate::server::Server;
use crate::world::{EXPIRES, World};
use pando_api::{CreateGroup, Problem, ProblemCode, Reset};
use pando_client::{CallError, Operation, TooLarge};
use pando_delivery::http::BodyLimits;
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_refusal_is_the_problem_document_of_the_server() {
    let mut world = World::new().await;
    let mut alice = world.member("alice@example.org/laptop", 1);
    let unknown = alice.api.read_state(group_id()).await.unwrap_err();
    assert_eq!(unknown.code(), Some(ProblemCode::NotFound));
    let CallError::Problem(refusal) = &unknown else { panic!("{unknown:?}") };
    assert_eq!((refusal.problem.status, refusal.is_retryable(), refusal.retry_after), (404, false, None));
    assert!(!unknown.may_have_taken_effect());
    world.create(&mut alice).await;
    // Two Commits race for an epoch.
    let first = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    world.clients.clear(&mut alice.device);
    let second = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    let receipt = alice.api.submit_commit(group_id(), first.clone()).await.unwrap();
    let lost = alice.api.submit_commit(group_id(), second).await.unwrap_err();
    let CallError::Problem(refusal) = &lost else { panic!("{lost:?}") };
    let winner = refusal.problem.winner.as_ref().unwrap();
    assert_eq!((refusal.problem.epoch, winner.seq, winner.digest), (Some(1), 2, receipt.digest));
    assert_eq!(alice.api.submit_commit(group_id(), first).await, Ok(receipt), "a repetition");
    let group_info = alice.api.read_state(group_id()).await.unwrap().group_info;
    let reset = Reset { last_good_epoch: 9, successor: CreateGroup { group_info, first_commit: None } };
    let future = alice.api.reset_group(group_id(), reset).await.unwrap_err();
    assert_eq!(future.code(), Some(ProblemCode::FutureEpoch));
}

#[tokio::test]
async fn a_retryable_refusal_says_when() {
    let clients = Clients::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // There is no memory for bodies, except for those of logins.
    let mut limits = BodyLimits::default();
    limits.all = 4 << 10;
    let server = Server::start_at(&clients, listener, port, limits);
    let mut world = World { clients, server };
    let alice = world.member("alice@example.org/laptop", 1);
    let refused = alice.api.store_blob(vec![7; 9_000].into(), EXPIRES).await.unwrap_err();
    let CallError::Problem(refusal) = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.problem.known_code(), Some(ProblemCode::Overloaded));
    assert_eq!((refusal.is_retryable(), refusal.retry_after), (true, Some(Duration::from_secs(1))));
    assert_eq!(world.server.requests.count("PUT"), 1, "the caller decides when to repeat");
    let text = Problem::new(ProblemCode::Overloaded, "there are too many large requests").to_string();
    assert_eq!(refused.to_string(), text);
}

#[tokio::test]
async fn a_request_above_the_limit_of_the_server_is_not_sent() {
    let clients = Clients::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut limits = BodyLimits::default();
    limits.blob = 1_000;
    let server = Server::start_at(&clients, listener, port, limits);
    let mut world = World { clients, server };
    let alice = world.member("alice@example.org/laptop", 1);
    assert!(alice.api.store_blob(vec![7; 1_000].into(), EXPIRES).await.is_ok());
    let refused = alice.api.store_blob(vec![7; 1_001].into(), EXPIRES).await.unwrap_err();
    assert_eq!(refused, TooLarge::Request { bytes: 1_001, limit: 1_000 }.into());
    assert!(!refused.may_have_taken_effect());
    assert_eq!(world.server.requests.count("PUT"), 1);
}

#[tokio::test]
async fn an_operation_that_cannot_be_encoded_is_not_sent() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    let short = Operation::ReadState("short".into());
    let error = alice.api.call(&short).await.unwrap_err();
    assert!(matches!(error, CallError::Unencodable(_)) && !error.may_have_taken_effect(), "{error}");
    assert!(world.server.requests.all().is_empty());
}
