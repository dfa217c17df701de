//! A table of all types that can be decoded, with sample values, and the checks that apply to every
//! input.

mod groups;
pub(crate) mod leaves;
mod messages;
mod proposals;
pub(crate) mod random;
pub(crate) mod values;

use pando_wire::*;
use std::fmt::Debug;
use tls_codec::Serialize;

/// The maximum number of bytes that a decoder may hold at a time for each byte of its input. The
/// module `decoders/memory.rs` explains this number.
pub(crate) const MEMORY_PER_BYTE: u64 = 64;
/// The number of bytes that a decoder may hold in addition to [`MEMORY_PER_BYTE`], for small
/// allocations and for the text of an error.
pub(crate) const MEMORY_BESIDES: u64 = 352;

/// The decoder of a type, with encodings of sample values.
pub(crate) struct Decoder {
    pub(crate) name: &'static str,
    /// The encodings of sample values, at least one for each shape of the type.
    pub(crate) samples: Vec<Vec<u8>>,
    /// Whether the encoding may be followed by zero bytes.
    pub(crate) padded: bool,
    run: fn(&[u8]) -> Run,
}

/// The result of decoding an input.
pub(crate) struct Run {
    /// The encoding of the decoded value, or the decoding error.
    pub(crate) encoding: Result<Vec<u8>, DecodeError>,
    /// The peak number of bytes allocated during decoding, including the decoded value.
    pub(crate) peak: u64,
}

/// Builds the table of decoders from types and their sample values.
macro_rules! decoders {
    ($($name:ident: $values:expr,)*) => {
        vec![$(Decoder::new::<$name>(stringify!($name), &$values),)*]
    };
}

/// Returns the decoders of all types.
///
/// Each type has one line in this function. The test `every_public_type_is_in_the_table` fails if a
/// type is missing.
pub(crate) fn decoders() -> Vec<Decoder> {
    let mut decoders = decoders! {
        ProtocolVersion: values::registry(ProtocolVersion),
        CipherSuite: values::registry(CipherSuite),
        WireFormat: values::registry(WireFormat),
        ExtensionType: values::registry(ExtensionType),
        ProposalType: values::registry(ProposalType),
        CredentialType: values::registry(CredentialType),
        LeafIndex: values::leaf_indices(),
        Opaque: values::strings(),
        SecretBytes: values::strings(),
        HpkePublicKey: values::strings(),
        KemOutput: values::strings(),
        SignaturePublicKey: values::strings(),
        Signature: values::strings(),
        GroupId: values::strings(),
        HashReference: values::strings(),
        Mac: values::strings(),

        Certificate: values::certificates(),
        Credential: values::credentials(),
        Extension: values::extension_list(),
        Extensions: values::extensions(),
        ApplicationId: values::application_ids(),
        RequiredCapabilities: values::required_capabilities(),
        ExternalPub: values::external_pubs(),
        ExternalSender: values::external_sender_list(),
        ExternalSenders: values::external_senders(),

        Lifetime: leaves::lifetimes(),
        Capabilities: leaves::capabilities(),
        LeafNodeSource: leaves::sources(),
        LeafNode: leaves::leaf_nodes(),
        KeyPackage: leaves::key_packages(),
        ParentNode: leaves::parent_nodes(),
        Node: leaves::nodes(),
        RatchetTree: leaves::ratchet_trees(),

        ResumptionPskUsage: proposals::resumption_psk_usages(),
        Psk: proposals::psks(),
        PreSharedKeyId: proposals::pre_shared_key_ids(),
        Add: proposals::adds(),
        Update: proposals::updates(),
        Remove: proposals::removes(),
        PreSharedKey: proposals::pre_shared_keys(),
        ReInit: proposals::re_inits(),
        ExternalInit: proposals::external_inits(),
        GroupContextExtensions: proposals::group_context_extensions(),
        Proposal: proposals::proposals(),
        ProposalOrRef: proposals::proposals_or_refs(),
        HpkeCiphertext: proposals::hpke_ciphertexts(),
        UpdatePathNode: proposals::update_path_nodes(),
        UpdatePath: proposals::update_paths(),
        Commit: proposals::commits(),

        GroupContext: groups::group_contexts(),
        GroupInfo: groups::group_infos(),
        PathSecret: groups::path_secrets(),
        GroupSecrets: groups::group_secrets(),
        EncryptedGroupSecrets: groups::encrypted_group_secrets(),
        Welcome: groups::welcomes(),

        Sender: messages::senders(),
        ContentType: messages::content_types(),
        Content: messages::contents(),
        FramedContent: messages::framed_contents(),
        AuthenticatedContent: messages::authenticated_contents(),
        PublicMessage: messages::public_messages(),
        PrivateMessage: messages::private_messages(),
        SenderData: messages::sender_data(),
        MlsMessage: messages::mls_messages(),
    };
    decoders.extend(messages::private_message_contents());
    decoders
}

/// The names that the crate exports but that have no entry in the table of decoders.
pub(crate) const NOT_DECODED: &[&str] = &[
    // These names are traits, errors, headers and tree arithmetic.
    "ApplicationExtension",
    "Decode",
    "DecodeError",
    "Encode",
    "EncodeError",
    "ExtensionBody",
    "NodeIndex",
    "TreeSize",
    "VectorHeader",
    // These names are aliases of `HashReference`.
    "KeyPackageRef",
    "ProposalRef",
    // These structures are decoded as part of another structure, because their decoding depends on
    // its fields.
    "FramedContentAuthData",
    "MlsMessageBody",
    "OtherProposal",
    // These structures are only hashed, signed or authenticated.
    "AuthenticatedContentTbm",
    "ConfirmedTranscriptHashInput",
    "FramedContentTbs",
    "InterimTranscriptHashInput",
    "PrivateContentAad",
    "PskLabel",
    "SenderDataAad",
];

impl Decoder {
    fn new<T: Serialize + Decode + PartialEq + Debug>(name: &'static str, values: &[T]) -> Self {
        let samples = values.iter().map(|value| {
            let bytes = value.tls_serialize_detached().unwrap();
            assert_eq!(bytes.len(), value.tls_serialized_len(), "{name}: {value:?}");
            assert_eq!(T::decode(&bytes).as_ref(), Ok(value), "{name}");
            assert_eq!(T::decode_prefix(&bytes).unwrap().0, *value, "{name}");
            bytes
        });
        Self { name, samples: samples.collect(), padded: false, run: run::<T> }
    }

    /// Decodes `bytes` and checks the properties that every input must have. The result is an error
    /// or a value whose encoding is exactly the input, and memory use stays proportional to the
    /// input.
    pub(crate) fn check(&self, bytes: &[u8]) -> Run {
        let run = (self.run)(bytes);
        if let Ok(encoding) = &run.encoding {
            assert!(encoding == bytes, "{}: {} became {}", self.name, shown(bytes), shown(encoding));
        }
        let allowed = MEMORY_PER_BYTE * bytes.len() as u64 + MEMORY_BESIDES;
        assert!(run.peak <= allowed, "{}: {} bytes for {}", self.name, run.peak, shown(bytes));
        run
    }
}

/// Decodes an input and encodes the resulting value again.
pub(crate) fn run<T: Serialize + Decode>(bytes: &[u8]) -> Run {
    counted(|| T::decode(bytes), |value| value.tls_serialize_detached().unwrap())
}

/// Decodes an input and measures the memory that decoding uses.
fn counted<T>(decode: impl FnOnce() -> Result<T, DecodeError>, encode: impl FnOnce(T) -> Vec<u8>) -> Run {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(decode()));
    Run { encoding: result.unwrap().map(encode), peak: info.bytes_max }
}

/// Returns the start of an input in hexadecimal, with the length of the input.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let beginning = hex::encode(&bytes[..bytes.len().min(1000)]);
    format!("{beginning} ({} bytes)", bytes.len())
}
