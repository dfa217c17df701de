//! Each problem code of docs/protocol.md, section 4, is the answer to some request of these tests.

use crate::outcome::outcome;
use crate::specification::codes;
use crate::{conflicts, faults, violations};
use pando_api::ProblemCode;
use std::collections::BTreeMap;

#[tokio::test]
async fn every_problem_code_is_reached() {
    let mut reached = outcome().await.codes.clone();
    // The alterations alone reach these.
    for code in [
        ProblemCode::Malformed,
        ProblemCode::UnknownExtension,
        ProblemCode::Unauthenticated,
        ProblemCode::TokenExpired,
        ProblemCode::BadRequestSignature,
        ProblemCode::LoginRefused,
        ProblemCode::SenderMismatch,
        ProblemCode::NotFound,
        ProblemCode::MethodNotAllowed,
        ProblemCode::TooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::InvalidCommit,
        ProblemCode::InvalidProposal,
        ProblemCode::InvalidMessage,
        ProblemCode::InvalidGroupInfo,
        ProblemCode::InvalidWelcome,
        ProblemCode::InvalidKeyPackage,
        ProblemCode::InvalidReport,
    ] {
        assert!(reached.get(&code).is_some_and(|count| *count > 0), "{code:?}: {reached:?}");
    }
    for more in [conflicts::all().await, violations::all().await, faults::all().await] {
        for (code, count) in more {
            *reached.entry(code).or_default() += count;
        }
    }
    let reached: BTreeMap<_, _> =
        reached.into_iter().map(|(code, count)| (code.as_str().to_owned(), count)).collect();
    let missing: Vec<_> = codes().into_iter().filter(|code| !reached.contains_key(code)).collect();
    assert_eq!(missing, [""; 0]);
    assert_eq!(reached.len(), codes().len());
    assert!(reached.values().all(|count| *count > 0));
}
