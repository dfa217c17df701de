//! Tests against the vectors of RFC 9180, which `testdata/README.md` describes.

use super::{Repeating, each};
use crate::algorithms::{self, Group};
use crate::dhkem::{PrivateKey, PublicKey};
use crate::hpke::Info;
use crate::rustcrypto::hpke::Dhkem;
#[cfg(feature = "curve448")]
use crate::rustcrypto::x448;
use crate::rustcrypto::{self, nist, x25519};
use crate::{HpkeMessage, HpkePrivateKey};
use ::hpke::aead::{Aead, AesGcm128, AesGcm256, ChaCha20Poly1305};
use ::hpke::hybrid_array::Array;
use ::hpke::kdf::{HkdfSha256, HkdfSha512, Kdf};
use ::hpke::kem::Kem;
use ::hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use pando_wire::{HpkeCiphertext, HpkePublicKey};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    mode: u8,
    kem_id: u16,
    kdf_id: u16,
    aead_id: u16,
    info: Hex,
    #[serde(rename = "ikmR")]
    recipient_ikm: Hex,
    #[serde(rename = "ikmE")]
    ephemeral_ikm: Hex,
    #[serde(rename = "skRm")]
    recipient_private: Hex,
    #[serde(rename = "skEm")]
    ephemeral_private: Hex,
    #[serde(rename = "pkRm")]
    recipient_public: Hex,
    #[serde(rename = "pkEm")]
    ephemeral_public: Hex,
    enc: Hex,
    shared_secret: Hex,
    encryptions: Vec<Encryption>,
    exports: Vec<Export>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encryption {
    aad: Hex,
    ct: Hex,
    pt: Hex,
    #[serde(rename = "nonce")]
    _nonce: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    exporter_context: Hex,
    #[serde(rename = "L")]
    len: usize,
    exported_value: Hex,
}

/// A byte string that is written in hexadecimal.
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(hex::decode(text).map_err(serde::de::Error::custom)?))
    }
}

/// Returns the only vector with the given KEM, KDF and AEAD.
fn vector(kem_id: u16, kdf_id: u16, aead_id: u16) -> Vector {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../testdata/hpke-rfc9180.json")).unwrap();
    let mut found = vectors.into_iter().filter(|vector| {
        (vector.mode, vector.kem_id, vector.kdf_id, vector.aead_id) == (0, kem_id, kdf_id, aead_id)
    });
    let vector = found.next().unwrap();
    assert!(found.next().is_none());
    assert_eq!((vector.encryptions.len(), vector.exports.len()), (3, 3));
    vector
}

#[test]
fn dhkem_over_x25519_gives_the_vectors_of_rfc_9180() {
    let vector_1 = vector(0x20, 1, 1);
    kem::<x25519::X25519, HkdfSha256, AesGcm128>(&vector_1);
    send::<x25519::X25519, rustcrypto::Aes128Gcm>(&vector_1);
    receive(1, &vector_1);
    let vector_3 = vector(0x20, 1, 3);
    kem::<x25519::X25519, HkdfSha256, ChaCha20Poly1305>(&vector_3);
    send::<x25519::X25519, rustcrypto::ChaCha20Poly1305>(&vector_3);
    receive(3, &vector_3);
}

#[cfg(feature = "curve448")]
#[test]
fn dhkem_over_x448_gives_the_vectors_of_rfc_9180() {
    let (vector_4, vector_6) = (vector(0x21, 3, 2), vector(0x21, 3, 3));
    kem::<x448::X448, HkdfSha512, AesGcm256>(&vector_4);
    send::<x448::X448, rustcrypto::Aes256Gcm>(&vector_4);
    receive(4, &vector_4);
    kem::<x448::X448, HkdfSha512, ChaCha20Poly1305>(&vector_6);
    send::<x448::X448, rustcrypto::ChaCha20Poly1305>(&vector_6);
    receive(6, &vector_6);
}

#[test]
fn dhkem_over_p256_gives_the_vectors_of_rfc_9180() {
    let vector = vector(0x10, 1, 1);
    kem::<nist::P256, HkdfSha256, AesGcm128>(&vector);
    send::<nist::P256, rustcrypto::Aes128Gcm>(&vector);
    receive(2, &vector);
}

#[test]
fn dhkem_over_p521_gives_the_vectors_of_rfc_9180() {
    let vector = vector(0x12, 3, 2);
    kem::<nist::P521, HkdfSha512, AesGcm256>(&vector);
    send::<nist::P521, rustcrypto::Aes256Gcm>(&vector);
    receive(5, &vector);
}

#[cfg(feature = "aws-lc")]
#[test]
fn dhkem_over_the_curves_of_aws_lc_gives_the_vectors_of_rfc_9180() {
    use crate::aws_lc::{nist, symmetric, x25519};
    kem::<x25519::X25519, HkdfSha256, AesGcm128>(&vector(0x20, 1, 1));
    kem::<nist::P256, HkdfSha256, AesGcm128>(&vector(0x10, 1, 1));
    kem::<nist::P521, HkdfSha512, AesGcm256>(&vector(0x12, 3, 2));
    send::<x25519::X25519, symmetric::Aes128Gcm>(&vector(0x20, 1, 1));
    send::<x25519::X25519, symmetric::ChaCha20Poly1305>(&vector(0x20, 1, 3));
    send::<nist::P256, symmetric::Aes128Gcm>(&vector(0x10, 1, 1));
    send::<nist::P521, symmetric::Aes256Gcm>(&vector(0x12, 3, 2));
}

/// Runs a vector against our KEM, which the crate `hpke` calls.
fn kem<G: Group, F: Kdf, A: Aead>(vector: &Vector) {
    assert_eq!(G::KEM_ID, vector.kem_id);
    // The vectors contain unclamped private keys for X25519 and X448 (section 7.1.2).
    let clamp = |private: &Hex| {
        let mut private = Array::<u8, G::PrivateLen>::try_from(private.0.as_slice()).unwrap();
        G::clamp(&mut private);
        private
    };
    for (ikm, private, public) in [
        (&vector.recipient_ikm, &vector.recipient_private, &vector.recipient_public),
        (&vector.ephemeral_ikm, &vector.ephemeral_private, &vector.ephemeral_public),
    ] {
        let derived = PrivateKey::<G>::derive(&ikm.0).unwrap();
        assert_eq!(derived.to_bytes(), clamp(private));
        assert_eq!(derived.public.to_bytes().as_slice(), public.0);
        let read = PrivateKey::<G>::from_bytes(&private.0).unwrap();
        assert_eq!(read.to_bytes(), clamp(private));
        assert_eq!(read.public.to_bytes().as_slice(), public.0);
    }

    let private = PrivateKey::<G>::from_bytes(&vector.recipient_private.0).unwrap();
    let public = PublicKey::<G>::from_bytes(&vector.recipient_public.0).unwrap();
    let enc = PublicKey::<G>::from_bytes(&vector.enc.0).unwrap();
    let mut rng = Repeating::new(&vector.ephemeral_ikm.0);
    let (shared_secret, encapped) = Dhkem::<G>::encap_with_rng(&public, None, &mut rng).unwrap();
    assert_eq!(encapped, enc);
    assert_eq!(shared_secret.0.as_slice(), vector.shared_secret.0);
    let shared_secret = Dhkem::<G>::decap(&private, None, &enc).unwrap();
    assert_eq!(shared_secret.0.as_slice(), vector.shared_secret.0);

    let mut rng = Repeating::new(&vector.ephemeral_ikm.0);
    let (encapped, mut sender) =
        ::hpke::setup_sender_with_rng::<A, F, Dhkem<G>>(&OpModeS::Base, &public, &vector.info.0, &mut rng)
            .unwrap();
    assert_eq!(encapped, enc);
    let mut recipient =
        ::hpke::setup_receiver::<A, F, Dhkem<G>>(&OpModeR::Base, &private, &enc, &vector.info.0).unwrap();
    for Encryption { aad, ct, pt, .. } in &vector.encryptions {
        assert_eq!(sender.seal(&pt.0, &aad.0).unwrap(), ct.0);
        assert_eq!(recipient.open(&ct.0, &aad.0).unwrap(), pt.0);
    }
    for Export { exporter_context, len, exported_value } in &vector.exports {
        let (mut sent, mut received) = (vec![0; *len], vec![0; *len]);
        sender.export(&exporter_context.0, &mut sent).unwrap();
        recipient.export(&exporter_context.0, &mut received).unwrap();
        assert_eq!(sent, exported_value.0);
        assert_eq!(received, exported_value.0);
    }
}

/// Runs a vector against the encryption code that all suites share, but without hedging the
/// ephemeral key. Only the first message is compared, because a suite encrypts one message per
/// context.
fn send<G: Group, A: algorithms::Aead>(vector: &Vector) {
    let public = HpkePublicKey::from(vector.recipient_public.0.as_slice());
    let (info, ikm) = (Info::<G, A>::new(&vector.info.0), &vector.ephemeral_ikm.0);
    let Encryption { aad, ct, pt, .. } = &vector.encryptions[0];
    let message = HpkeMessage { public: &public, plaintext: &pt.0 };
    let sealed = info.seal_with(message, &aad.0, ikm).unwrap();
    assert_eq!(*sealed.kem_output, *vector.enc.0);
    assert_eq!(*sealed.ciphertext, *ct.0);
    for Export { exporter_context, len, exported_value } in &vector.exports {
        let mut exported = vec![0; *len];
        let enc = info.send_export_with(&public, &exporter_context.0, &mut exported, ikm).unwrap();
        assert_eq!(*enc, *vector.enc.0);
        assert_eq!(exported, exported_value.0);
    }
}

/// Runs a vector against the decryption code of a suite.
fn receive(number: u16, vector: &Vector) {
    for suite in each(number) {
        let key_pair = suite.hpke_derive_key_pair(&vector.recipient_ikm.0).unwrap();
        assert_eq!(*key_pair.public, *vector.recipient_public.0);
        let private = HpkePrivateKey::from(vector.recipient_private.0.as_slice());
        assert_eq!(suite.hpke_key_pair(private).unwrap(), key_pair);

        let (info, enc) = (&vector.info.0, vector.enc.0.clone().into());
        let Encryption { aad, ct, pt, .. } = &vector.encryptions[0];
        let ciphertext =
            HpkeCiphertext { kem_output: vector.enc.0.clone().into(), ciphertext: ct.0.clone().into() };
        assert_eq!(suite.hpke_open(&key_pair, info, &aad.0, &ciphertext).unwrap().expose(), pt.0);
        for Export { exporter_context, len, exported_value } in &vector.exports {
            let exported =
                suite.hpke_receive_export(&key_pair, &enc, info, &exporter_context.0, *len).unwrap();
            assert_eq!(exported.expose(), exported_value.0);
        }
    }
}
