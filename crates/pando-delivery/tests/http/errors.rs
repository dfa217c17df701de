//! Every error is a problem document (docs/protocol.md, section 4).

use crate::client::Answer;
use crate::clients::{Clients, SUITE};
use crate::fixture::Mutation;
use crate::online::{Online, post};
use axum::http::{Method, Request};
use http_body_util::Full;
use pando_api::{ApiExtension, Envelope, ProblemCode, SubmitMessage};
use pando_delivery::http::BodyLimits;
use pando_mls::{Encode, Opaque};

const GROUP: &str = "/v1/groups/AAAAAAAAAAAAAAAAAAAAAA";

async fn online() -> Online {
    let clients = Clients::new();
    let mut limits = BodyLimits::default();
    (limits.message, limits.all) = (1_000, 1 << 20);
    Online::start(&clients.anchor, None, clients.remover(), limits).await
}

async fn send(online: &Online, mutation: &Mutation) -> Answer {
    online.server.http1().await.send(mutation.request()).await.unwrap()
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let online = online().await;
    for mut client in [online.server.http1().await, online.server.http2().await] {
        for path in ["/", "/v1", "/v2/groups", "/v1/groups/", "/v1//groups", "/%76%31/groups"] {
            assert_eq!(client.get(path).await.unwrap().code(), ProblemCode::NotFound, "{path}");
        }
        for (method, path) in [
            (Method::POST, "/healthz"),
            (Method::PUT, "/v1/groups"),
            (Method::GET, "/v1/sessions"),
            (Method::DELETE, "/v1/inbox"),
            (Method::OPTIONS, "/v1/groups"),
            (Method::from_bytes(b"BREW").unwrap(), "/v1/key-packages"),
        ] {
            let request = Request::builder().method(method.clone()).uri(path).body(Full::default()).unwrap();
            let answer = client.send(request).await.unwrap();
            assert_eq!(answer.code(), ProblemCode::MethodNotAllowed, "{method} {path}");
            assert!(answer.headers.contains_key("allow"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn all_paths_but_logins_need_a_session() {
    let online = online().await;
    let mut client = online.server.http2().await;
    for path in ["/log", "/info", "/reports", "/trees/AAAA"].map(|path| format!("{GROUP}{path}")) {
        assert_eq!(client.get(&path).await.unwrap().code(), ProblemCode::Unauthenticated, "{path}");
    }
    for path in ["/v1/groups", "/v1/key-packages", "/v1/inbox", "/v1/blobs/AAAA"] {
        assert_eq!(client.get(path).await.unwrap().code(), ProblemCode::Unauthenticated, "{path}");
    }
    let below = ["/commits", "/messages", "/removals", "/acknowledgements", "/reports", "/reset"]
        .map(|path| format!("{GROUP}{path}"));
    let others = ["/v1/groups", "/v1/key-packages", "/v1/key-packages/claims"].map(str::to_owned);
    for path in below.iter().chain(&others) {
        let answer = client.send(post(path, b"body")).await.unwrap();
        assert_eq!(answer.code(), ProblemCode::Unauthenticated, "{path}");
        // A token is not enough for a mutation.
        let mutation = Mutation::new("POST", path, b"body").without("signature");
        assert_eq!(send(&online, &mutation).await.code(), ProblemCode::BadRequestSignature, "{path}");
    }
    for (method, path) in [(Method::DELETE, "/v1/inbox/1"), (Method::PUT, "/v1/blobs/AAAA?expires=1")] {
        let request = Request::builder().method(method).uri(path).body(Full::default()).unwrap();
        assert_eq!(client.send(request).await.unwrap().code(), ProblemCode::Unauthenticated, "{path}");
    }
}

#[tokio::test]
async fn a_body_has_the_media_type_and_the_limit() {
    let online = online().await;
    let target = format!("{GROUP}/messages");
    let other = || Mutation::new("POST", &target, b"body").without("content-type");
    let refused = send(&online, &other()).await;
    assert_eq!(refused.code(), ProblemCode::UnsupportedMediaType);
    for media_type in ["application/json", "application/vnd.pando; v=1", "APPLICATION/VND.PANDO", ""] {
        let answer = send(&online, &other().with("content-type", media_type)).await;
        assert_eq!(answer.code(), ProblemCode::UnsupportedMediaType, "{media_type}");
    }
    let empty = Mutation::new("POST", &target, b"").with("content-type", "application/vnd.pando");
    assert_eq!(send(&online, &empty).await.code(), ProblemCode::Malformed);
    let answer = send(&online, &Mutation::new("POST", &target, &[0; 1_001])).await;
    assert_eq!((answer.code(), answer.problem().limit), (ProblemCode::TooLarge, Some(1_000)));
    let answer = send(&online, &Mutation::new("DELETE", "/v1/inbox/1", b"body")).await;
    assert_eq!((answer.code(), answer.problem().limit), (ProblemCode::TooLarge, Some(0)));
}

#[tokio::test]
async fn a_body_is_one_envelope() {
    let online = online().await;
    let target = format!("{GROUP}/messages");
    let envelope = |types: &[u16]| {
        let extension =
            |extension_type: &u16| ApiExtension { extension_type: *extension_type, data: Opaque::default() };
        let body = SubmitMessage { message: Opaque::from(b"message") };
        Envelope { body, extensions: types.iter().map(extension).collect() }.encode().unwrap()
    };
    let trailing = [envelope(&[]), vec![0]].concat();
    for (body, code) in [
        (&b"\xff"[..], ProblemCode::Malformed),
        (&trailing, ProblemCode::Malformed),
        (&envelope(&[2, 1]), ProblemCode::Malformed),
        (&envelope(&[1, 0x8000]), ProblemCode::UnknownExtension),
        // The extension is ignored, and the message is not an MLSMessage.
        (&envelope(&[1, 0x7fff]), ProblemCode::Malformed),
    ] {
        let answer = send(&online, &Mutation::new("POST", &target, body)).await;
        assert_eq!(answer.code(), code, "{}", answer.problem());
    }
}

#[tokio::test]
async fn a_target_is_well_formed() {
    let online = online().await;
    let mut clients = Clients::new();
    let device = clients.device("alice@example.org/laptop", 3);
    let mut session = online.log_in(SUITE, &device.credential, &*device.signer).await;
    for target in [
        "/v1/groups/AAAA/log",
        "/v1/groups/%41AAAAAAAAAAAAAAAAAAAAA/log",
        &format!("{GROUP}/log?after=01"),
        &format!("{GROUP}/log?since=1"),
        &format!("{GROUP}/log?wait=1&wait=1"),
        &format!("{GROUP}/trees/AB"),
        "/v1/inbox?after=x",
        "/v1/groups?after=1",
        &format!("{GROUP}/info?x"),
        "/v1/key-packages?x=1",
        "/healthz?x=1",
        "/.well-known/pando?x=1",
    ] {
        assert_eq!(session.get(target, &[]).await.code(), ProblemCode::Malformed, "{target}");
    }
    for target in ["/v1/inbox/x", "/v1/inbox/1?x=1"] {
        assert_eq!(session.send("DELETE", target, b"").await.code(), ProblemCode::Malformed, "{target}");
    }
    let mut client = online.server.http2().await;
    let answer = client.send(post("/v1/sessions/challenges?x=1", b"")).await.unwrap();
    assert_eq!(answer.code(), ProblemCode::Malformed);
    assert_eq!(session.get(&format!("{GROUP}/log"), &[]).await.code(), ProblemCode::NotFound);
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let online = online().await;
    let mut client = online.server.http1().await;
    let head = |target: &str| Request::head(target).body(Full::default()).unwrap();
    for (target, status) in [("/healthz", 200), ("/v1/inbox", 401), ("/v1/sessions", 405), ("/x", 404)] {
        let answer = client.send(head(target)).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0), "{target}");
    }
}
