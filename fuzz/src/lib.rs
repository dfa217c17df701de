//! The fuzz targets. The simplest targets check that a decoder either rejects the bytes or returns
//! a value whose encoding is equal to the bytes.

mod api_requests;
mod delivery;
mod group_fixture;
mod honest_messages;
mod insider;
mod join;
#[path = "../../crates/pando-mls/tests/support/names.rs"]
mod names;
mod open_message;
mod operations;
mod process_message;
mod public_group;
mod script;
#[path = "../../crates/pando-mls/tests/support/secrets.rs"]
mod secrets;
mod seeds;
mod store;

// Clients with certificates from the tests of `pando-delivery`. The fuzzer chooses their requests.
#[allow(dead_code, reason = "the tests use more")]
#[path = "../../crates/pando-delivery/tests/support/clients.rs"]
mod clients;

// The pair of clients from the tests of `pando-store`. The fuzzer chooses when their stores fail.
#[path = "../../crates/pando-store/tests/fixtures/mod.rs"]
mod fixtures;
#[path = "../../crates/pando-store/tests/faults/pair.rs"]
mod pair;

// The simulation from the tests of `pando-mls`. The fuzzer chooses the history.
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/client.rs"]
mod client;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/commits.rs"]
mod commits;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/content.rs"]
mod content;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/failure.rs"]
mod failure;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/history.rs"]
mod history;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/joins.rs"]
mod joins;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/network.rs"]
mod network;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/observer.rs"]
mod observer;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/proposals.rs"]
mod proposals;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/random.rs"]
mod random;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/ratchets.rs"]
mod ratchets;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/removed_members.rs"]
mod removed_members;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/run.rs"]
mod run;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/service.rs"]
mod service;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/shrink.rs"]
mod shrink;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/simulation.rs"]
mod simulation;
#[allow(dead_code, reason = "the simulation uses more")]
#[path = "../../crates/pando-mls/tests/simulation/successors.rs"]
mod successors;

pub use api_requests::api_requests;
pub use delivery::service;
pub use join::join;
pub use open_message::open_message;
pub use operations::operations;
pub use process_message::process_message;
pub use public_group::public_group;
pub use seeds::seeds;
pub use store::store;

use pando_wire::{
    ApplicationId, ContentType, Decode, Encode, ExtensionBody, Extensions, ExternalPub, ExternalSenders,
    PrivateMessageContent, RatchetTree, RequiredCapabilities,
};

/// Checks that decoding and encoding returns the same bytes, for a type whose values have a unique
/// encoding.
pub fn round_trip<T: Decode + Encode>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        let encoding = value.encode().expect("what was decoded can be encoded");
        assert_eq!(encoding, bytes);
    }
}

/// Checks the round trip of a list of extensions, and of the extension bodies that RFC 9420
/// defines.
pub fn round_trip_extensions(bytes: &[u8]) {
    round_trip::<Extensions>(bytes);
    if let Ok(extensions) = Extensions::decode(bytes) {
        round_trip_body::<ApplicationId>(&extensions);
        round_trip_body::<RatchetTree>(&extensions);
        round_trip_body::<RequiredCapabilities>(&extensions);
        round_trip_body::<ExternalPub>(&extensions);
        round_trip_body::<ExternalSenders>(&extensions);
    }
}

fn round_trip_body<T: ExtensionBody>(extensions: &Extensions) {
    if let Ok(Some(body)) = extensions.find::<T>() {
        let encoding = body.encode().expect("what was decoded can be encoded");
        assert_eq!(extensions.get(T::TYPE).map(|extension| &*extension.extension_data), Some(&*encoding));
    }
}

/// Checks the round trip of a `PrivateMessageContent`. The encoding does not include the content
/// type, so the first byte of the input selects it. The value is encoded again with the same amount
/// of padding.
pub fn round_trip_private_message_content(bytes: &[u8]) {
    let Ok((content_type, bytes)) = ContentType::decode_prefix(bytes) else { return };
    if let Ok(value) = PrivateMessageContent::decode(content_type, bytes) {
        let encoding = PrivateMessageContent::encode(&value.content, &value.auth, |_| bytes.len())
            .expect("what was decoded can be encoded");
        assert_eq!(*encoding, bytes);
    }
}
