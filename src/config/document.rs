//! One configuration file: its text to a draft of settings with places. Gives no value a meaning.

use toml_edit::{Document, Item, TableLike, Value as Toml};

use super::schema::{self, Keys, Shape};
use super::settings::{Draft, File, Found, Origin, Settings, SourceDraft, TableDraft, Value};
use crate::error::{Error, Place};
use crate::layout::LOCAL_CONFIG_FILE;

/// Reads a file; every mistake of form goes to `errors`, and what is readable is returned.
pub(super) fn read(file: File<'_>, errors: &mut Vec<Error>) -> Draft {
    let document = match Document::parse(file.text) {
        Ok(document) => document,
        Err(cause) => {
            let offset = cause.span().map_or(0, |span| span.start);
            // The parser's message may quote the document over several lines; its first line
            // says what was expected.
            let message = cause.message().lines().next().unwrap_or("not TOML").to_string();
            errors.push(Error::config("config/syntax", message).at(file.place(offset)));
            return Draft::default();
        }
    };
    let mut walker = Walker { file, errors };
    walker.root(document.as_table())
}

struct Walker<'a, 'e> {
    file: File<'a>,
    errors: &'e mut Vec<Error>,
}

impl Walker<'_, '_> {
    fn root(&mut self, root: &dyn TableLike) -> Draft {
        let mut draft = Draft::default();
        for (name, item) in root.iter() {
            let place = self.key_place(root, name);
            match name {
                "project" => {
                    if let Some(table) = self.table(name, item, &place) {
                        draft.project = self.section(table, schema::PROJECT, &[]);
                    }
                }
                "sample" => {
                    if let Some(table) = self.table(name, item, &place) {
                        draft.sample = Some(self.section(table, schema::SAMPLE, &[]));
                    }
                }
                "target" => {
                    if let Some(table) = self.table(name, item, &place) {
                        self.targets(table, &mut draft);
                    }
                }
                "source" => {
                    if let Some(table) = self.table(name, item, &place) {
                        draft.sources = self.sources(table);
                    }
                }
                _ => self.unknown(name, &schema::SECTIONS, place),
            }
        }
        draft
    }

    fn targets(&mut self, table: &dyn TableLike, draft: &mut Draft) {
        for (name, item) in table.iter() {
            let place = self.key_place(table, name);
            let Some(known) = schema::TARGETS.into_iter().find(|t| *t == name) else {
                self.unknown(name, &schema::TARGETS, place);
                continue;
            };
            if let Some(section) = self.table(name, item, &place) {
                let settings = self.section(section, schema::TARGET, &[]);
                draft.targets.insert(known, settings);
            }
        }
    }

    fn sources(&mut self, table: &dyn TableLike) -> Vec<SourceDraft> {
        let mut sources = Vec::new();
        for (name, item) in table.iter() {
            let place = self.key_place(table, name);
            let Some(source) = self.table(name, item, &place) else { continue };
            let settings = self.section(source, schema::SOURCE, &["table"]);
            let tables = match source.get("table") {
                Some(tables) => {
                    let place = self.key_place(source, "table");
                    self.tables(tables, place)
                }
                None => Vec::new(),
            };
            sources.push(SourceDraft { name: name.to_string(), place, settings, tables });
        }
        sources
    }

    /// The `[[source.NAME.table]]` of one source, or the same as a list of inline tables.
    fn tables(&mut self, item: &Item, place: Place) -> Vec<TableDraft> {
        if self.file.name == LOCAL_CONFIG_FILE {
            let message = format!("{LOCAL_CONFIG_FILE} declares a table");
            self.errors.push(
                Error::config("config/local-table", message)
                    .at(place)
                    .hint("declare tables in landfall.toml, where everyone sees them"),
            );
            return Vec::new();
        }
        let mut drafts = Vec::new();
        if let Some(tables) = item.as_array_of_tables() {
            for table in tables.iter() {
                let place = table.span().map_or(place.clone(), |s| self.file.place(s.start));
                drafts
                    .push(TableDraft { settings: self.section(table, schema::TABLE, &[]), place });
            }
            return drafts;
        }
        let inline = item.as_array().map(|a| a.iter().map(|v| (v, v.as_inline_table())).collect());
        let Some(inline): Option<Vec<_>> = inline else {
            self.wrong_type("table", item.type_name(), "a list of tables", place);
            return drafts;
        };
        for (value, table) in inline {
            let place = value.span().map_or(place.clone(), |s| self.file.place(s.start));
            match table {
                Some(table) => drafts
                    .push(TableDraft { settings: self.section(table, schema::TABLE, &[]), place }),
                None => self.wrong_type("table", value.type_name(), "a list of tables", place),
            }
        }
        drafts
    }

    /// The settings of one section; keys in `nested` are read by the caller.
    fn section(&mut self, table: &dyn TableLike, keys: Keys, nested: &[&'static str]) -> Settings {
        let mut settings = Settings::new();
        for (name, item) in table.iter().filter(|(name, _)| !nested.contains(name)) {
            let place = self.key_place(table, name);
            let Some((key, shape)) = schema::find(keys, name) else {
                let known: Vec<&'static str> =
                    keys.iter().map(|(key, _)| *key).chain(nested.iter().copied()).collect();
                self.unknown(name, &known, place);
                continue;
            };
            // Values are told by their own place: that is where the mistake in them is.
            let place = item.span().map_or(place, |span| self.file.place(span.start));
            if let Some(value) = self.value(key, item, shape, &place) {
                let origin = Origin::File { name: self.file.name, place };
                settings.insert(key, Found { value, origin });
            }
        }
        settings
    }

    fn value(&mut self, key: &str, item: &Item, shape: Shape, place: &Place) -> Option<Value> {
        let value = match (shape, item.as_value()) {
            (Shape::Text, Some(Toml::String(text))) => Value::Text(text.value().clone()),
            (Shape::Integer, Some(Toml::Integer(number))) => Value::Integer(*number.value()),
            (Shape::Boolean, Some(Toml::Boolean(flag))) => Value::Boolean(*flag.value()),
            (Shape::Texts, Some(Toml::Array(list))) => {
                let mut texts = Vec::with_capacity(list.len());
                for item in list.iter() {
                    let place = item.span().map_or(place.clone(), |s| self.file.place(s.start));
                    match item.as_str() {
                        Some(text) => texts.push((text.to_string(), place)),
                        None => self.wrong_type(key, item.type_name(), shape.words(), place),
                    }
                }
                Value::Texts(texts)
            }
            _ => {
                self.wrong_type(key, item.type_name(), shape.words(), place.clone());
                return None;
            }
        };
        Some(value)
    }

    fn table<'i>(
        &mut self,
        name: &str,
        item: &'i Item,
        place: &Place,
    ) -> Option<&'i dyn TableLike> {
        let table = item.as_table_like();
        if table.is_none() {
            self.wrong_type(name, item.type_name(), "a table", place.clone());
        }
        table
    }

    fn key_place(&self, table: &dyn TableLike, name: &str) -> Place {
        let offset = table
            .get_key_value(name)
            .and_then(|(key, item)| key.span().or_else(|| item.span()))
            .map_or(0, |span| span.start);
        self.file.place(offset)
    }

    fn unknown(&mut self, name: &str, known: &[&'static str], place: Place) {
        self.errors.push(
            Error::config("config/unknown-key", format!("unknown key `{name}`"))
                .at(place)
                .hint(schema::advice(name, known)),
        );
    }

    fn wrong_type(&mut self, key: &str, is: &str, want: &str, place: Place) {
        let message = format!("`{key}` must be {want}, not {}", article(is));
        self.errors.push(Error::config("config/wrong-type", message).at(place));
    }
}

fn article(word: &str) -> String {
    let an = word.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {word}", if an { "an" } else { "a" })
}
