//! Materialized views: CREATE, REFRESH, DROP and ALTER. It checks no catalog.
//!
//! Source: materialized-view-create-sql-command, materialized-view-refresh-sql-command,
//! materialized-view-drop-sql-command, materialized-view-alter-sql-command.

use super::ddl::{cascade, table_attributes};
use super::reader::Reader;
use crate::dialect::command::{Command, CreateTableAs, Materialized, TableAttributes};
use crate::dialect::rules::{self, Raised};
use crate::error::Result;

/// `name [BACKUP ...] [table attributes] [AUTO REFRESH ...] AS query`, in any order.
pub fn create(r: &mut Reader<'_>) -> Result<Command> {
    let name = r.object()?;
    if r.peek_is("(") {
        return Err(rules::raised(Raised::MaterializedColumns, r.place()));
    }
    let mut attributes = TableAttributes::default();
    let mut auto_refresh = false;
    loop {
        table_attributes(r, &mut attributes)?;
        if !r.peek_is("auto") {
            break;
        }
        auto_refresh = auto(r)?;
    }
    r.expect("as")?;
    let from = r.offset();
    let query = r.query()?;
    let text = r.text_from(from, r.end_offset());
    Ok(Command::CreateTableAs(Box::new(CreateTableAs {
        name,
        temp: false,
        if_not_exists: false,
        columns: Vec::new(),
        query,
        attributes,
        materialized: Some(Materialized { text, auto_refresh }),
    })))
}

/// `AUTO REFRESH { YES | NO }`.
fn auto(r: &mut Reader<'_>) -> Result<bool> {
    r.expect_words(&["auto", "refresh"])?;
    if r.take("yes") {
        return Ok(true);
    }
    r.expect("no").map(|()| false)
}

/// `REFRESH MATERIALIZED VIEW name [RESTRICT | CASCADE]`.
pub fn refresh(r: &mut Reader<'_>) -> Result<Command> {
    r.expect_words(&["refresh", "materialized", "view"])?;
    Ok(Command::RefreshMaterializedView { name: r.object()?, cascade: cascade(r) })
}

/// `[IF EXISTS] name [, ...] [CASCADE | RESTRICT]`.
pub fn drop(r: &mut Reader<'_>) -> Result<Command> {
    let if_exists = r.take_words(&["if", "exists"]);
    let names = r.list(Reader::object)?;
    Ok(Command::DropMaterializedView { names, if_exists, cascade: cascade(r) })
}

/// `name { AUTO REFRESH ... | ALTER DISTKEY ... | ALTER SORTKEY ... }`.
pub fn alter(r: &mut Reader<'_>) -> Result<Command> {
    let name = r.object()?;
    if r.peek_is("auto") {
        auto(r)?;
    } else if r.take("alter") {
        let keys = ["distkey", "diststyle", "sortkey", "compound", "encode"];
        if !keys.iter().any(|key| r.peek_is(key)) {
            return Err(r.expected("DISTKEY, DISTSTYLE or SORTKEY"));
        }
        r.skip_all();
    } else if r.peek_is("owner") {
        r.skip_all();
    } else {
        return Err(r.unsupported(
            "this form of ALTER MATERIALIZED VIEW",
            "drop it and make it again; it has no other name and no other query",
        ));
    }
    Ok(Command::AlterMaterializedView { name })
}
