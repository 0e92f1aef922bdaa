//! Statements that Redshift takes and that change no row here: rights, users, databases. Their outline
//! is read, so that what is none of Redshift's is refused. It checks no name.
//!
//! Source: r_GRANT, r_REVOKE, c_SQL_commands; the care of tables is `care`'s.

use super::care;
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
    if what == "CREATE DATABASE" {
        r.new_name()?;
    }
    r.skip_all();
    Ok(Some(Command::Noted { what }))
}

/// A statement that begins with one of these words; `None` for any other.
pub fn statement(r: &mut Reader<'_>, word: &str) -> Result<Option<Command>> {
    let what = match word {
        "grant" => rights(r, "GRANT", "to")?,
        "revoke" => rights(r, "REVOKE", "from")?,
        _ => return care::statement(r, word),
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
