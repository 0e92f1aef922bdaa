//! Reserved words where a name is wanted. It knows no grammar.

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, TableFactor};

use super::list::rule;
use super::{Find, Rule, error_of};
use crate::error::Error;

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
            alias.as_ref().is_some_and(|a| reserved(&a.name)) || alone(name).is_some_and(reserved)
        }
        TableFactor::Derived { alias, .. } => alias.as_ref().is_some_and(|a| reserved(&a.name)),
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
    reserved(name).then(|| error_of(&NAME))
}

/// The error of a table that is named by a reserved word, as in UPDATE ONLY.
pub(crate) fn reserved_table(name: &ObjectName) -> Option<Error> {
    alone(name).filter(|name| reserved(name)).and_then(|_| RULES.first().map(error_of))
}

/// A name without a schema.
fn alone(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}

fn reserved(name: &Ident) -> bool {
    name.quote_style.is_none() && WORDS.contains(&name.value.as_str())
}

/// Those a parser could take for a name. What is a value or a function without brackets, like
/// SYSDATE and USER, is that in an expression.
const WORDS: &[&str] = &[
    "aes128",
    "aes256",
    "allowoverwrite",
    "analyse",
    "backup",
    "binary",
    "blanksasnull",
    "bytedict",
    "bzip2",
    "column",
    "credentials",
    "deflate",
    "defrag",
    "delta",
    "delta32k",
    "disable",
    "emptyasnull",
    "enable",
    "encode",
    "encrypt",
    "encryption",
    "explicit",
    "freeze",
    "globaldict256",
    "globaldict64k",
    "gzip",
    "identity",
    "ignore",
    "isnull",
    "language",
    "lun",
    "luns",
    "lzo",
    "lzop",
    "minus",
    "mostly16",
    "mostly32",
    "mostly8",
    "new",
    "notnull",
    "off",
    "offline",
    "offset",
    "oid",
    "old",
    "only",
    "open",
    "overlaps",
    "parallel",
    "partition",
    "percent",
    "permissions",
    "placing",
    "raw",
    "readratio",
    "recover",
    "references",
    "rejectlog",
    "resort",
    "respect",
    "restore",
    "snapshot",
    "some",
    "system",
    "table",
    "tag",
    "tdes",
    "text255",
    "text32k",
    "timestamp",
    "top",
    "truncatecolumns",
    "verbose",
    "wallet",
    "without",
];
