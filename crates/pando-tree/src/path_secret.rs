//! Path secrets and the keys derived from them (RFC 9420, sections 7.4 and 7.6).

use pando_crypto::{CryptoError, HpkeKeyPair, SecretBytes, Suite};

/// The label for encrypting path secrets (section 7.6).
pub(crate) const LABEL: &str = "UpdatePathNode";

/// Derives the key pair of a node from its path secret (section 7.4).
pub(crate) fn node_key_pair(suite: Suite, path_secret: &SecretBytes) -> Result<HpkeKeyPair, CryptoError> {
    let node_secret = suite.derive_secret(path_secret.expose(), "node")?;
    suite.hpke_derive_key_pair(node_secret.expose())
}

/// Derives the path secret of the next node (section 7.4).
pub(crate) fn next_path_secret(suite: Suite, path_secret: &SecretBytes) -> Result<SecretBytes, CryptoError> {
    suite.derive_secret(path_secret.expose(), "path")
}
