//! One line of an access log, split into borrowed fields. Pure; it decodes and unescapes nothing.
//!
//! Fields hold the log's own text: `\"`, `\\` and `\x22` stay as written, `-` stays `-`.

use std::fmt;

/// The fields of a line. A format without a field leaves it `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Line<'t> {
    /// An address, a host name, or a list `client, proxy, proxy`.
    pub address: Option<&'t [u8]>,
    pub identity: Option<&'t [u8]>,
    pub username: Option<&'t [u8]>,
    /// What stands between the square brackets.
    pub timestamp: Option<&'t [u8]>,
    pub request: Option<&'t [u8]>,
    /// 0 to 999; `None` for `-`.
    pub status: Option<u16>,
    /// `None` for `-`.
    pub bytes_sent: Option<u64>,
    pub referer: Option<&'t [u8]>,
    pub user_agent: Option<&'t [u8]>,
}

/// Limits in bytes; a longer field sends the line to quarantine. The columns are as wide.
pub mod limit {
    /// Of a whole line.
    pub const LINE: usize = 1 << 20;
    /// Of what quarantine keeps of a line over [`LINE`].
    pub const KEPT: usize = 64 * 1024;
    /// A host name has at most 253.
    pub const ADDRESS: usize = 255;
    pub const NAME: usize = 255;
    pub const TIMESTAMP: usize = 64;
    pub const TEXT: usize = 65_535;
}

impl<'t> Line<'t> {
    /// The first field longer than its column.
    pub fn too_long(&self) -> Option<LineError> {
        let fields = [
            ("ip_address", self.address, limit::ADDRESS),
            ("identity", self.identity, limit::NAME),
            ("username", self.username, limit::NAME),
            ("request_timestamp", self.timestamp, limit::TIMESTAMP),
            ("request_line", self.request, limit::TEXT),
            ("referer", self.referer, limit::TEXT),
            ("user_agent", self.user_agent, limit::TEXT),
        ];
        fields.into_iter().find_map(|(column, value, limit)| {
            let bytes = value.map_or(0, <[u8]>::len);
            (bytes > limit).then_some(LineError::FieldTooLong { column, bytes, limit })
        })
    }
}

/// Why a line cannot be landed. Offsets are bytes from the start of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineError {
    /// A field that is not quoted is empty or runs to the end of the line.
    MissingField { field: &'static str, at: usize },
    /// A quote that should open a field is not there.
    NoQuotes { field: &'static str, at: usize },
    /// A quoted field has no closing quote.
    OpenQuote { field: &'static str, at: usize },
    /// A quoted field ends in the middle: a quote inside it is not escaped.
    BareQuote { field: &'static str, at: usize },
    /// The timestamp's square bracket is missing.
    NoBrackets { at: usize },
    /// The status is neither three digits nor `-`.
    BadStatus { at: usize },
    /// The size is neither digits within 63 bits nor `-`.
    BadSize { at: usize },
    /// Text that the format declares is not there.
    Shape { at: usize },
    /// More text after the last field.
    Trailing { at: usize },
    /// Not valid UTF-8.
    NotUtf8 { at: usize },
    /// Over [`limit::LINE`].
    TooLong { bytes: u64 },
    /// A field over the width of its column.
    FieldTooLong { column: &'static str, bytes: usize, limit: usize },
}

impl LineError {
    /// The stable code quarantine and counts carry.
    pub fn reason(&self) -> &'static str {
        match self {
            LineError::MissingField { .. } => "line/missing_field",
            LineError::NoQuotes { .. } => "line/no_quotes",
            LineError::OpenQuote { .. } => "line/open_quote",
            LineError::BareQuote { .. } => "line/bare_quote",
            LineError::NoBrackets { .. } => "line/no_brackets",
            LineError::BadStatus { .. } => "line/bad_status",
            LineError::BadSize { .. } => "line/bad_size",
            LineError::Shape { .. } => "line/shape",
            LineError::Trailing { .. } => "line/trailing",
            LineError::NotUtf8 { .. } => "line/not_utf8",
            LineError::TooLong { .. } => "line/too_long",
            LineError::FieldTooLong { .. } => "line/field_too_long",
        }
    }

    /// How far the reading got: of several formats tried, the furthest one's error is told.
    pub fn reached(&self) -> usize {
        match *self {
            LineError::MissingField { at, .. }
            | LineError::NoQuotes { at, .. }
            | LineError::OpenQuote { at, .. }
            | LineError::BareQuote { at, .. }
            | LineError::NoBrackets { at }
            | LineError::BadStatus { at }
            | LineError::BadSize { at }
            | LineError::Shape { at }
            | LineError::Trailing { at }
            | LineError::NotUtf8 { at } => at,
            LineError::TooLong { .. } | LineError::FieldTooLong { .. } => usize::MAX,
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::MissingField { field, at } => {
                write!(f, "expected {field} at byte {at}")
            }
            LineError::NoQuotes { field, at } => {
                write!(f, "expected a quote before {field} at byte {at}")
            }
            LineError::OpenQuote { field, at } => {
                write!(f, "the quote before {field} at byte {at} is never closed")
            }
            LineError::BareQuote { field, at } => {
                write!(
                    f,
                    "{field} ends at byte {at} but the line does not go on as declared: a quote inside it may lack its backslash"
                )
            }
            LineError::NoBrackets { at } => {
                write!(f, "expected a timestamp in square brackets at byte {at}")
            }
            LineError::BadStatus { at } => {
                write!(f, "expected a status of three digits or `-` at byte {at}")
            }
            LineError::BadSize { at } => {
                write!(f, "expected a size in digits, below 2^63, or `-` at byte {at}")
            }
            LineError::Shape { at } => {
                write!(f, "the line leaves the declared format at byte {at}")
            }
            LineError::Trailing { at } => {
                write!(f, "expected the end of the line at byte {at}")
            }
            LineError::NotUtf8 { at } => write!(f, "not valid UTF-8 at byte {at}"),
            LineError::TooLong { bytes } => write!(
                f,
                "a line of {bytes} bytes, more than {}; the first {} are kept",
                limit::LINE,
                limit::KEPT
            ),
            LineError::FieldTooLong { column, bytes, limit } => {
                write!(f, "`{column}` has {bytes} bytes, more than its {limit}")
            }
        }
    }
}

/// `-` means "no value" in every field of a log.
#[inline]
pub fn value(field: Option<&[u8]>) -> Option<&[u8]> {
    match field {
        Some(b"-") | None => None,
        some => some,
    }
}

/// A status of exactly three digits, or `-`.
#[inline]
pub(super) fn status(text: &[u8]) -> Result<Option<u16>, ()> {
    match *text {
        [b'-'] => Ok(None),
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Ok(Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')))
        }
        _ => Err(()),
    }
}

/// The number in the last `count` of the bytes; `None` if these are not digits, or none.
///
/// All eight at once, since the length of a size is what a loop guesses wrong: pairs of digits,
/// then of pairs, then of those are added up side by side in one word.
#[inline]
pub(super) fn digits(end: &[u8; 8], count: usize) -> Option<u64> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const ZEROS: u64 = EACH * b'0' as u64;
    const HIGH: u64 = EACH * 0xf0;
    if !(1..=end.len()).contains(&count) {
        return None;
    }
    // what stands before them reads as zeros
    let kept = u64::MAX << (64 - 8 * count);
    let text = (u64::from_le_bytes(*end) & kept) | (ZEROS & !kept);
    // 0x30 to 0x39: the high half is a 3, and still is with 6 more
    let more = text.wrapping_add(EACH * 6);
    if (text & HIGH) | ((more & HIGH) >> 4) != EACH * 0x33 {
        return None;
    }
    let ones = text - ZEROS;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// A size in digits below 2^63, or `-`.
#[inline]
pub(super) fn size(text: &[u8]) -> Result<Option<u64>, ()> {
    if text == b"-" {
        return Ok(None);
    }
    if text.is_empty() {
        return Err(());
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(());
        }
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit))).ok_or(())?;
    }
    if value > i64::MAX as u64 { Err(()) } else { Ok(Some(value)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_digits_at_once_are_read_as_one_by_one(
            end in prop_oneof![
                "[0-9]{8}".prop_map(|text| text.into_bytes()),
                "[ -:0-9]{8}".prop_map(|text| text.into_bytes()),
                proptest::collection::vec(any::<u8>(), 8),
            ],
            count in 0usize..12,
        ) {
            let end: [u8; 8] = end.try_into().expect("eight bytes");
            let want = end.get(8usize.wrapping_sub(count)..).and_then(|text| size(text).ok().flatten());
            prop_assert_eq!(digits(&end, count), want, "{:?}", end);
        }
    }

    #[test]
    fn every_byte_but_a_digit_is_seen_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut end = *b"12345678";
                end[place] = byte;
                let want = size(&end).ok().flatten();
                assert_eq!(digits(&end, 8), want, "{byte} at {place}");
                assert_eq!(digits(&end, 8 - place).is_some(), byte.is_ascii_digit());
                assert!(digits(&end, 7 - place).is_some() == (place < 7));
            }
        }
    }
}
