//! Failures as people and programs read them: what, where, why, and what to do.
//!
//! On a terminal, a frame shows the line; elsewhere the same is said in plain sentences, which a
//! log keeps and a screen reader reads. It decides nothing about exit codes but what
//! [`Kind::exit_code`] says.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::clean::{clean, clean_line, scrub};
use super::printer::Palette;
use crate::error::{Error, Kind, Place};

/// Longest piece of a source line that a frame shows, in characters.
const MAX_LINE: usize = 160;

/// How a failure is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) palette: Palette,
    /// A frame with the source line, instead of plain sentences.
    pub(super) frame: bool,
}

/// The report of a failure and of the others found with it, without a line end.
pub(super) fn report(
    error: &Error,
    style: Style,
    read: &dyn Fn(&Path) -> Option<String>,
) -> String {
    let mut text = one(error, style, read);
    for other in error.others() {
        text.push_str("\n\n");
        text.push_str(&one(other, style, read));
    }
    if !error.others().is_empty() {
        let _ = write!(text, "\n\n{} errors", error.others().len() + 1);
    }
    text
}

/// The text of a file that an error points into. Only the place's line of it is shown.
pub(super) fn read_file(path: &Path) -> Option<String> {
    let small = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() < 8 * 1024 * 1024);
    small.then(|| std::fs::read_to_string(path).ok()).flatten()
}

fn one(error: &Error, style: Style, read: &dyn Fn(&Path) -> Option<String>) -> String {
    let paint = style.palette;
    let mut text = format!(
        "{}{} {}",
        paint.bad(format!("error[{}]", error.code())),
        paint.strong(":"),
        paint.strong(shown(&error.to_string()))
    );
    if let Some(place) = error.place() {
        let line = read(&place.file)
            .and_then(|file| file.lines().nth(place.line.saturating_sub(1)).map(str::to_string));
        text.push_str(&match style.frame {
            true => frame(place, line.as_deref(), paint),
            false => sentence(place, line.as_deref()),
        });
    }
    let indent = if style.frame { "  " } else { "" };
    for cause in error.causes() {
        let _ = write!(text, "\n{indent}caused by: {}", shown(&cause));
    }
    if let Some(hint) = error.advice() {
        let _ = write!(text, "\n{indent}{} {}", paint.accent("help:"), shown(hint));
    }
    text
}

/// The first line of something told of a place.
pub(super) struct Head<'a> {
    /// `error` or `warning`.
    pub(super) severity: &'static str,
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}

/// A finding with the line it is about: on a terminal in a frame, elsewhere the place first, as
/// compilers write it and editors read it.
pub(super) fn located(head: &Head<'_>, place: &Place, text: &str, style: Style) -> String {
    let paint = style.palette;
    let word = format!("{}[{}]", head.severity, head.code);
    let word = if head.severity == "error" { paint.bad(word) } else { paint.warn(word) };
    let line = text.lines().nth(place.line.saturating_sub(1));
    if style.frame {
        let message = paint.strong(shown(head.message));
        return format!("{word}{} {message}{}", paint.strong(":"), frame(place, line, paint));
    }
    let at = clean_line(&shown_place(place)).into_owned();
    let mut told = format!("{at}: {word}: {}", shown(head.message));
    if let Some(line) = line {
        let (line, _) = excerpt(line, place.column);
        let _ = write!(told, "\n  | {}", clean_line(line.trim()));
    }
    told
}

/// Foreign text: no controls, no passwords.
fn shown(text: &str) -> String {
    clean(&scrub(text)).into_owned()
}

fn frame(place: &Place, line: Option<&str>, paint: Palette) -> String {
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let bar = paint.accent("|");
    let place_text = clean_line(&shown_place(place)).into_owned();
    let mut text = format!("\n{margin}{} {place_text}", paint.accent("-->"));
    let Some(line) = line else {
        return text;
    };
    let (line, column) = excerpt(line, place.column);
    let blanks = " ".repeat(column.saturating_sub(1));
    let carets = "^".repeat(word_length(&line, column));
    let _ = write!(
        text,
        "\n{margin} {bar}\n{} {bar} {}\n{margin} {bar} {blanks}{}",
        paint.accent(&number),
        clean_line(&line),
        paint.bad(carets)
    );
    text
}

fn sentence(place: &Place, line: Option<&str>) -> String {
    let file = clean_line(&near(&place.file)).into_owned();
    let mut text = format!("\nat {file}, line {}, column {}", place.line, place.column);
    if let Some(line) = line {
        let (line, _) = excerpt(line, place.column);
        let _ = write!(text, ": {}", clean_line(line.trim()));
    }
    text
}

fn shown_place(place: &Place) -> String {
    format!("{}:{}:{}", near(&place.file), place.line, place.column)
}

/// A path as seen from here, when it lies below.
pub(super) fn near(path: &Path) -> String {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The part of a line around `column`, and the column in it; tabs count as one blank.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let characters: Vec<char> = line.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let start = if column > MAX_LINE / 2 && characters.len() > MAX_LINE {
        (column - MAX_LINE / 2).min(characters.len() - MAX_LINE)
    } else {
        0
    };
    let part: String = characters.iter().skip(start).take(MAX_LINE).collect();
    (part.trim_end().to_string(), column.saturating_sub(start).max(1))
}

/// Characters of the word at `column`: what the carets underline, at least one.
fn word_length(line: &str, column: usize) -> usize {
    line.chars()
        .skip(column.saturating_sub(1))
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        .count()
        .max(1)
}

/// A failure as one JSON object; further errors are in `others`.
pub(super) fn to_json(error: &Error) -> Value {
    let mut object = json!({
        "kind": kind_word(error.kind()),
        "severity": "error",
        "code": error.code(),
        "message": scrub(error.message()),
        "causes": error.causes().iter().map(|c| scrub(c).into_owned()).collect::<Vec<_>>(),
    });
    if let Some(fields) = object.as_object_mut() {
        if let Some(subject) = error.subject() {
            fields.insert("subject".into(), json!(scrub(subject)));
        }
        if let Some(place) = error.place() {
            fields.insert("file".into(), json!(near(&place.file)));
            fields.insert("line".into(), json!(place.line));
            fields.insert("column".into(), json!(place.column));
        }
        if let Some(hint) = error.advice() {
            fields.insert("help".into(), json!(scrub(hint)));
        }
        if !error.others().is_empty() {
            let others: Vec<Value> = error.others().iter().map(to_json).collect();
            fields.insert("others".into(), json!(others));
        }
    }
    object
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Config => "config",
        Kind::Connect => "connect",
        Kind::Locked => "locked",
        Kind::Failed => "failed",
        Kind::Interrupted => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[table.orders]\n\twatermrak = \"updated\" # \u{1b}[31m\n";

    fn error() -> Error {
        Error::config("config/unknown_key", "unknown key `watermrak`")
            .at(Place::new("shop.toml", 2, 2))
            .about("table orders")
            .because(std::io::Error::other("mysql://etl:s3cret@db said \u{1b}[2J no"))
            .hint("did you mean `watermark`?")
    }

    fn drawn(error: &Error, frame: bool) -> String {
        let style = Style { palette: Palette { on: false }, frame };
        report(error, style, &|_| Some(FILE.to_string()))
    }

    #[test]
    fn a_frame_shows_the_line_and_underlines_the_word() {
        let want = "\
error[config/unknown_key]: table orders: unknown key `watermrak`
 --> shop.toml:2:2
  |
2 |  watermrak = \"updated\" # \u{fffd}[31m
  |  ^^^^^^^^^
  caused by: mysql://etl:••••@db said \u{fffd}[2J no
  help: did you mean `watermark`?";
        assert_eq!(drawn(&error(), true), want);
    }

    #[test]
    fn without_a_terminal_it_is_sentences() {
        let want = "\
error[config/unknown_key]: table orders: unknown key `watermrak`
at shop.toml, line 2, column 2: watermrak = \"updated\" # \u{fffd}[31m
caused by: mysql://etl:••••@db said \u{fffd}[2J no
help: did you mean `watermark`?";
        assert_eq!(drawn(&error(), false), want);
    }

    #[test]
    fn every_error_of_a_pass_is_shown() {
        let all = Error::all(vec![error(), Error::config("b/c", "second"), error()]);
        let text = drawn(&all.expect("errors"), true);
        assert_eq!(text.matches("error[").count(), 3);
        assert!(text.ends_with("\n\n3 errors"), "{text}");
    }

    #[test]
    fn places_beyond_the_file_do_not_panic() {
        for (line, column) in [(0, 0), (2, 4_000), (99, 1), (usize::MAX, usize::MAX)] {
            let error = Error::failed("a/b", "x").at(Place::new("f", line, column));
            for frame in [true, false] {
                assert!(drawn(&error, frame).starts_with("error[a/b]: x\n"));
            }
        }
        let long = "x".repeat(10_000);
        let style = Style { palette: Palette { on: false }, frame: true };
        let error = Error::failed("a/b", "x").at(Place::new("f", 1, 5_000));
        let text = report(&error, style, &|_| Some(long.clone()));
        assert!(text.lines().all(|l| l.chars().count() <= MAX_LINE + 8), "{text}");
    }

    #[test]
    fn json_says_the_same_without_passwords() {
        let all = Error::all(vec![error(), Error::failed("b/c", "second")]).expect("errors");
        let value = to_json(&all);
        assert_eq!(value["code"], "config/unknown_key");
        assert_eq!(value["subject"], "table orders");
        assert_eq!((&value["line"], &value["column"]), (&json!(2), &json!(2)));
        assert_eq!(value["others"][0]["kind"], "failed");
        assert!(!value.to_string().contains("s3cret"));
    }
}
