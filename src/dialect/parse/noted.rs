//! Statements that Redshift takes and that change no row here: rights, users, statistics, upkeep.
//! Their outline is read, so that what is none of Redshift's is refused. It checks no name.
//!
//! Source: r_GRANT, r_REVOKE, r_ANALYZE, r_ANALYZE_COMPRESSION, r_VACUUM_command, r_LOCK, r_COMMENT,
//! c_SQL_commands.

use super::reader::Reader;
use crate::dialect::command::Command;
use crate::error::Result;

/// What follows CREATE, ALTER or DROP, the first word of its statement being one of these.
const KINDS: &[(&[&str], [&str; 3])] = &[
    (&["database"], ["CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE"]),
    (&["user"], ["CREATE USER", "ALTER USER", "DROP USER"]),
    (&["group"], ["CREATE GROUP", "ALTER GROUP", "DROP GROUP"]),
    (&["role"], ["CREATE ROLE", "ALTER ROLE", "DROP ROLE"]),
    (&["datashare"], ["CREATE DATASHARE", "ALTER DATASHARE", "DROP DATASHARE"]),
    (
        &["masking", "policy"],
        ["CREATE MASKING POLICY", "ALTER MASKING POLICY", "DROP MASKING POLICY"],
    ),
    (&["rls", "policy"], ["CREATE RLS POLICY", "ALTER RLS POLICY", "DROP RLS POLICY"]),
    (
        &["identity", "provider"],
        ["CREATE IDENTITY PROVIDER", "ALTER IDENTITY PROVIDER", "DROP IDENTITY PROVIDER"],
    ),
];

/// Those of ALTER alone.
const ALTERED: &[(&[&str], &str)] = &[
    (&["default", "privileges"], "ALTER DEFAULT PRIVILEGES"),
    (&["external", "schema"], "ALTER EXTERNAL SCHEMA"),
    (&["system"], "ALTER SYSTEM"),
];

/// What follows `CREATE`, `ALTER` or `DROP`, already consumed: databases, and who may do what.
pub fn object(r: &mut Reader<'_>, verb: &str) -> Result<Option<Command>> {
    let found = KINDS.iter().find(|(words, _)| r.take_words(words)).map(
        |(_, [new, other, gone])| match verb {
            "create" => *new,
            "alter" => *other,
            _ => *gone,
        },
    );
    let altered = || ALTERED.iter().filter(|_| verb == "alter");
    let what = match found {
        Some(what) => what,
        None => match altered().find(|(words, _)| r.take_words(words)) {
            Some((_, what)) => *what,
            None => return Ok(None),
        },
    };
    if r.at_end() {
        return Err(r.expected(&format!("more of {what}")));
    }
    r.skip_all();
    Ok(Some(Command::Noted { what }))
}

/// A statement that begins with one of these words; `None` for any other.
pub fn statement(r: &mut Reader<'_>, word: &str) -> Result<Option<Command>> {
    let what = match word {
        "grant" => rights(r, "GRANT", "to")?,
        "revoke" => rights(r, "REVOKE", "from")?,
        "analyze" | "analyse" => analyze(r)?,
        "vacuum" => vacuum(r)?,
        "comment" => comment(r)?,
        "lock" => lock(r)?,
        _ => return Ok(None),
    };
    Ok(Some(Command::Noted { what }))
}

/// `GRANT ... TO ...`, `REVOKE ... FROM ...`.
fn rights(r: &mut Reader<'_>, what: &'static str, who: &str) -> Result<&'static str> {
    r.next();
    let first = r.place();
    while !r.at_end() && !r.peek_is(who) {
        r.next();
    }
    if r.at_end() || r.place() == first {
        return Err(r.expected(&format!("{} and a user, a group or a role", who.to_uppercase())));
    }
    r.next();
    if r.at_end() {
        return Err(r.expected("a user, a group or a role"));
    }
    r.skip_all();
    Ok(what)
}

fn analyze(r: &mut Reader<'_>) -> Result<&'static str> {
    r.next();
    if r.take("compression") {
        let rows = r.peek_is("comprows") && !r.peek_is_at(1, "(");
        if !r.at_end() && !rows {
            table_and_columns(r)?;
        }
        if r.take("comprows") {
            r.integer()?;
        }
        return Ok("ANALYZE COMPRESSION");
    }
    let _ = r.take("verbose");
    let whole = |r: &Reader<'_>| {
        matches!(r.word().as_deref(), Some("predicate" | "all"))
            && r.word_at(1).as_deref() == Some("columns")
    };
    if !r.at_end() && !whole(r) {
        table_and_columns(r)?;
    }
    if whole(r) {
        r.next();
        r.next();
    }
    Ok("ANALYZE")
}

fn table_and_columns(r: &mut Reader<'_>) -> Result<()> {
    r.object()?;
    if r.peek_is("(") {
        r.column_list()?;
    }
    Ok(())
}

fn vacuum(r: &mut Reader<'_>) -> Result<&'static str> {
    r.next();
    let _ = r.take("full")
        || r.take_words(&["sort", "only"])
        || r.take_words(&["delete", "only"])
        || r.take("reindex")
        || r.take("recluster");
    if !r.at_end() && !r.peek_is("boost") {
        r.object()?;
        if r.take("to") {
            r.integer()?;
            r.expect("percent")?;
        }
    }
    let _ = r.take("boost");
    Ok("VACUUM")
}

fn lock(r: &mut Reader<'_>) -> Result<&'static str> {
    r.next();
    let _ = r.take("table");
    r.list(Reader::object)?;
    Ok("LOCK")
}

/// `COMMENT ON { TABLE | COLUMN | ... } name IS 'text'`.
fn comment(r: &mut Reader<'_>) -> Result<&'static str> {
    r.next();
    r.expect("on")?;
    while !r.at_end() && !r.peek_is("is") {
        r.next();
    }
    r.expect("is")?;
    if !r.take("null") {
        r.string()?;
    }
    Ok("COMMENT")
}
