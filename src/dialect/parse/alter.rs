//! ALTER of schemas and tables. It checks no catalog.
//!
//! Source: r_ALTER_TABLE, r_ALTER_SCHEMA, r_ALTER_TABLE_APPEND.

use super::reader::Reader;
use super::{ddl, external, materialized, noted};
use crate::dialect::command::{
    AlterAction, AlterTable, Append, Command, DistStyle, KeyChange, SortKey, SortStyle,
    TableAttributes,
};
use crate::dialect::rules::{self, Raised};
use crate::error::Result;

pub fn alter(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("alter")?;
    if let Some(noted) = noted::object(r, "alter")? {
        return Ok(noted);
    }
    if r.take_words(&["materialized", "view"]) {
        return materialized::alter(r);
    }
    if r.take("schema") {
        r.identifier()?;
        // a new name would change what every statement after it means
        if r.peek_is("owner") || r.peek_is("quota") {
            r.skip_all();
            return Ok(Command::Noted { what: "ALTER SCHEMA" });
        }
        return Err(r.unsupported("ALTER SCHEMA ... RENAME", "make a schema and move its tables"));
    }
    if !r.take("table") {
        let what = r.word().unwrap_or_default().to_uppercase();
        return Err(r.unsupported(&format!("ALTER {what}"), "alter tables only"));
    }
    let name = r.object()?;
    if r.take_words(&["alter", "autorefresh"]) {
        r.expect_token("=")?;
        if !r.take("true") {
            r.expect("false")?;
        }
        return Ok(Command::AlterMaterializedView { name });
    }
    let action = alter_action(r)?;
    Ok(Command::AlterTable(Box::new(AlterTable { name, action })))
}

fn alter_action(r: &mut Reader<'_>) -> Result<AlterAction> {
    if r.take("add") {
        return alter_add(r);
    }
    if r.take("append") {
        r.expect("from")?;
        let from = r.object()?;
        let ignore_extra = r.take("ignoreextra");
        let fill_target = !ignore_extra && r.take("filltarget");
        return Ok(AlterAction::Append(Append { from, ignore_extra, fill_target }));
    }
    if r.take("rename") {
        if r.take("to") {
            return Ok(AlterAction::RenameTable { to: r.new_name()? });
        }
        let _ = r.take("column");
        let from = r.identifier()?;
        r.expect("to")?;
        return Ok(AlterAction::RenameColumn { from, to: r.new_name()? });
    }
    if r.take("drop") {
        return alter_drop(r);
    }
    if r.take("alter") {
        let column = r.take("column");
        if column && r.peek_is_at(1, "type") {
            let name = r.identifier()?;
            r.expect("type")?;
            return Ok(AlterAction::ColumnType { name, ty: r.sql_type()? });
        }
        return alter_keys(r, column);
    }
    if r.peek_is("partition") {
        return external::move_partition(r);
    }
    if r.take("set") {
        return external::set(r);
    }
    if r.take_words(&["row", "level", "security"]) {
        let on = r.take("on");
        if !on {
            r.expect("off")?;
        }
        r.skip_all();
        let what = if on { rules::ROW_LEVEL_SECURITY } else { "ROW LEVEL SECURITY OFF" };
        return Ok(AlterAction::Noted { what });
    }
    if r.take("owner") {
        r.expect("to")?;
        r.identifier()?;
        return Ok(AlterAction::Noted { what: "OWNER" });
    }
    Err(r.unsupported(
        "this form of ALTER TABLE",
        "add, drop and rename columns, rename tables, append, or add partitions",
    ))
}

fn alter_drop(r: &mut Reader<'_>) -> Result<AlterAction> {
    let if_exists = r.take_words(&["if", "exists"]);
    if r.peek_is("partition") {
        return external::drop_partition(r, if_exists);
    }
    if r.take("constraint") {
        let name = r.identifier()?;
        let _ = r.take("restrict") || r.take("cascade");
        return Ok(AlterAction::DropConstraint { name });
    }
    if r.peek_is("primary") && r.word_at(1).as_deref() == Some("key") {
        return Err(r
            .expected("CONSTRAINT and its name")
            .hint("a constraint is dropped by its name, not by its kind (r_ALTER_TABLE)"));
    }
    let _ = r.take("column");
    if if_exists || r.peek_is("if") {
        return Err(r.expected("the name of a column").hint(
            "DROP COLUMN takes no IF EXISTS: a column that is not there is an error (r_ALTER_TABLE)",
        ));
    }
    let name = r.identifier()?;
    let cascade = ddl::cascade(r);
    one_action(r)?;
    Ok(AlterAction::DropColumn { name, cascade })
}

fn alter_add(r: &mut Reader<'_>) -> Result<AlterAction> {
    let if_not_exists = r.take_words(&["if", "not", "exists"]);
    if r.peek_is("partition") {
        return external::partitions(r, if_not_exists);
    }
    let named = r.take("constraint");
    let name = if named { Some(r.identifier()?) } else { None };
    if named || ["primary", "foreign", "unique"].iter().any(|kind| r.peek_is(kind)) {
        return ddl::added_constraint(r, name);
    }
    let _ = r.take("column");
    if if_not_exists || r.peek_is("if") {
        return Err(r.expected("the name of a column").hint(
            "IF NOT EXISTS belongs to partitions; a column that is there is an error (r_ALTER_TABLE)",
        ));
    }
    let place = r.place();
    let mut keys = TableAttributes::default();
    let column = ddl::column(r, &mut keys)?;
    if column.unique || column.primary || keys != TableAttributes::default() {
        return Err(rules::raised(Raised::AddedKey, place));
    }
    one_action(r)?;
    Ok(AlterAction::AddColumn(Box::new(column)))
}

/// Only changes of keys, distribution and encodings are combined.
fn one_action(r: &Reader<'_>) -> Result<()> {
    match r.peek_is(",") {
        true => Err(r
            .expected("the end of the statement")
            .hint("add or drop one column in each ALTER TABLE (r_ALTER_TABLE)")),
        false => Ok(()),
    }
}

/// What follows ALTER: keys, distribution and encodings, several parted by `, ALTER`.
fn alter_keys(r: &mut Reader<'_>, mut column: bool) -> Result<AlterAction> {
    let mut changes = Vec::new();
    loop {
        changes.push(if column { encode(r)? } else { key_change(r)? });
        if !r.take_token(",") {
            return Ok(AlterAction::Keys(changes));
        }
        r.expect("alter")?;
        column = r.take("column");
    }
}

/// `column ENCODE encoding`.
fn encode(r: &mut Reader<'_>) -> Result<KeyChange> {
    let column = r.identifier()?;
    if !r.take("encode") {
        return Err(rules::raised(Raised::AlterColumn, r.place()));
    }
    Ok(KeyChange::Encode { column, encoding: r.identifier()? })
}

fn key_change(r: &mut Reader<'_>) -> Result<KeyChange> {
    if r.take("diststyle") {
        return match ddl::diststyle(r)? {
            DistStyle::Key => {
                r.expect("distkey")?;
                Ok(KeyChange::DistKey(r.identifier()?))
            }
            style => Ok(KeyChange::DistStyle(style)),
        };
    }
    if r.take("distkey") {
        return Ok(KeyChange::DistKey(r.identifier()?));
    }
    if r.take("encode") {
        return r.expect("auto").map(|()| KeyChange::EncodeAuto);
    }
    let style = SortStyle::Compound;
    let compound = r.take("compound");
    r.expect("sortkey")?;
    if !compound && r.take("auto") {
        let key = SortKey { style: SortStyle::Auto, columns: Vec::new() };
        return Ok(KeyChange::SortKey(Some(key)));
    }
    if !compound && r.take("none") {
        return Ok(KeyChange::SortKey(None));
    }
    Ok(KeyChange::SortKey(Some(SortKey { style, columns: r.column_list()? })))
}
