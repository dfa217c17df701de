//! Test vectors of the kind `crypto-basics`: the labelled operations (RFC 9420, sections 5.1.2,
//! 5.1.3, 5.2, 8 and 9.1).

use crate::hex_bytes::Hex;
use crate::private_keys::{hpke_key, signature_key};
use crate::random::{bytes, hex};
use crate::report::{MustSucceed, Outcome, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_wire::{HpkeCiphertext, HpkePublicKey, Signature, SignaturePublicKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    ref_hash: RefHash,
    expand_with_label: ExpandWithLabel,
    derive_secret: DeriveSecret,
    derive_tree_secret: DeriveTreeSecret,
    sign_with_label: SignWithLabel,
    encrypt_with_label: EncryptWithLabel,
}

#[derive(Serialize, Deserialize)]
struct RefHash {
    label: String,
    value: Hex,
    out: Hex,
}

#[derive(Serialize, Deserialize)]
struct ExpandWithLabel {
    secret: Hex,
    label: String,
    context: Hex,
    length: u16,
    out: Hex,
}

#[derive(Serialize, Deserialize)]
struct DeriveSecret {
    secret: Hex,
    label: String,
    out: Hex,
}

#[derive(Serialize, Deserialize)]
struct DeriveTreeSecret {
    secret: Hex,
    label: String,
    generation: u32,
    length: u16,
    out: Hex,
}

#[derive(Serialize, Deserialize)]
struct SignWithLabel {
    #[serde(rename = "priv")]
    private: Hex,
    #[serde(rename = "pub")]
    public: Hex,
    content: Hex,
    label: String,
    signature: Hex,
}

#[derive(Serialize, Deserialize)]
struct EncryptWithLabel {
    #[serde(rename = "priv")]
    private: Hex,
    #[serde(rename = "pub")]
    public: Hex,
    label: String,
    context: Hex,
    plaintext: Hex,
    kem_output: Hex,
    ciphertext: Hex,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        self.ref_hash.verify(suite)?;
        self.expand_with_label.verify(suite)?;
        self.derive_secret.verify(suite)?;
        self.derive_tree_secret.verify(suite)?;
        self.sign_with_label.verify(suite)?;
        self.encrypt_with_label.verify(suite)
    }
}

impl RefHash {
    fn verify(&self, suite: Suite) -> Outcome {
        let out = suite.ref_hash(&self.label, &self.value).in_field("ref_hash.value")?;
        must_equal("ref_hash.out", &out, &self.out)
    }
}

impl ExpandWithLabel {
    fn verify(&self, suite: Suite) -> Outcome {
        let out = suite.expand_with_label(&self.secret, &self.label, &self.context, self.length.into());
        must_equal("expand_with_label.out", out.in_field("expand_with_label")?.expose(), &self.out)
    }
}

impl DeriveSecret {
    fn verify(&self, suite: Suite) -> Outcome {
        let out = suite.derive_secret(&self.secret, &self.label).in_field("derive_secret")?;
        must_equal("derive_secret.out", out.expose(), &self.out)
    }
}

impl DeriveTreeSecret {
    fn verify(&self, suite: Suite) -> Outcome {
        let out = suite.derive_tree_secret(&self.secret, &self.label, self.generation, self.length.into());
        must_equal("derive_tree_secret.out", out.in_field("derive_tree_secret")?.expose(), &self.out)
    }
}

impl SignWithLabel {
    fn verify(&self, suite: Suite) -> Outcome {
        let public = SignaturePublicKey::from(&*self.public);
        let signature = Signature::from(&*self.signature);
        suite
            .verify_with_label(&public, &self.label, &self.content, &signature)
            .in_field("sign_with_label.signature")?;

        let private = signature_key(suite, &self.private);
        let signer = suite.signer(&private).in_field("sign_with_label.priv")?;
        must_equal("sign_with_label.pub", signer.public_key(), &self.public)?;
        let signature =
            suite.sign_with_label(&*signer, &self.label, &self.content).in_field("sign_with_label.priv")?;
        suite
            .verify_with_label(&public, &self.label, &self.content, &signature)
            .in_field("sign_with_label.priv")
    }
}

impl EncryptWithLabel {
    fn verify(&self, suite: Suite) -> Outcome {
        let private = hpke_key(suite, &self.private);
        let key_pair = suite.hpke_key_pair(private).in_field("encrypt_with_label.priv")?;
        must_equal("encrypt_with_label.pub", &key_pair.public, &self.public)?;

        let recorded =
            HpkeCiphertext { kem_output: (&*self.kem_output).into(), ciphertext: (&*self.ciphertext).into() };
        let public = HpkePublicKey::from(&*self.public);
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let fresh = suite
            .encrypt_with_label(&public, &self.label, &self.context, &self.plaintext, &mut rng)
            .in_field("encrypt_with_label.pub")?;
        for ciphertext in [recorded, fresh] {
            let plaintext = suite
                .decrypt_with_label(&key_pair, &self.label, &self.context, &ciphertext)
                .in_field("encrypt_with_label.ciphertext")?;
            must_equal("encrypt_with_label.plaintext", plaintext.expose(), &self.plaintext)?;
        }
        Ok(())
    }
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let hash_len = suite.hash_len();
    let mut secret = || bytes(rng, hash_len);

    let value = secret();
    let out = suite.ref_hash("RefHash", &value)?.to_vec();
    let ref_hash = RefHash { label: "RefHash".into(), value: Hex(value), out: Hex(out) };

    let (input, context, label) = (secret(), secret(), "ExpandWithLabel".to_owned());
    let out = hex(&suite.expand_with_label(&input, &label, &context, 16)?);
    let expand_with_label =
        ExpandWithLabel { secret: Hex(input), label, context: Hex(context), length: 16, out };

    let (input, label) = (secret(), "DeriveSecret".to_owned());
    let out = hex(&suite.derive_secret(&input, &label)?);
    let derive_secret = DeriveSecret { secret: Hex(input), label, out };

    let (input, label, generation) = (secret(), "DeriveTreeSecret".to_owned(), 0x1234_5678);
    let out = hex(&suite.derive_tree_secret(&input, &label, generation, 32)?);
    let derive_tree_secret = DeriveTreeSecret { secret: Hex(input), label, generation, length: 32, out };

    let (content, label) = (secret(), "SignWithLabel".to_owned());
    let private = suite.signature_generate_key(rng)?;
    let signer = suite.signer(&private)?;
    let signature = suite.sign_with_label(&*signer, &label, &content)?.to_vec();
    let sign_with_label = SignWithLabel {
        private: private.expose().into(),
        public: Hex(signer.public_key().to_vec()),
        content: Hex(content),
        label,
        signature: Hex(signature),
    };

    let (context, plaintext) = (bytes(rng, hash_len), bytes(rng, hash_len));
    let label = "EncryptWithLabel".to_owned();
    let key_pair = suite.hpke_generate_key_pair(rng)?;
    let sealed = suite.encrypt_with_label(&key_pair.public, &label, &context, &plaintext, rng)?;
    let encrypt_with_label = EncryptWithLabel {
        private: key_pair.private.expose().into(),
        public: Hex(key_pair.public.to_vec()),
        label,
        context: Hex(context),
        plaintext: Hex(plaintext),
        kem_output: Hex(sealed.kem_output.to_vec()),
        ciphertext: Hex(sealed.ciphertext.into_vec()),
    };

    Ok(vec![Case {
        cipher_suite: suite.cipher_suite().0,
        ref_hash,
        expand_with_label,
        derive_secret,
        derive_tree_secret,
        sign_with_label,
        encrypt_with_label,
    }])
}
