//! The renewal of sessions, with clocks that jump (docs/protocol.md, sections 4 and 6).

use crate::altered::Altered;
use crate::clients::group_id;
use crate::world::World;
use futures_util::future::join_all;
use http::StatusCode;
use pando_api::{Problem, ProblemCode};
use pando_client::{BadAnswer, CallError, TransportError};

#[tokio::test]
async fn a_session_is_renewed_before_it_expires() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    for (seconds, logins) in [(0, 1), (539, 1), (540, 2), (1_079, 2), (1_080, 3)] {
        world.server.clock.set(seconds);
        alice.clock.set(seconds);
        alice.api.list_groups().await.unwrap();
        assert_eq!(world.server.requests.logins(), logins, "{seconds}");
    }
    assert_eq!(world.server.requests.count("GET /v1/groups"), 5, "no token has expired");
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_for_all_operations() {
    let mut world = World::new().await;
    let mut alice = world.member("alice@example.org/laptop", 1);
    world.create(&mut alice).await;
    // The clock of the server is ahead of that of the client.
    world.server.clock.set(600);
    alice.clock.set(500);
    let message = world.clients.encrypt(&mut alice.device, "at five?");
    let receipt = alice.api.submit_message(group_id(), message.clone().into()).await.unwrap();
    let requests = &world.server.requests;
    let path = "POST /v1/groups/YSBncm91cCBvZiAxNiBieXRlcw/messages";
    assert_eq!((requests.logins(), requests.count(path)), (2, 2), "one was refused");
    assert_eq!(receipt.head.head.seq, 2, "the message was accepted once");
    world.server.clock.set(1_200);
    alice.clock.set(1_000);
    let results = join_all((0..8).map(|_| alice.api.list_groups())).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((requests.logins(), requests.count("GET /v1/groups ")), (3, 0));
}

/// The server refuses the new token, too. The request is sent twice, and not more often.
#[tokio::test]
async fn a_renewal_is_not_repeated() {
    let mut world = World::new().await;
    let answers = Altered::new(world.server.transport());
    let alice = world.member_over("alice@example.org/laptop", 1, answers.clone());
    answers.alter_response("/v1/groups", |response| {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        *response.body_mut() = Problem::new(ProblemCode::TokenExpired, "").to_json().into();
        response.headers_mut().insert("content-type", "application/problem+json".parse().unwrap());
    });
    let refused = alice.api.list_groups().await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::TokenExpired));
    let requests = &world.server.requests;
    assert_eq!((requests.logins(), requests.count("GET /v1/groups")), (2, 2));
}

/// The clock of a client may be wrong. Reads do not depend on it.
#[tokio::test]
async fn a_client_with_a_wrong_clock_reads() {
    let mut world = World::new().await;
    for (version, seconds) in [(1, 3_600), (2, 86_400)] {
        let alice = world.member("alice@example.org/laptop", version);
        alice.clock.set(seconds);
        let before = world.server.requests.logins();
        for _ in 0..3 {
            alice.api.list_groups().await.unwrap();
        }
        assert_eq!(world.server.requests.logins(), before + 1);
        let refused = alice.api.acknowledge(group_id(), 1).await.unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::BadRequestSignature));
    }
}

/// A server that cannot be reached for a renewal does not end a session that is valid.
#[tokio::test]
async fn a_valid_token_is_used_if_the_renewal_fails() {
    let mut world = World::new().await;
    let answers = Altered::new(world.server.transport());
    let alice = world.member_over("alice@example.org/laptop", 1, answers.clone());
    alice.api.list_groups().await.unwrap();
    answers.alter("/v1/sessions", |_| Err(TransportError::NotSent("no route".to_owned())));
    for (seconds, is_valid) in [(539, true), (541, true), (599, true), (600, false)] {
        alice.clock.set(seconds);
        let result = alice.api.list_groups().await;
        let failure = CallError::Login(TransportError::NotSent("no route".to_owned()).into());
        assert_eq!(result.map(drop), if is_valid { Ok(()) } else { Err(failure) }, "{seconds}");
    }
    answers.stop();
    assert!(alice.api.list_groups().await.is_ok());
}

/// A new key of the server, or a new key of its tokens, is noticed at the next operation.
#[tokio::test]
async fn unknown_keys_and_tokens_lead_to_a_new_login() {
    let mut world = World::new().await;
    let answers = Altered::new(world.server.transport());
    let mut alice = world.member_over("alice@example.org/laptop", 1, answers.clone());
    // The description of the first login does not have the key that signs heads.
    answers.alter_body("/.well-known/pando", |json| {
        let mut description: serde_json::Value = serde_json::from_slice(json).unwrap();
        description["keys"] = serde_json::json!(["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]);
        description.to_string().into_bytes()
    });
    let extensions = world.clients.extensions(&crate::clients::policy());
    let group_info = world.clients.build_group(&mut alice.device, extensions).into();
    let request = pando_api::CreateGroup { group_info, first_commit: None };
    let unknown = alice.api.create_group(request.clone()).await.unwrap_err();
    assert!(matches!(unknown, CallError::BadAnswer(BadAnswer::Receipt(_))), "{unknown:?}");
    answers.stop();
    assert!(alice.api.create_group(request).await.is_ok(), "the same request again");
    assert_eq!(world.server.requests.logins(), 2);
    answers.alter_response("/v1/groups", |response| {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        *response.body_mut() = Problem::new(ProblemCode::Unauthenticated, "").to_json().into();
        response.headers_mut().insert("content-type", "application/problem+json".parse().unwrap());
    });
    let refused = alice.api.list_groups().await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Unauthenticated));
    answers.stop();
    assert!(alice.api.list_groups().await.is_ok());
    assert_eq!(world.server.requests.logins(), 3);
}
