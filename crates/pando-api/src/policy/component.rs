//! The extension of the GroupContext that contains the policy.

use pando_mls::ExtensionType;
use pando_mls::wire::ApplicationExtension;
use pando_wire::{Encode, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The type of the extension that contains a [`ComponentData`]. All clients list it in their
/// capabilities.
pub const POLICY_EXTENSION: ExtensionType = ExtensionType(0xfa01);

/// The identifier of the policy component.
pub const POLICY_COMPONENT: u16 = 0xfa01;

/// The data of one component of a group.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ComponentData {
    /// The identifier of the component.
    pub component_id: u16,
    /// The contents of the component.
    pub data: Opaque,
}

impl Encode for ComponentData {}

impl ApplicationExtension for ComponentData {
    const TYPE: ExtensionType = POLICY_EXTENSION;
}
