//! Reads typed settings out of a draft, noting origins and mistakes on the way. Touches no disk.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use super::settings::{DOTS, Found, Origin, Setting, Settings, Value};
use super::table::Target;
use super::text::{self, Expanded, VariableMistake};
use crate::error::{Error, Place};

/// One section of the merged draft.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    /// `project`, `source.mysql`, `source.mysql.table.orders`
    pub name: String,
    pub settings: &'a Settings,
    /// Where the section begins; what is missing in it is told there.
    pub place: Option<Place>,
}

/// A text setting, with its variables filled in.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    pub found: &'a Found,
    pub expanded: Expanded,
}

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.expanded.text
    }

    pub fn error(&self, code: &'static str, message: impl Into<String>) -> Error {
        self.found.error(code, message)
    }
}

/// What the reading of a project needs and gathers.
pub(super) struct Reader<'a> {
    pub root: &'a Path,
    pub environment: &'a BTreeMap<String, String>,
    pub errors: Vec<Error>,
    pub origins: Vec<Setting>,
    /// Every table that is written to.
    pub targets: Vec<Target>,
}

impl<'a> Reader<'a> {
    pub fn new(root: &'a Path, environment: &'a BTreeMap<String, String>) -> Reader<'a> {
        Reader { root, environment, errors: Vec::new(), origins: Vec::new(), targets: Vec::new() }
    }

    /// The setting as found, noted with its origin.
    pub fn found<'s>(&mut self, section: &Section<'s>, key: &'static str) -> Option<&'s Found> {
        let found = section.settings.get(key)?;
        self.note(section, key, found.value.to_string(), found.origin.to_string());
        Some(found)
    }

    /// As [`Reader::found`], shown as dots.
    pub fn hidden<'s>(&mut self, section: &Section<'s>, key: &'static str) -> Option<&'s Found> {
        let found = section.settings.get(key)?;
        self.note(section, key, DOTS.to_string(), found.origin.to_string());
        Some(found)
    }

    /// Notes a value that nobody set.
    pub fn default(&mut self, section: &Section<'_>, key: &str, shown: impl Into<String>) {
        self.note(section, key, shown.into(), "default".to_string());
    }

    pub fn text<'s>(&mut self, section: &Section<'s>, key: &'static str) -> Option<Text<'s>> {
        let found = self.found(section, key)?;
        self.expand(found)
    }

    /// Fills in the variables of a value found in a file; mistakes are noted.
    pub fn expand<'s>(&mut self, found: &'s Found) -> Option<Text<'s>> {
        let Value::Text(raw) = &found.value else { return None };
        // A variable's own value, and a flag's, are taken as they are.
        if matches!(found.origin, Origin::Named(_)) {
            let expanded = Expanded { text: raw.clone(), filled: Vec::new() };
            return Some(Text { found, expanded });
        }
        match text::expand(raw, self.environment) {
            Ok(expanded) => Some(Text { found, expanded }),
            Err(mistakes) => {
                for mistake in mistakes {
                    self.errors.push(found.blame(variable_error(mistake)));
                }
                None
            }
        }
    }

    /// The texts of a list, each with its place; variables are filled in.
    pub fn texts(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
    ) -> Option<Vec<(String, Place)>> {
        let found = self.found(section, key)?;
        let Value::Texts(raw) = &found.value else { return None };
        let mut texts = Vec::with_capacity(raw.len());
        for (raw, place) in raw {
            match text::expand(raw, self.environment) {
                Ok(expanded) => texts.push((expanded.text, place.clone())),
                Err(mistakes) => self
                    .errors
                    .extend(mistakes.into_iter().map(|m| variable_error(m).at(place.clone()))),
            }
        }
        Some(texts)
    }

    pub fn integer(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let Some(found) = self.found(section, key) else {
            self.default(section, key, default.to_string());
            return default;
        };
        let Value::Integer(number) = found.value else { return default };
        match u64::try_from(number).ok().filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                let message =
                    format!("`{key}` must be {} to {}, not {number}", range.start(), range.end());
                self.errors.push(found.error("config/range", message));
                default
            }
        }
    }

    pub fn boolean(&mut self, section: &Section<'_>, key: &'static str, default: bool) -> bool {
        match self.found(section, key).map(|found| &found.value) {
            Some(Value::Boolean(flag)) => *flag,
            Some(_) => default,
            None => {
                self.default(section, key, default.to_string());
                default
            }
        }
    }

    /// A text with a unit, read by `parse` and held to `range`; `words` says what is expected.
    pub fn measure(
        &mut self,
        section: &Section<'_>,
        key: &'static str,
        parse: fn(&str) -> Option<u64>,
        range: RangeInclusive<u64>,
        default: &str,
        words: &str,
    ) -> u64 {
        let fallback = parse(default).unwrap_or(*range.start());
        if !section.settings.contains_key(key) {
            self.default(section, key, default);
            return fallback;
        }
        let Some(text) = self.text(section, key) else { return fallback };
        match parse(text.as_str()).filter(|n| range.contains(n)) {
            Some(number) => number,
            None => {
                let message = format!("`{key}` must be {words}, not `{}`", text.as_str());
                self.errors.push(text.error("config/range", message));
                fallback
            }
        }
    }

    /// Notes that a section lacks a key it needs.
    pub fn missing(&mut self, section: &Section<'_>, what: &str, hint: &str) {
        let message = format!("[{}] needs {what}", section.name);
        let error = Error::config("config/missing-key", message).hint(hint);
        self.errors.push(match &section.place {
            Some(place) => error.at(place.clone()),
            None => error,
        });
    }

    fn note(&mut self, section: &Section<'_>, key: &str, value: String, origin: String) {
        self.origins.push(Setting { key: format!("{}.{key}", section.name), value, origin });
    }
}

fn variable_error(mistake: VariableMistake) -> Error {
    match mistake {
        VariableMistake::Unset(name) => {
            Error::config("config/variable", format!("the environment variable {name} is not set"))
                .hint(format!("set {name}, or write the value; `$${{` stands for `${{` itself"))
        }
        VariableMistake::Malformed => {
            Error::config("config/variable", "`${` is not followed by a variable's name and `}`")
                .hint("write ${NAME}, or `$${` for `${` itself")
        }
    }
}
