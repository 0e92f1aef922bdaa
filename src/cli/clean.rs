//! Foreign text made safe to show: no control can reach a terminal, no password a reader.
//!
//! Logs, table names and server messages are written by strangers. A terminal obeys what it is
//! sent, so escape sequences in them could hide or forge lines (CWE-117, CWE-150).

use std::borrow::Cow;

/// Takes the place of what was removed.
const REPLACEMENT: char = '\u{fffd}';

/// `text` without C0 and C1 controls, DEL and the marks that turn the direction of writing; tabs
/// and line ends stay. What is removed leaves a mark, so that nothing vanishes unseen.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    replace(text, |c| is_control(c) && c != '\n' && c != '\t')
}

/// As [`clean`], for text that must stay on one line: line ends and tabs become blanks.
pub(super) fn clean_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\t', '\r']) {
        let one_line = text.replace(['\n', '\t', '\r'], " ");
        return Cow::Owned(replace(&one_line, is_control).into_owned());
    }
    replace(text, is_control)
}

fn replace(text: &str, unwanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&unwanted) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if unwanted(c) { REPLACEMENT } else { c }).collect())
}

/// C0, DEL and C1 (`char::is_control`), bidirectional marks, and the two line separators that
/// some terminals obey.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// `text` with the password of every `scheme://user:password@host` in it as dots.
///
/// Our own URLs hold none; a driver's message may quote the one it was given.
pub(super) fn scrub(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        scrubbed.push_str(before);
        let authority = after
            .find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
            .map_or(after, |end| &after[..end]);
        rest = match authority.rsplit_once('@') {
            Some((login, _)) => {
                let (user, has_password) = match login.split_once(':') {
                    Some((user, _)) => (user, true),
                    None => (login, false),
                };
                scrubbed.push_str(user);
                if has_password {
                    scrubbed.push_str(":••••");
                }
                &after[login.len()..]
            }
            None => after,
        };
    }
    scrubbed.push_str(rest);
    Cow::Owned(scrubbed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_never_reach_a_terminal() {
        assert_eq!(clean("a\x1b[31mb\x07\u{9b}2J\u{202e}c\x7f"), "a�[31mb��2J�c�");
        assert_eq!(clean("plain é ✓\tand\nmore"), "plain é ✓\tand\nmore");
        assert_eq!(clean_line("GET /\r\nSet-Cookie:\tx"), "GET /  Set-Cookie: x");
        for c in (0..=0x10_ffff_u32).filter_map(char::from_u32).filter(|c| c.is_control()) {
            assert!(!clean_line(&c.to_string()).contains(c), "{c:?}");
        }
    }

    #[test]
    fn passwords_in_urls_become_dots() {
        for (text, want) in [
            ("no url", "no url"),
            ("mysql://etl:s3cr3t@db:3306/x", "mysql://etl:••••@db:3306/x"),
            ("at mysql://etl@db and s3://b/k", "at mysql://etl@db and s3://b/k"),
            ("`postgres://a:p@ss:w@h/d` refused", "`postgres://a:••••@h/d` refused"),
            ("two a://b:c@d e://f:g@h", "two a://b:••••@d e://f:••••@h"),
        ] {
            assert_eq!(scrub(text), want);
        }
    }
}
