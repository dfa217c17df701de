//! Validity periods of certificates (RFC 5280, section 4.1.2.5), which may begin before 1970.
//!
//! UTCTime starts in 1950, and GeneralizedTime in the year 0. However, `x509-cert` and `webpki` use
//! an unsigned number of seconds since 1970 and cannot parse a certificate with an earlier time.
//! These crates receive a copy of the certificate in which the first second of 1970 replaces each
//! earlier time. The copy has the same length as the original, so all other positions stay the
//! same. This module retains the true times, which are checked before `webpki` checks those of the
//! copy. Signatures are verified over the original.

use std::borrow::Cow;
use std::ops::Range;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{self, DateTime, Decode, ErrorKind, Header, Reader, SliceReader, Tag, Tagged};

/// The first second of 1970 as UTCTime and as GeneralizedTime.
const EPOCH_UTC: &[u8] = b"700101000000Z";
const EPOCH_GENERALIZED: &[u8] = b"19700101000000Z";

/// The number of seconds in 2,000 years. The calendar repeats every 400 years, which have 146,097
/// days.
const TWO_THOUSAND_YEARS: i64 = 5 * 146_097 * 86_400;

/// A validity period in seconds since 1970, including the first and the last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// An encoded certificate together with its parsed validity.
#[derive(Debug)]
pub(crate) struct Dated<'a> {
    /// The certificate in a form for parsers that do not support times before 1970.
    pub(crate) der: Cow<'a, [u8]>,
    pub(crate) validity: Validity,
    original: &'a [u8],
    /// The position of the TBSCertificate in the certificate.
    tbs: Range<usize>,
}

impl<'a> Dated<'a> {
    /// Parses the validity of a certificate.
    pub(crate) fn read(original: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(original)?;
        sequence(&mut reader)?;
        let start = usize::try_from(reader.position())?;
        let length = usize::try_from(sequence(&mut reader)?)?;
        let end = usize::try_from(reader.position())?.saturating_add(length);
        // Skip the optional version.
        if Tag::peek(&reader)?.is_context_specific() {
            AnyRef::decode(&mut reader)?;
        }
        // Skip serialNumber, signature and issuer.
        for _ in 0..3 {
            AnyRef::decode(&mut reader)?;
        }
        sequence(&mut reader)?;
        let mut der = Cow::Borrowed(original);
        let not_before = read_time(&mut reader, &mut der)?;
        let not_after = read_time(&mut reader, &mut der)?;
        Ok(Self { der, validity: Validity { not_before, not_after }, original, tbs: start..end })
    }

    /// Returns the TBSCertificate that was signed, if `message` is the copy of it in which times
    /// were replaced.
    ///
    /// In a valid path, no two certificates have the same copy, because no two issuers have the
    /// same name, and the basicConstraints of a leaf differ from those of a CA.
    pub(crate) fn signed(&self, message: &[u8]) -> Option<&'a [u8]> {
        let is_copy = matches!(&self.der, Cow::Owned(copy) if copy.get(self.tbs.clone()) == Some(message));
        if is_copy { self.original.get(self.tbs.clone()) } else { None }
    }
}

/// Reads the header of a SEQUENCE and returns the length of its contents.
fn sequence(reader: &mut SliceReader<'_>) -> der::Result<der::Length> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(Tag::Sequence)?;
    Ok(header.length())
}

/// Parses a Time and returns it in seconds since 1970. If it is before 1970, replaces it in the
/// copy.
fn read_time(reader: &mut SliceReader<'_>, copy: &mut Cow<'_, [u8]>) -> der::Result<i64> {
    let time = AnyRef::decode(reader)?;
    let end = usize::try_from(reader.position())?;
    let (century, epoch): (&[u8], _) = match (time.tag(), time.value()) {
        (Tag::UtcTime, [b'5'..=b'9', ..]) => (b"19", EPOCH_UTC),
        (Tag::UtcTime, _) => (b"20", EPOCH_UTC),
        (Tag::GeneralizedTime, _) => (b"", EPOCH_GENERALIZED),
        (tag, _) => return Err(tag.value_error().into()),
    };
    let seconds = seconds(&[century, time.value()].concat()).ok_or_else(|| time.tag().value_error())?;
    if seconds < 0 {
        let at = end.saturating_sub(epoch.len())..end;
        let digits = copy.to_mut().get_mut(at).ok_or(ErrorKind::Failed)?;
        digits.iter_mut().zip(epoch).for_each(|(digit, epoch)| *digit = *epoch);
    }
    Ok(seconds)
}

/// Converts a time in the form `YYYYMMDDHHMMSSZ` to seconds since 1970. Other forms are not allowed
/// (RFC 5280, section 4.1.2.5).
fn seconds(text: &[u8]) -> Option<i64> {
    let digits = text.strip_suffix(b"Z").filter(|digits| digits.len() == 14)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = str::from_utf8(digits).ok()?;
    let field = |at: Range<usize>| digits.get(at)?.parse::<u8>().ok();
    let year: u16 = digits.get(..4)?.parse().ok()?;
    let is_early = year < 1970;
    let date = DateTime::new(
        if is_early { year.saturating_add(2000) } else { year },
        field(4..6)?,
        field(6..8)?,
        field(8..10)?,
        field(10..12)?,
        field(12..14)?,
    );
    let seconds = i64::try_from(date.ok()?.unix_duration().as_secs()).ok()?;
    Some(if is_early { seconds.saturating_sub(TWO_THOUSAND_YEARS) } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn seconds_since_1970() {
        for (text, expected) in [
            ("19700101000000Z", 0),
            ("19691231235959Z", -1),
            ("19500101000000Z", -631_152_000),
            // RFC 5280 uses the Gregorian calendar even for times before 1582. In that calendar,
            // the year 0 is a leap year.
            ("16000229120000Z", -11_670_955_200),
            ("00000229000000Z", -62_162_121_600),
            ("99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(seconds(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_that_are_malformed() {
        for text in [
            "19690229000000Z",
            "19001300000000Z",
            "19000000000000Z",
            "19000101240000Z",
            "19000101006000Z",
            "19000101000060Z",
            "190001010000Z",
            "19000101000000",
            "19000101000000.5Z",
            "19000101000000+0100",
            "+9000101000000Z",
            "1900010100000 Z",
            "",
        ] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }
}
