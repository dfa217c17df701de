//! Tests that an ephemeral key repeats only if both the generator's state and the whole message
//! repeat.

use super::{Repeating, all_suites, seeded, with_each_byte_changed};
use crate::algorithms::{Aead, Group};
use crate::hpke::Info;
#[cfg(feature = "curve448")]
use crate::rustcrypto::x448;
use crate::rustcrypto::{Aes128Gcm, Aes256Gcm, nist, x25519};
use crate::{HpkeMessage, Suite};
use pando_wire::{HpkeCiphertext, HpkePublicKey, KemOutput};

/// The input of `SealBase`, which consists of the recipient, `info`, the additional data, and the
/// plaintext.
type Sent = (u8, &'static [u8], &'static [u8], &'static [u8]);

/// A reference input, followed by inputs that differ from it in one part or that split the same
/// bytes differently.
const SENT: [Sent; 10] = [
    (1, b"info", b"aad", b"plaintext"),
    (2, b"info", b"aad", b"plaintext"),
    (1, b"info.", b"aad", b"plaintext"),
    (1, b"info", b"aad.", b"plaintext"),
    (1, b"info", b"aad", b"plaintext."),
    (1, b"info", b"aad", b"Plaintext"),
    (1, b"info", b"aadp", b"laintext"),
    (1, b"info", b"", b"aadplaintext"),
    (1, b"info", b"aadplaintext", b""),
    (1, b"infoa", b"ad", b"plaintext"),
];

fn recipient(suite: Suite, number: u8) -> HpkePublicKey {
    suite.hpke_derive_key_pair(&[number]).unwrap().public
}

/// Performs `SealBase`, always starting with the same state of the generator.
fn seal(suite: Suite, (number, info, aad, plaintext): Sent) -> HpkeCiphertext {
    suite.hpke_seal(&recipient(suite, number), info, aad, plaintext, &mut seeded(1)).unwrap()
}

fn assert_all_differ<T: PartialEq>(items: &[T]) {
    for (position, item) in items.iter().enumerate() {
        assert!(!items[..position].contains(item), "item {position} is there twice");
    }
}

#[test]
fn a_repeated_state_gives_another_ephemeral_key_for_another_message() {
    for suite in all_suites() {
        let sealed = SENT.map(|sent| seal(suite, sent));
        assert_all_differ(&sealed.each_ref().map(|sealed| &sealed.kem_output));
        for (sent, sealed) in SENT.into_iter().zip(sealed) {
            assert_eq!(seal(suite, sent), sealed);
        }
    }
}

#[test]
fn a_repeated_state_gives_another_ephemeral_key_for_another_of_many_messages() {
    for suite in all_suites() {
        let recipients = [1, 2, 3].map(|number| recipient(suite, number));
        let seal = |info: &[u8], plaintexts: [&[u8]; 3]| -> Vec<KemOutput> {
            let messages: Vec<_> = recipients
                .iter()
                .zip(plaintexts)
                .map(|(public, plaintext)| HpkeMessage { public, plaintext })
                .collect();
            let sealed = suite.hpke_seal_many(info, &messages, &mut seeded(1)).unwrap();
            sealed.into_iter().map(|sealed| sealed.kem_output).collect()
        };
        let first = seal(b"info", [b"a", b"b", b"c"]);
        assert_eq!(seal(b"info", [b"a", b"b", b"c"]), first);
        let second = seal(b"info", [b"a", b"x", b"c"]);
        assert_eq!([&second[0], &second[2]], [&first[0], &first[2]]);
        assert_ne!(second[1], first[1]);
        assert_all_differ(&[first, seal(b"other", [b"a", b"b", b"c"])].concat());
    }
}

/// The generator in this test is the worst possible one, because it returns the same bytes for each
/// message.
#[test]
fn the_same_bytes_for_each_of_many_messages_give_different_ephemeral_keys() {
    for suite in all_suites() {
        let recipients = [1, 2].map(|number| recipient(suite, number));
        let messages: Vec<_> = recipients
            .iter()
            .flat_map(|public| [b"a", b"b"].map(|plaintext| HpkeMessage { public, plaintext }))
            .collect();
        let sealed = suite.hpke_seal_many(b"info", &messages, &mut Repeating::new(&[7])).unwrap();
        assert_all_differ(&sealed.iter().map(|sealed| &sealed.kem_output).collect::<Vec<_>>());
    }
}

#[test]
fn a_repeated_state_gives_another_ephemeral_key_for_another_export() {
    for suite in all_suites() {
        let send = |(number, info, context): (u8, &[u8], &[u8])| {
            suite.hpke_send_export(&recipient(suite, number), info, context, 32, &mut seeded(1)).unwrap()
        };
        let all: [(u8, &[u8], &[u8]); 5] = [
            (1, b"info", b"context"),
            (2, b"info", b"context"),
            (1, b"info.", b"context"),
            (1, b"info", b"context."),
            (1, b"infoc", b"ontext"),
        ];
        let sent = all.map(send);
        let sealed = seal(suite, (1, b"info", b"context", b""));
        let kem_outputs: Vec<_> = sent.iter().map(|(kem_output, _)| kem_output).collect();
        assert_all_differ(&[kem_outputs, vec![&sealed.kem_output]].concat());
        for (input, sent) in all.into_iter().zip(sent) {
            assert_eq!(send(input), sent);
        }
    }
}

/// An ephemeral key is as unpredictable as the generator. The ephemeral key depends on all random
/// bytes, even if a private key is longer than the hash, as for P-521.
#[test]
fn all_random_bytes_go_into_the_ephemeral_key() {
    fn check<G: Group, A: Aead>(len: usize) {
        let info = Info::<G, A>::new(b"info");
        let random: Vec<u8> = (0..len).map(|position| position as u8).collect();
        let ikm = |random: &[u8]| info.hedged_ikm(random, [b"seal", b"public", b"aad", b"text"]).unwrap();
        assert_eq!(ikm(&random).len(), len);
        let all = with_each_byte_changed(&random).chain([random.clone()]);
        assert_all_differ(&all.map(|random| ikm(&random)).collect::<Vec<_>>());
    }
    check::<x25519::X25519, Aes128Gcm>(32);
    check::<nist::P256, Aes128Gcm>(32);
    check::<nist::P384, Aes256Gcm>(48);
    check::<nist::P521, Aes256Gcm>(66);
    #[cfg(feature = "curve448")]
    check::<x448::X448, Aes256Gcm>(56);
}
