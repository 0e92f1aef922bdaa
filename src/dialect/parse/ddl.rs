//! CREATE and DROP with Redshift's attributes in any order. It checks no catalog.
//!
//! Source: r_CREATE_TABLE_NEW, r_CREATE_TABLE_AS, r_CREATE_VIEW, r_CREATE_SCHEMA, r_DROP_SCHEMA.

use super::reader::Reader;
use super::{external, materialized, noted};
use crate::dialect::command::{
    AlterAction, ColumnDef, Command, Constraint, ConstraintKind, CreateTable, CreateTableAs,
    CreateView, DistStyle, ForeignKey, Identity, Like, SortKey, SortStyle, TableAttributes,
};
use crate::dialect::rules::{self, Raised};
use crate::error::Result;

pub fn create(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("create")?;
    let or_replace = r.take_words(&["or", "replace"]);
    let local = r.take("local");
    let temp = r.take("temp") || r.take("temporary");
    if local && !temp {
        return Err(r.expected("TEMP"));
    }
    if r.take("table") && !or_replace {
        return create_table(r, temp);
    }
    if r.peek_is("view") {
        if temp {
            return Err(rules::raised(Raised::TemporaryView, r.place()));
        }
        r.next();
        return create_view(r, or_replace);
    }
    if !or_replace && !temp {
        if r.take_words(&["external", "schema"]) {
            return external::schema(r);
        }
        if r.take_words(&["external", "table"]) {
            return external::table(r);
        }
        if r.take("schema") {
            return create_schema(r);
        }
        if r.take_words(&["materialized", "view"]) {
            return materialized::create(r);
        }
        if let Some(noted) = noted::object(r, "create")? {
            return Ok(noted);
        }
    }
    let what = r.word().unwrap_or_default().to_uppercase();
    Err(r.unsupported(
        &format!("CREATE {what}"),
        "create schemas, tables, temporary tables, views, external schemas and external tables",
    ))
}

/// `CREATE SCHEMA [IF NOT EXISTS] { name [AUTHORIZATION user] | AUTHORIZATION user } [QUOTA ...]`.
fn create_schema(r: &mut Reader<'_>) -> Result<Command> {
    let if_not_exists = r.take_words(&["if", "not", "exists"]);
    // without a name it has that of its owner (r_CREATE_SCHEMA)
    let named = !(r.peek_is("authorization") && r.word_at(1).is_some());
    let mut name = if named { r.new_name()? } else { String::new() };
    // whom it belongs to and how large it may grow change no row
    if r.take("authorization") {
        let owner = if named { r.identifier()? } else { r.new_name()? };
        name = if named { name } else { owner };
    }
    quota(r)?;
    if !r.at_end() {
        return Err(rules::raised(Raised::SchemaElements, r.place()));
    }
    Ok(Command::CreateSchema { name, if_not_exists })
}

/// `QUOTA { n [MB | GB | TB] | UNLIMITED }`.
fn quota(r: &mut Reader<'_>) -> Result<()> {
    if r.take("quota") && !r.take("unlimited") {
        r.literal()?;
        let _ = r.take("mb") || r.take("gb") || r.take("tb");
    }
    Ok(())
}

fn create_table(r: &mut Reader<'_>, temp: bool) -> Result<Command> {
    let if_not_exists = r.take_words(&["if", "not", "exists"]);
    let name = r.object()?;
    let temp = temp || name.is_temp_name();
    let mut attributes = TableAttributes::default();
    let names_only = r.peek_is("(") && (r.peek_is_at(2, ",") || r.peek_is_at(2, ")"));
    let mut definition = None;
    let mut names = Vec::new();
    if names_only {
        names = r.new_names()?;
    } else if r.peek_is("(") {
        definition = Some(table_definition(r, &mut attributes)?);
    }
    table_attributes(r, &mut attributes)?;
    if definition.is_none() {
        r.expect("as")?;
        let query = r.query()?;
        return Ok(Command::CreateTableAs(Box::new(CreateTableAs {
            name,
            temp,
            if_not_exists,
            columns: names,
            query,
            attributes,
            materialized: None,
        })));
    }
    let (columns, like) = definition.unwrap_or_default();
    gather_keys(r, &columns, &mut attributes)?;
    Ok(Command::CreateTable(Box::new(CreateTable {
        name,
        temp,
        if_not_exists,
        columns,
        like,
        attributes,
    })))
}

/// UNIQUE and PRIMARY KEY written at a column count as constraints of the table.
fn gather_keys(
    r: &Reader<'_>,
    columns: &[ColumnDef],
    attributes: &mut TableAttributes,
) -> Result<()> {
    for column in columns {
        if column.unique {
            attributes.unique.push(vec![column.name.clone()]);
        }
        if column.primary {
            set_primary_key(r, attributes, vec![column.name.clone()])?;
        }
    }
    Ok(())
}

/// A table has one primary key (r_CREATE_TABLE_NEW).
fn set_primary_key(
    r: &Reader<'_>,
    attributes: &mut TableAttributes,
    columns: Vec<String>,
) -> Result<()> {
    if !attributes.primary_key.is_empty() {
        return Err(rules::raised(Raised::SecondPrimaryKey, r.place()));
    }
    attributes.primary_key = columns;
    Ok(())
}

type Definition = (Vec<ColumnDef>, Option<Like>);

fn table_definition(r: &mut Reader<'_>, attributes: &mut TableAttributes) -> Result<Definition> {
    let (mut columns, mut like) = (Vec::new(), None);
    r.expect_token("(")?;
    loop {
        match r.word().as_deref() {
            Some("like") => {
                r.next();
                let table = r.object()?;
                let including_defaults = r.take_words(&["including", "defaults"]);
                let _ = r.take_words(&["excluding", "defaults"]);
                like = Some(Like { table, including_defaults });
            }
            Some("constraint") => {
                r.next();
                let name = Some(r.identifier()?);
                table_constraint(r, attributes, name)?;
            }
            Some("primary" | "foreign") => table_constraint(r, attributes, None)?,
            Some("unique") if r.peek_is_at(1, "(") => table_constraint(r, attributes, None)?,
            _ => columns.push(column(r, attributes)?),
        }
        if !r.take_token(",") {
            break;
        }
    }
    r.expect_token(")")?;
    Ok((columns, like))
}

/// A constraint of a new table.
fn table_constraint(
    r: &mut Reader<'_>,
    attributes: &mut TableAttributes,
    name: Option<String>,
) -> Result<()> {
    let Constraint { name, columns, kind } = constraint(r, name)?;
    match kind {
        ConstraintKind::Foreign(key) => {
            attributes.foreign.push(key);
            return Ok(());
        }
        ConstraintKind::Primary => set_primary_key(r, attributes, columns.clone())?,
        ConstraintKind::Unique => attributes.unique.push(columns.clone()),
    }
    attributes.names.extend(name.map(|name| (name, columns)));
    Ok(())
}

/// `PRIMARY KEY (...)`, `UNIQUE (...)` or `FOREIGN KEY (...) REFERENCES ...`, its name already read.
fn constraint(r: &mut Reader<'_>, name: Option<String>) -> Result<Constraint> {
    let kind = if r.take_words(&["primary", "key"]) {
        ConstraintKind::Primary
    } else if r.take("unique") {
        ConstraintKind::Unique
    } else if r.take_words(&["foreign", "key"]) {
        let columns = r.column_list()?;
        let key = ForeignKey { name: name.clone(), ..references(r, columns.clone())? };
        return Ok(Constraint { name, columns, kind: ConstraintKind::Foreign(key) });
    } else {
        return Err(r.expected("PRIMARY KEY, UNIQUE or FOREIGN KEY"));
    };
    Ok(Constraint { name, columns: r.column_list()?, kind })
}

/// `ALTER TABLE ... ADD` of a constraint.
pub fn added_constraint(r: &mut Reader<'_>, name: Option<String>) -> Result<AlterAction> {
    Ok(AlterAction::AddConstraint(constraint(r, name)?))
}

/// `REFERENCES t [(c)]`: informational on Redshift.
fn references(r: &mut Reader<'_>, columns: Vec<String>) -> Result<ForeignKey> {
    r.expect("references")?;
    let table = r.object()?;
    let referenced = if r.peek_is("(") { r.column_list()? } else { Vec::new() };
    Ok(ForeignKey { name: None, columns, table, referenced })
}

/// One column with its attributes; DISTKEY and SORTKEY go to the table.
pub fn column(r: &mut Reader<'_>, attributes: &mut TableAttributes) -> Result<ColumnDef> {
    let name = r.new_name()?;
    let ty = r.sql_type()?;
    let mut column = ColumnDef {
        name,
        ty,
        not_null: false,
        default: None,
        identity: None,
        encode: None,
        unique: false,
        primary: false,
    };
    let mut nullable = false;
    while !r.peek_is(",") && !r.peek_is(")") && !r.at_end() {
        let place = r.place();
        nullable |= r.peek_is("null");
        column_attribute(r, &mut column, attributes)?;
        if nullable && column.not_null && !column.primary {
            return Err(rules::raised(Raised::NullNotNull, place));
        }
    }
    Ok(column)
}

fn column_attribute(
    r: &mut Reader<'_>,
    column: &mut ColumnDef,
    attributes: &mut TableAttributes,
) -> Result<()> {
    if r.take("default") {
        column.default = Some(r.default_value()?);
    } else if r.take("identity") {
        column.identity = Some(identity(r, false)?);
    } else if r.take_words(&["generated", "by", "default", "as", "identity"]) {
        column.identity = Some(identity(r, true)?);
    } else if r.take_words(&["not", "null"]) {
        column.not_null = true;
    } else if r.take("null") {
        // what a column is anyway
    } else if r.take("encode") {
        column.encode = Some(r.identifier()?);
    } else if r.take("distkey") {
        set_distkey(r, attributes, column.name.clone())?;
    } else if r.take("sortkey") {
        let columns = vec![column.name.clone()];
        set_sortkey(r, attributes, SortKey { style: SortStyle::Compound, columns })?;
    } else if r.take("unique") {
        column.unique = true;
    } else if r.take_words(&["primary", "key"]) {
        (column.primary, column.not_null) = (true, true);
    } else if r.peek_is("references") {
        let key = references(r, vec![column.name.clone()])?;
        attributes.foreign.push(key);
    } else if r.take("collate") {
        let collation = r.identifier()?;
        if collation == "case_insensitive" {
            return Err(r.unsupported("COLLATE CASE_INSENSITIVE", "compare with LOWER()"));
        }
    } else {
        return Err(r.expected("a column attribute, `,` or `)`"));
    }
    Ok(())
}

/// `IDENTITY (seed, step)`; without the numbers it counts 1, 2, 3 (r_CREATE_TABLE_examples).
fn identity(r: &mut Reader<'_>, by_default: bool) -> Result<Identity> {
    if !r.take_token("(") {
        return Ok(Identity { seed: 1, step: 1, by_default });
    }
    let seed = r.integer()?;
    r.expect_token(",")?;
    let step = r.integer()?;
    r.expect_token(")")?;
    Ok(Identity { seed, step, by_default })
}

pub fn table_attributes(r: &mut Reader<'_>, attributes: &mut TableAttributes) -> Result<()> {
    loop {
        if r.take("diststyle") {
            attributes.diststyle = Some(diststyle(r)?);
        } else if r.take("distkey") {
            r.expect_token("(")?;
            let name = key(r)?;
            set_distkey(r, attributes, name)?;
            r.expect_token(")")?;
        } else if r.peek_is("sortkey") || r.peek_is("compound") || r.peek_is("interleaved") {
            let key = sortkey(r)?;
            set_sortkey(r, attributes, key)?;
        } else if r.take("backup") {
            attributes.backup = Some(r.take("yes"));
            if attributes.backup == Some(false) {
                r.expect("no")?;
            }
        } else if r.take_words(&["encode", "auto"]) {
            attributes.encode_auto = true;
        } else if r.take_words(&["on", "commit"]) {
            // ON COMMIT PRESERVE ROWS is what a temporary table does anyway
            r.expect_words(&["preserve", "rows"])?;
        } else {
            return Ok(());
        }
    }
}

fn set_distkey(r: &Reader<'_>, attributes: &mut TableAttributes, column: String) -> Result<()> {
    match attributes.distkey.replace(column) {
        Some(_) => Err(rules::second_distkey(r.place())),
        None => Ok(()),
    }
}

/// A key of one column at the column, or one of any number at the table (r_CREATE_TABLE_usage).
fn set_sortkey(r: &Reader<'_>, attributes: &mut TableAttributes, key: SortKey) -> Result<()> {
    match attributes.sortkey.replace(key) {
        Some(_) => Err(rules::raised(Raised::SecondSortKey, r.place())),
        None => Ok(()),
    }
}

pub fn diststyle(r: &mut Reader<'_>) -> Result<DistStyle> {
    let styles = [
        ("auto", DistStyle::Auto),
        ("even", DistStyle::Even),
        ("key", DistStyle::Key),
        ("all", DistStyle::All),
    ];
    styles
        .into_iter()
        .find(|(word, _)| r.take(word))
        .map(|(_, style)| style)
        .ok_or_else(|| r.expected("AUTO, EVEN, KEY or ALL"))
}

fn sortkey(r: &mut Reader<'_>) -> Result<SortKey> {
    let interleaved = r.take("interleaved");
    let styled = interleaved || r.take("compound");
    r.expect("sortkey")?;
    if styled && r.peek_is("auto") {
        return Err(r.expected("the columns of the key in brackets"));
    }
    if r.take("auto") {
        return Ok(SortKey { style: SortStyle::Auto, columns: Vec::new() });
    }
    let style = if interleaved { SortStyle::Interleaved } else { SortStyle::Compound };
    if !r.take_token("(") {
        return Ok(SortKey { style, columns: vec![r.identifier()?] });
    }
    let columns = r.list(key)?;
    r.expect_token(")")?;
    Ok(SortKey { style, columns })
}

/// The column of a key; CREATE TABLE AS takes its position too (r_CREATE_TABLE_AS).
fn key(r: &mut Reader<'_>) -> Result<String> {
    if r.word().is_none() && r.at_number() { r.literal() } else { r.identifier() }
}

fn create_view(r: &mut Reader<'_>, or_replace: bool) -> Result<Command> {
    let name = r.object()?;
    let columns = if r.peek_is("(") { r.new_names()? } else { Vec::new() };
    r.expect("as")?;
    let from = r.offset();
    let query = r.query()?;
    let text = r.text_from(from, r.end_offset());
    let no_schema_binding = r.take_words(&["with", "no", "schema", "binding"]);
    Ok(Command::CreateView(Box::new(CreateView {
        name,
        columns,
        query,
        or_replace,
        no_schema_binding,
        text,
    })))
}

pub fn drop(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("drop")?;
    if let Some(noted) = noted::object(r, "drop")? {
        return Ok(noted);
    }
    if r.take_words(&["materialized", "view"]) {
        return materialized::drop(r);
    }
    let what = r.word().unwrap_or_default();
    r.next();
    let if_exists = r.take_words(&["if", "exists"]);
    let command = match what.as_str() {
        "table" | "view" => {
            let names = r.list(Reader::object)?;
            let cascade = cascade(r);
            if what == "table" {
                Command::DropTable { names, if_exists, cascade }
            } else {
                Command::DropView { names, if_exists, cascade }
            }
        }
        "schema" => {
            let names = r.list(Reader::identifier)?;
            let place = r.place();
            if r.take_words(&["drop", "external", "database"]) {
                return Err(rules::raised(Raised::DropExternalDatabase, place));
            }
            Command::DropSchema { names, if_exists, cascade: cascade(r) }
        }
        other => {
            return Err(r.unsupported(
                &format!("DROP {}", other.to_uppercase()),
                "drop tables, views and schemas",
            ));
        }
    };
    Ok(command)
}

pub fn cascade(r: &mut Reader<'_>) -> bool {
    let cascade = r.take("cascade");
    let _ = r.take("restrict");
    cascade
}
