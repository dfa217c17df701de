//! Tokens of sessions (docs/protocol.md, section 6).

use pando_wire::{Encode, Opaque};
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// A token, which a client sends in the header `Authorization`. It consists of printable ASCII
/// characters without spaces, so it cannot add a header or another credential.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// Returns the text. Whoever has it can read what the session may read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The text is empty, or contains other characters than printable ASCII without spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("token is empty or contains other characters than printable ASCII without spaces")]
pub struct TokenError;

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_token { Ok(Self(text.into())) } else { Err(TokenError) }
    }
}

impl Encode for Token {}

impl Size for Token {
    fn tls_serialized_len(&self) -> usize {
        Opaque::from(&*self.0).tls_serialized_len()
    }
}

impl Serialize for Token {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        Opaque::from(&*self.0).tls_serialize(writer)
    }
}

impl DeserializeBytes for Token {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (text, rest) = Opaque::tls_deserialize_bytes(bytes)?;
        let text = str::from_utf8(&text).map_err(|_| TokenError);
        let token = text.and_then(str::parse).map_err(|why| Error::DecodingError(why.to_string()))?;
        Ok((token, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::{Decode, DecodeError};

    #[test]
    fn tokens_are_printable_ascii_without_spaces() {
        for text in ["a", "!~", "AbC0-._~+/="] {
            let token: Token = text.parse().unwrap();
            assert_eq!(token.as_str(), text);
            assert_eq!(Token::decode(&token.encode().unwrap()).unwrap(), token);
        }
        for text in ["", " ", "a b", "a\r\nHost: b", "a\0", "\u{7f}", "\u{e4}", "a\u{a0}"] {
            assert_eq!(text.parse::<Token>(), Err(TokenError), "{text:?}");
            let bytes = Opaque::from(text).with_length().unwrap();
            assert!(matches!(Token::decode(&bytes), Err(DecodeError::Malformed(_))), "{text:?}");
        }
        assert!(matches!(Token::decode(b"\x02a\xff"), Err(DecodeError::Malformed(_))));
    }
}
