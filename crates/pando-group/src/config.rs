//! What a member decides for itself.

use pando_framing::Padding;
use pando_schedule::RatchetLimits;

/// How a member keeps and sends things. Others need not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupConfig {
    /// Whether Commits and proposals are sent encrypted. Default: yes.
    pub encrypt_handshakes: bool,
    /// How encrypted messages are padded. Default: Padmé.
    pub padding: Padding,
    /// How far messages of one sender may be out of order.
    pub ratchet_limits: RatchetLimits,
    /// How many past epochs' application messages can still be read. Default: 3.
    pub past_epochs: usize,
    /// How many past epochs' resumption PSKs are kept. Default: 32.
    pub past_resumption_psks: usize,
    /// How many proposals may be pending in one epoch. Default: 65,536.
    pub pending_proposals: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            encrypt_handshakes: true,
            padding: Padding::Padme,
            ratchet_limits: RatchetLimits::default(),
            past_epochs: 3,
            past_resumption_psks: 32,
            pending_proposals: 65_536,
        }
    }
}
