#![no_main]

use libfuzzer_sys::fuzz_target;
use pando_fuzz::round_trip;

// The body of the fifth extension that RFC 9420 defines, the ratchet tree, has its own target.
fuzz_target!(|bytes: &[u8]| {
    round_trip::<pando_wire::ApplicationId>(bytes);
    round_trip::<pando_wire::RequiredCapabilities>(bytes);
    round_trip::<pando_wire::ExternalPub>(bytes);
    round_trip::<pando_wire::ExternalSenders>(bytes);
});
