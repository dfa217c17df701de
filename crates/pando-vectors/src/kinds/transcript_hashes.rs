//! Test vectors of the kind `transcript-hashes`: the transcript hashes after a Commit (RFC 9420,
//! section 8.2).

use crate::hex_bytes::Hex;
use crate::random::{self, bytes};
use crate::report::{MustSucceed, Outcome, Problem, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_schedule::{ConfirmationKey, ConfirmedTranscriptHash, InterimTranscriptHash};
use pando_wire::{
    AuthenticatedContent, Content, ContentType, Decode, Encode, EncodeError, FramedContentAuthData,
    WireFormat,
};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    confirmation_key: Hex,
    authenticated_content: Hex,
    interim_transcript_hash_before: Hex,
    confirmed_transcript_hash_after: Hex,
    interim_transcript_hash_after: Hex,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let field = "authenticated_content";
        let content = AuthenticatedContent::decode(&self.authenticated_content).in_field(field)?;
        must_equal(field, &content.encode().in_field(field)?, &self.authenticated_content)?;
        let is_commit = content.content.content.content_type() == ContentType::Commit;
        must(field, is_commit, "not a Commit")?;
        let tag = content
            .auth
            .confirmation_tag
            .as_ref()
            .ok_or_else(|| Problem::Failed { field: field.into(), reason: "no confirmation tag".into() })?;

        let before = InterimTranscriptHash((&*self.interim_transcript_hash_before).into());
        let confirmed = confirmed(suite, &before, &content).in_field(field)?;
        must_equal("confirmed_transcript_hash_after", &confirmed.0, &self.confirmed_transcript_hash_after)?;
        let interim = InterimTranscriptHash::after(suite, &confirmed, tag).in_field(field)?;
        must_equal("interim_transcript_hash_after", &interim.0, &self.interim_transcript_hash_after)?;

        let key = ConfirmationKey::from(&*self.confirmation_key);
        must("confirmation_key", key.verify(suite, &confirmed.0, tag), "the confirmation tag is wrong")
    }
}

fn confirmed(
    suite: Suite,
    before: &InterimTranscriptHash,
    content: &AuthenticatedContent,
) -> Result<ConfirmedTranscriptHash, EncodeError> {
    let AuthenticatedContent { wire_format, content, auth } = content;
    ConfirmedTranscriptHash::after(suite, before, *wire_format, content, &auth.signature)
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let confirmation_key = bytes(rng, suite.hash_len());
    let before = bytes(rng, suite.hash_len());
    let commit = Content::Commit(Box::new(random::commit(rng)));
    let mut content = AuthenticatedContent {
        wire_format: WireFormat::MLS_PUBLIC_MESSAGE,
        content: random::framed_content(rng, commit),
        auth: FramedContentAuthData { signature: bytes(rng, 64).into(), confirmation_tag: None },
    };
    let interim_before = InterimTranscriptHash(before.clone().into());
    let confirmed = confirmed(suite, &interim_before, &content)?;
    let tag = ConfirmationKey::from(&*confirmation_key).tag(suite, &confirmed.0);
    let interim = InterimTranscriptHash::after(suite, &confirmed, &tag)?;
    content.auth.confirmation_tag = Some(tag);
    Ok(vec![Case {
        cipher_suite: suite.cipher_suite().0,
        confirmation_key: Hex(confirmation_key),
        authenticated_content: Hex(content.encode()?),
        interim_transcript_hash_before: Hex(before),
        confirmed_transcript_hash_after: Hex(confirmed.0.into_vec()),
        interim_transcript_hash_after: Hex(interim.0.into_vec()),
    }])
}
