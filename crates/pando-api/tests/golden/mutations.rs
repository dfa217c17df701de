//! Decoding does not panic on any input, and every value has exactly one encoding.

use crate::values::goldens;
use proptest::prelude::*;

#[test]
fn a_changed_byte_gives_another_value_or_an_error() {
    for golden in goldens() {
        for at in 0..golden.encoded.len() {
            for difference in 1..=u8::MAX {
                let mut bytes = golden.encoded.clone();
                bytes[at] ^= difference;
                if let Some(decoded) = (golden.decode)(&bytes) {
                    assert!(!decoded.is_the_value, "{} at {at}", golden.name);
                    assert_eq!(decoded.encoded_again, bytes, "{} at {at}", golden.name);
                }
            }
        }
    }
}

#[test]
fn truncated_and_extended_encodings_are_refused() {
    for golden in goldens() {
        for length in 0..golden.encoded.len() {
            assert!((golden.decode)(&golden.encoded[..length]).is_none(), "{} of {length}", golden.name);
        }
        for byte in [0, 1, 0x40, 0xff] {
            let extended = [&golden.encoded[..], &[byte]].concat();
            assert!((golden.decode)(&extended).is_none(), "{}", golden.name);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for golden in goldens() {
            if let Some(decoded) = (golden.decode)(&bytes) {
                prop_assert_eq!(&decoded.encoded_again, &bytes, "{}", golden.name);
            }
        }
    }

    /// Spliced encodings reach deeper into the decoders than random bytes.
    #[test]
    fn spliced_bytes_are_decoded(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        removed in 0_usize..8,
        inserted in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let goldens = goldens();
        let golden = &goldens[which.index(goldens.len())];
        let mut bytes = golden.encoded.clone();
        let at = at.index(bytes.len());
        let end = bytes.len().min(at + removed);
        bytes.splice(at..end, inserted);
        if let Some(decoded) = (golden.decode)(&bytes) {
            prop_assert_eq!(&decoded.encoded_again, &bytes, "{}", golden.name);
        }
    }
}
