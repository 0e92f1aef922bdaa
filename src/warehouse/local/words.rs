//! What DDL says of a table beyond its columns, as the catalog keeps it: one text, read and written
//! part by part. It asks no catalog.

use crate::dialect::{
    Constraint, ConstraintKind, DistStyle, KeyChange, SortKey, SortStyle, TableAttributes,
};
use crate::sql::quote_identifier;
use crate::tables::TableName;

use super::catalog::TableDef;

/// How the parts begin.
const STARTS: &[&str] = &[
    "diststyle ",
    "distkey(",
    "compound sortkey(",
    "interleaved sortkey(",
    "sortkey auto",
    "backup ",
    "constraint ",
    "unique(",
    "primary key(",
    "foreign key(",
    "auto refresh ",
];

/// The parts, in Redshift's words and in the order they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

/// A foreign key with everything it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub table: TableName,
    pub referenced: Vec<String>,
}

/// A part that is a constraint.
struct Keyed<'w> {
    name: Option<&'w str>,
    columns: Vec<&'w str>,
    kind: &'static str,
}

fn inside<'w>(part: &'w str, start: &str) -> Option<Vec<&'w str>> {
    let (columns, _) = part.split_once(start)?.1.split_once(')')?;
    Some(columns.split(", ").collect())
}

fn keyed(part: &str) -> Option<Keyed<'_>> {
    let named = part.strip_prefix("constraint ").and_then(|rest| rest.split_once(' '));
    let (name, rest) = named.map_or((None, part), |(name, rest)| (Some(name), rest));
    let kinds = ["unique(", "primary key(", "foreign key("];
    let kind = kinds.into_iter().find(|kind| rest.starts_with(kind))?;
    Some(Keyed { name, columns: inside(rest, kind)?, kind })
}

fn foreign(part: &str) -> Option<Foreign> {
    let key = keyed(part).filter(|key| key.kind == "foreign key(")?;
    let (table, rest) = part.split_once(") references ")?.1.split_once('(')?;
    let (schema, table) = table.split_once('.')?;
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Some(Foreign {
        name: key.name.map(str::to_owned),
        columns: owned(key.columns),
        table: TableName::new(schema, table),
        referenced: owned(rest.trim_end_matches(')').split(", ").collect()),
    })
}

fn named(name: Option<&str>, part: String) -> String {
    name.map_or(part.clone(), |name| format!("constraint {name} {part}"))
}

fn foreign_text(key: &Foreign) -> String {
    let (columns, referenced) = (key.columns.join(", "), key.referenced.join(", "));
    let part = format!("foreign key({columns}) references {}({referenced})", key.table);
    named(key.name.as_deref(), part)
}

/// A part with quotes around the names that need them.
fn shown(part: &str) -> String {
    let list = |names: &[&str]| {
        names.iter().map(|name| quote_identifier(name)).collect::<Vec<_>>().join(", ")
    };
    let Some((head, rest)) = part.split_once('(') else { return part.to_owned() };
    let Some((columns, tail)) = rest.split_once(')') else { return part.to_owned() };
    let tail = match foreign(part) {
        Some(key) => {
            let referenced: Vec<&str> = key.referenced.iter().map(String::as_str).collect();
            format!(" references {}({})", key.table.quoted(), list(&referenced))
        }
        None => tail.to_owned(),
    };
    format!("{head}({}){tail}", list(&columns.split(", ").collect::<Vec<_>>()))
}

fn style_text(style: DistStyle) -> &'static str {
    match style {
        DistStyle::Auto => "diststyle auto",
        DistStyle::Even => "diststyle even",
        DistStyle::Key => "diststyle key",
        DistStyle::All => "diststyle all",
    }
}

fn sortkey_text(key: &SortKey) -> String {
    match key.style {
        SortStyle::Auto => "sortkey auto".to_string(),
        SortStyle::Compound => format!("compound sortkey({})", key.columns.join(", ")),
        SortStyle::Interleaved => format!("interleaved sortkey({})", key.columns.join(", ")),
    }
}

impl Words {
    pub fn of(def: &TableDef) -> Words {
        Words::parse(def.words())
    }

    pub fn parse(words: &str) -> Words {
        let mut cuts: Vec<usize> = STARTS
            .iter()
            .flat_map(|start| words.match_indices(start).map(|(at, _)| at))
            .filter(|at| *at == 0 || words.as_bytes().get(at - 1) == Some(&b' '))
            .collect();
        cuts.sort_unstable();
        let mut parts: Vec<String> = Vec::new();
        for (index, at) in cuts.iter().enumerate() {
            let end = cuts.get(index + 1).copied().unwrap_or(words.len());
            let part = words.get(*at..end).unwrap_or_default().trim();
            match parts.last_mut() {
                // the name of a constraint belongs to what follows it
                Some(last) if last.starts_with("constraint ") && !last.contains('(') => {
                    last.push(' ');
                    last.push_str(part);
                }
                _ => parts.push(part.to_owned()),
            }
        }
        Words(parts)
    }

    /// What the attributes of a new table say; `foreign` are its foreign keys, resolved.
    pub fn declared(attributes: &TableAttributes, foreign: &[Foreign]) -> Words {
        let mut parts = Vec::new();
        parts.extend(attributes.diststyle.map(|style| style_text(style).to_owned()));
        parts.extend(attributes.distkey.as_ref().map(|column| format!("distkey({column})")));
        parts.extend(attributes.sortkey.as_ref().map(sortkey_text));
        if attributes.backup == Some(false) {
            parts.push("backup no".to_string());
        }
        let name = |columns: &Vec<String>| {
            let found = attributes.names.iter().find(|(_, of)| of == columns);
            found.map(|(name, _)| name.as_str())
        };
        for unique in &attributes.unique {
            parts.push(named(name(unique), format!("unique({})", unique.join(", "))));
        }
        let primary = &attributes.primary_key;
        if !primary.is_empty() {
            parts.push(named(name(primary), format!("primary key({})", primary.join(", "))));
        }
        parts.extend(foreign.iter().map(foreign_text));
        Words(parts)
    }

    pub fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(" "))
    }

    /// Constraints, and what stands behind the columns in DDL, as a text that is read again has them.
    pub fn parted(self) -> (Vec<String>, Vec<String>) {
        let (keys, rest): (Vec<_>, Vec<_>) =
            self.0.into_iter().partition(|part| keyed(part).is_some());
        let shown = |parts: Vec<String>| parts.iter().map(|part| shown(part)).collect();
        (shown(keys), shown(rest))
    }

    pub fn distkey(&self) -> Option<&str> {
        let part = self.0.iter().find(|part| part.starts_with("distkey("))?;
        inside(part, "distkey(")?.first().copied()
    }

    pub fn sortkey(&self) -> Vec<&str> {
        let part = self.0.iter().find(|part| part.contains("sortkey("));
        part.and_then(|part| inside(part, "sortkey(")).unwrap_or_default()
    }

    pub fn interleaved(&self) -> bool {
        self.0.iter().any(|part| part.starts_with("interleaved"))
    }

    pub fn style(&self) -> Option<&str> {
        self.0.iter().find_map(|part| part.strip_prefix("diststyle "))
    }

    pub fn foreign(&self) -> Vec<Foreign> {
        self.0.iter().filter_map(|part| foreign(part)).collect()
    }

    pub fn has_primary_key(&self) -> bool {
        self.0.iter().filter_map(|part| keyed(part)).any(|key| key.kind == "primary key(")
    }

    /// The columns of the primary key.
    pub fn primary_key(&self) -> Vec<&str> {
        let mut keys = self.0.iter().filter_map(|part| keyed(part));
        keys.find(|key| key.kind == "primary key(").map(|key| key.columns).unwrap_or_default()
    }

    /// True if these columns are those of a UNIQUE or PRIMARY KEY, in whatever order.
    pub fn is_key(&self, columns: &[String]) -> bool {
        let mut keys = self.0.iter().filter_map(|part| keyed(part));
        keys.any(|key| {
            key.kind != "foreign key("
                && key.columns.len() == columns.len()
                && columns.iter().all(|column| key.columns.contains(&column.as_str()))
        })
    }

    /// True if a column is one of several of a constraint.
    pub fn in_key_of_several(&self, column: &str) -> bool {
        let mut keys = self.0.iter().filter_map(|part| keyed(part));
        keys.any(|key| key.columns.len() > 1 && key.columns.contains(&column))
    }

    /// Distribution, sort key and backup, which LIKE hands on (r_CREATE_TABLE_NEW).
    pub fn inherited(&self) -> Words {
        let parts = self.0.iter().filter(|part| keyed(part).is_none());
        Words(parts.filter(|part| !part.starts_with("auto refresh")).cloned().collect())
    }

    /// The distribution alone, or the sort key alone.
    pub fn only(&self, sorting: bool) -> Words {
        let wanted = |part: &&String| match sorting {
            true => part.contains("sortkey"),
            false => part.starts_with("dist"),
        };
        Words(self.0.iter().filter(wanted).cloned().collect())
    }

    pub fn extend(&mut self, more: Words) {
        self.0.extend(more.0);
    }

    pub fn add(&mut self, constraint: &Constraint, foreign: Option<&Foreign>) {
        let columns = constraint.columns.join(", ");
        let part = match (&constraint.kind, foreign) {
            (_, Some(key)) => return self.0.push(foreign_text(key)),
            (ConstraintKind::Primary, None) => format!("primary key({columns})"),
            (_, None) => format!("unique({columns})"),
        };
        self.0.push(named(constraint.name.as_deref(), part));
    }

    /// Takes away the constraint of a name, or of the name that one without has by itself; returns
    /// whether there was one.
    pub fn drop_named(&mut self, table: &str, name: &str) -> bool {
        let found = self.0.iter().position(|part| {
            keyed(part).is_some_and(|key| match (key.name, key.kind) {
                (Some(own), _) => own == name,
                (None, "primary key(") => name == format!("{table}_pkey"),
                (None, kind) => {
                    let end = if kind == "unique(" { "_key" } else { "_fkey" };
                    name.starts_with(&format!("{table}_")) && name.contains(end)
                }
            })
        });
        found.map(|at| self.0.remove(at)).is_some()
    }

    /// Takes away the constraints a column is in.
    pub fn drop_column(&mut self, column: &str) {
        self.0.retain(|part| keyed(part).is_none_or(|key| !key.columns.contains(&column)));
    }

    /// Gives a column of the table another name.
    pub fn rename_column(&mut self, from: &str, to: &str) {
        for part in &mut self.0 {
            let Some((head, rest)) = part.split_once('(') else { continue };
            let Some((columns, tail)) = rest.split_once(')') else { continue };
            let columns: Vec<&str> =
                columns.split(", ").map(|name| if name == from { to } else { name }).collect();
            *part = format!("{head}({}){tail}", columns.join(", "));
        }
    }

    /// Changes or takes away each foreign key.
    pub fn edit_foreign(&mut self, edit: impl Fn(Foreign) -> Option<Foreign>) {
        let parts = std::mem::take(&mut self.0);
        self.0 = parts
            .into_iter()
            .filter_map(|part| match foreign(&part) {
                Some(key) => edit(key).map(|key| foreign_text(&key)),
                None => Some(part),
            })
            .collect();
    }

    /// What a clause of ALTER TABLE ... ALTER makes of distribution and sort key.
    pub fn change(&mut self, change: &KeyChange) {
        let (sorting, part) = match change {
            KeyChange::DistStyle(style) => (false, Some(style_text(*style).to_owned())),
            KeyChange::DistKey(column) => (false, Some(format!("distkey({column})"))),
            // the key that is there stays (r_ALTER_TABLE)
            KeyChange::SortKey(Some(key)) if key.style == SortStyle::Auto => return,
            KeyChange::SortKey(key) => (true, key.as_ref().map(sortkey_text)),
            KeyChange::Encode { .. } | KeyChange::EncodeAuto => return,
        };
        let gone = |part: &String| match sorting {
            true => part.contains("sortkey"),
            false => part.starts_with("dist"),
        };
        self.0.retain(|part| !gone(part));
        self.0.splice(0..0, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_into_its_parts_and_written_again() {
        let text = "diststyle key distkey(a) compound sortkey(a, b) backup no unique(b) \
                    constraint k unique(a, b) primary key(a) \
                    foreign key(b) references s.t(x) constraint f foreign key(a, b) references s.u(y, z)";
        let mut words = Words::parse(text);
        assert_eq!(words.text().as_deref(), Some(text));
        assert_eq!((words.distkey(), words.sortkey()), (Some("a"), vec!["a", "b"]));
        assert_eq!(words.primary_key(), ["a"]);
        assert!(words.is_key(&["b".into(), "a".into()]) && !words.is_key(&["c".into()]));
        let keys = words.foreign();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1].table, TableName::new("s", "u"));
        assert_eq!(keys[1].referenced, ["y", "z"]);
        assert!(words.drop_named("t", "k") && words.drop_named("t", "t_b_key"));
        assert!(words.drop_named("t", "t_pkey") && !words.drop_named("t", "t_pkey"));
        words.rename_column("b", "c");
        words.edit_foreign(|key| (key.name.is_none()).then_some(key));
        let left = "diststyle key distkey(a) compound sortkey(a, c) backup no \
                    foreign key(c) references s.t(x)";
        assert_eq!(words.text().as_deref(), Some(left));
    }

    #[test]
    fn names_are_shown_in_quotes_where_they_need_them() {
        let text = "diststyle key distkey(my x) sortkey auto primary key(my x, y) \
                    foreign key(y) references s.my t(z, my z)";
        let (keys, rest) = Words::parse(text).parted();
        let key = "foreign key(y) references s.\"my t\"(z, \"my z\")";
        assert_eq!(keys, ["primary key(\"my x\", y)", key]);
        assert_eq!(rest, ["diststyle key", "distkey(\"my x\")", "sortkey auto"]);
    }

    #[test]
    fn alter_changes_distribution_and_sort_key_alone() {
        let mut words = Words::parse("diststyle even interleaved sortkey(a, b) unique(b)");
        assert!(words.interleaved());
        words.change(&KeyChange::DistKey("b".into()));
        words.change(&KeyChange::SortKey(None));
        assert_eq!(words.text().as_deref(), Some("distkey(b) unique(b)"));
    }
}
