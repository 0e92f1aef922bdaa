//! Reserved words where a name is wanted. It knows no grammar.

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, TableFactor};

use super::list::rule;
use super::{Find, Rule, error_of};
use crate::error::Error;
use crate::sql;

/// It holds for the columns of new tables too.
pub(super) static NAME: Rule = rule(
    "RS198",
    "sql/reserved-word",
    "a reserved word is used as a name",
    "r_pg_keywords",
    "write it in double quotes, or choose another name",
    Find::Expr(|e| match e {
        Expr::Identifier(name) => reserved(name),
        Expr::CompoundIdentifier(parts) => parts.first().is_some_and(reserved),
        _ => false,
    }),
)
.told(
    "Redshift reserves more words than other engines, TAG, NEW and OLD among them.",
    "select tag from sales",
    "select \"tag\" from sales",
);

pub(super) static RULES: &[Rule] = &[rule(
    "RS199",
    "sql/reserved-alias",
    "a reserved word stands for a table",
    "r_pg_keywords",
    "write it in double quotes, or choose another name",
    Find::Factor(|f| match f {
        TableFactor::Table { name, alias, .. } => {
            alias.as_ref().is_some_and(|a| unnamable(&a.name)) || alone(name).is_some_and(reserved)
        }
        TableFactor::Derived { alias, .. } => alias.as_ref().is_some_and(|a| unnamable(&a.name)),
        _ => false,
    }),
)
.told(
    "Redshift reserves more words than other engines, RAW, NEW and OLD among them.",
    "select code from sales as raw",
    "select code from sales as r",
)];

/// The error of a new name that is reserved.
pub(crate) fn reserved_name(name: &Ident) -> Option<Error> {
    unnamable(name).then(|| error_of(&NAME))
}

/// The error of a table that is named by a reserved word, as in UPDATE ONLY.
pub(crate) fn reserved_table(name: &ObjectName) -> Option<Error> {
    alone(name).filter(|name| unnamable(name)).and_then(|_| RULES.first().map(error_of))
}

/// A name without a schema.
fn alone(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}

/// True for a word that names nothing new. CHECK begins a constraint that has a rule of its own.
fn unnamable(name: &Ident) -> bool {
    let word = name.value.as_str();
    name.quote_style.is_none() && sql::RESERVED.contains(&word) && word != "check"
}

/// The same where an expression may stand.
fn reserved(name: &Ident) -> bool {
    unnamable(name) && !VALUES.contains(&name.value.as_str())
}

/// Reserved words that are a value where an expression is wanted.
const VALUES: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "current_user_id",
    "default",
    "false",
    "localtime",
    "localtimestamp",
    "null",
    "session_user",
    "sysdate",
    "true",
    "user",
];
