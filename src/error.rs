//! The one error type: what failed, where, why, and what to do. It prints nothing.
//!
//! A message is lowercase, says what was expected and carries no advice; advice is the hint.
//! The code (`layer/what`) is stable and is what tests, logs and `--json` name.

use std::fmt;
use std::path::PathBuf;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What class a failure is of; it alone decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The words of the command line or of a configuration file are wrong; nothing was started.
    Config,
    /// A source or target cannot be reached or refuses the login.
    Connect,
    /// Another run holds the project.
    Locked,
    /// A task, query or check ran and failed.
    Failed,
    /// The user stopped it.
    Interrupted,
}

impl Kind {
    /// The process exit code: a contract, listed in the README.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Config => 2,
            Kind::Connect => 4,
            Kind::Locked => 5,
            Kind::Interrupted => 130,
        }
    }
}

/// A place in a text file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

impl Place {
    pub fn new(file: impl Into<PathBuf>, line: usize, column: usize) -> Place {
        Place { file: file.into(), line, column }
    }

    /// The place of byte `offset` of `text`.
    pub fn of_offset(file: impl Into<PathBuf>, text: &str, offset: usize) -> Place {
        let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Place::new(file, line, column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// A failure. Boxed inside so that `Result` stays small.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    code: &'static str,
    message: String,
    subject: Option<String>,
    place: Option<Place>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    others: Vec<Error>,
}

impl Error {
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            code,
            message: message.into(),
            subject: None,
            place: None,
            hint: None,
            source: None,
            others: Vec::new(),
        }))
    }

    /// The words or the configuration are wrong: exit 2, nothing was started.
    pub fn config(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(Kind::Config, code, message)
    }

    /// A source or target is out of reach: exit 4.
    pub fn connect(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(Kind::Connect, code, message)
    }

    /// Something ran and failed: exit 1.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Error {
        Error::new(Kind::Failed, code, message)
    }

    /// Several configuration errors found in one pass, shown all at once.
    ///
    /// Returns the only one when there is one; `None` when there are none.
    pub fn all(mut errors: Vec<Error>) -> Option<Error> {
        if errors.is_empty() {
            return None;
        }
        let mut first = errors.remove(0);
        first.0.others.extend(errors);
        Some(first)
    }

    /// Where in a file the cause is.
    pub fn at(mut self, place: Place) -> Error {
        self.0.place = Some(place);
        self
    }

    /// What to do about it: one sentence, without a full stop.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// The table, task or row it is about; the first one set stays.
    pub fn about(mut self, subject: impl Into<String>) -> Error {
        self.0.subject.get_or_insert(subject.into());
        self
    }

    /// The lower-level error behind it.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn code(&self) -> &'static str {
        self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The further errors of [`Error::all`].
    pub fn others(&self) -> &[Error] {
        &self.0.others
    }

    /// The messages of the errors behind this one, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            let text = error.to_string();
            // Wrappers often repeat their cause word for word; say it once.
            if !causes.iter().any(|c| c.contains(&text)) {
                causes.push(text);
            }
            next = error.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(subject) = &self.0.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {self}", self.0.kind, self.0.code)?;
        if let Some(place) = &self.0.place {
            write!(f, " at {place}")?;
        }
        for cause in self.causes() {
            write!(f, "; caused by: {cause}")?;
        }
        for other in &self.0.others {
            write!(f, "\n{other:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|s| &**s as &(dyn std::error::Error + 'static))
    }
}

/// The nearest of `known` to `word`, if it is near enough to be a slip of the keys.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .filter(|(distance, k)| *distance <= 1 + word.len().max(k.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_counts_lines_and_characters_from_one() {
        let text = "a = 1\nbé = 2\n";
        assert_eq!(Place::of_offset("f", text, 0), Place::new("f", 1, 1));
        assert_eq!(Place::of_offset("f", text, 9), Place::new("f", 2, 3));
    }

    #[test]
    fn nearest_finds_slips_and_refuses_strangers() {
        assert_eq!(nearest("watermrak", ["watermark", "where"]), Some("watermark"));
        assert_eq!(nearest("zebra", ["watermark", "where"]), None);
    }

    #[test]
    fn all_keeps_every_error() {
        let error =
            Error::all(vec![Error::config("a", "one"), Error::config("b", "two")]).expect("two");
        assert_eq!(error.message(), "one");
        assert_eq!(error.others().len(), 1);
        assert!(Error::all(Vec::new()).is_none());
    }
}
