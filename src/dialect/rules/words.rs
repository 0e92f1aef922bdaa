//! Statements and clauses that Redshift does not have, told by their first words or by the word
//! the parser stopped at. Nothing of them needs to be parsed.

use std::path::Path;

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::list::rule;
use super::{Find, Rule, error_of, rules};
use crate::dialect::lex::place_of;
use crate::error::{Error, Place};

pub(super) static WITH_INSERT: Rule = rule(
    "RS158",
    "sql/with-insert",
    "WITH stands before INSERT",
    "r_INSERT_30",
    "write it inside: INSERT INTO t WITH c AS (...) SELECT ... FROM c",
    Find::Start(&[]),
)
.told(
    "WITH may stand before SELECT, UPDATE and DELETE; in INSERT it belongs to the SELECT.",
    "with c as (select code from sales) insert into dim (code) select code from c",
    "insert into dim (code) with c as (select code from sales) select code from c",
);

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS150",
        "sql/index",
        "indexes do not exist on Redshift",
        "c_unsupported-postgresql-features",
        "declare a SORTKEY on the columns that queries filter by",
        Find::Start(&[
            &["create", "index"],
            &["create", "unique", "index"],
            &["drop", "index"],
            &["alter", "index"],
            &["reindex"],
        ]),
    )
    .told(
        "Blocks are skipped by the smallest and largest value in each, which a sort key makes \
         narrow.",
        "create index on sales (code)",
        "alter table sales alter sortkey (code)",
    ),
    rule(
        "RS151",
        "sql/sequence",
        "sequences do not exist on Redshift",
        "c_unsupported-postgresql-features",
        "declare the column IDENTITY(1, 1)",
        Find::Start(&[
            &["create", "sequence"],
            &["create", "temp", "sequence"],
            &["alter", "sequence"],
            &["drop", "sequence"],
        ]),
    )
    .told(
        "IDENTITY gives numbers that are unique, with gaps and in no order.",
        "create sequence order_numbers",
        "create table orders (order_key bigint identity(1, 1), order_no varchar(16))",
    ),
    rule(
        "RS152",
        "sql/trigger",
        "triggers and rules do not exist on Redshift",
        "c_unsupported-postgresql-features",
        "write what should follow as the next statement of the file",
        Find::Start(&[
            &["create", "trigger"],
            &["drop", "trigger"],
            &["create", "rule"],
            &["create", "event", "trigger"],
        ]),
    )
    .told(
        "Nothing runs behind a statement.",
        "create trigger t before insert on sales for each row execute procedure f()",
        "insert into audit (code) select code from sales",
    ),
    rule(
        "RS153",
        "sql/object-kind",
        "this kind of object does not exist on Redshift",
        "c_unsupported-postgresql-features",
        "use tables, views, functions and procedures",
        Find::Start(&[
            &["create", "domain"],
            &["create", "type"],
            &["create", "extension"],
            &["create", "tablespace"],
            &["create", "operator"],
            &["create", "aggregate"],
            &["create", "cast"],
            &["create", "collation"],
            &["create", "policy"],
            &["create", "server"],
            &["create", "foreign", "table"],
            &["create", "publication"],
            &["create", "unlogged", "table"],
        ]),
    )
    .told(
        "Enumerations and domains are a VARCHAR with a check in the SQL that fills it.",
        "create type color as enum ('red', 'green')",
        "create table t (color varchar(5))",
    ),
    rule(
        "RS154",
        "sql/savepoint",
        "savepoints do not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "end the transaction before the part that may fail",
        Find::Start(&[
            &["savepoint"],
            &["release"],
            &["rollback", "to"],
            &["rollback", "work", "to"],
            &["rollback", "transaction", "to"],
        ]),
    )
    .told(
        "An error inside a block ends the whole block: nothing runs until ROLLBACK.",
        "savepoint before_update",
        "commit",
    ),
    rule(
        "RS155",
        "sql/postgres-statement",
        "this statement of PostgreSQL does not exist on Redshift",
        "c_unsupported-postgresql-features",
        "leave it out",
        Find::Start(&[
            &["listen"],
            &["notify"],
            &["unlisten"],
            &["cluster"],
            &["checkpoint"],
            &["do"],
            &["discard"],
            &["load"],
            &["security"],
            &["import", "foreign"],
            &["reassign"],
            &["table"],
        ]),
    )
    .told(
        "Messages between sessions, anonymous blocks and the care of files on disk are not there; \
         blocks of code are stored procedures.",
        "do 'begin null; end'",
        "vacuum sales",
    ),
    rule(
        "RS156",
        "sql/explain-analyze",
        "EXPLAIN ANALYZE does not exist on Redshift",
        "r_EXPLAIN",
        "run the query and read SVL_QUERY_REPORT; EXPLAIN shows the plan alone",
        Find::Start(&[&["explain", "analyze"], &["explain", "analyse"]]),
    )
    .told(
        "EXPLAIN takes VERBOSE and never runs its statement.",
        "explain analyze select code from sales",
        "explain select code from sales",
    ),
    rule(
        "RS157",
        "sql/replace-into",
        "REPLACE and UPSERT do not exist on Redshift",
        "r_INSERT_30",
        "write MERGE INTO ... REMOVE DUPLICATES, or DELETE and INSERT in one transaction",
        Find::Start(&[
            &["replace"],
            &["upsert"],
            &["insert", "or"],
            &["insert", "ignore"],
            &["insert", "overwrite"],
        ]),
    )
    .told(
        "Keys are not enforced, so no INSERT can meet a conflict.",
        "replace into dim (code) values ('a')",
        "merge into dim using stage on dim.code = stage.code remove duplicates",
    ),
    rule(
        "RS195",
        "sql/backquote",
        "a name stands in backquotes",
        "r_names",
        "use double quotes, or none",
        Find::Token(|t| matches!(t, Token::Word(w) if w.quote_style == Some('`'))),
    )
    .told(
        "Backquotes are MySQL's and Spark's.",
        "select `code` from sales",
        "select \"code\" from sales",
    ),
    rule(
        "RS259",
        "sql/bracket-name",
        "a name stands in square brackets",
        "r_names",
        "use double quotes, or none",
        Find::Token(|t| matches!(t, Token::Word(w) if w.quote_style == Some('['))),
    )
    .told(
        "They are SQL Server's. Behind a column, brackets lead into a SUPER value.",
        "select [code] from [sales]",
        "select \"code\" from sales",
    ),
    rule(
        "RS196",
        "sql/double-equals",
        "the operator == does not exist on Redshift",
        "r_comparison_condition",
        "write =",
        Find::Token(|t| *t == Token::DoubleEq),
    )
    .told(
        "Equality is one sign.",
        "select code from sales where code == 'a'",
        "select code from sales where code = 'a'",
    ),
    rule(
        "RS250",
        "sql/alter-view",
        "ALTER VIEW does not exist on Redshift",
        "r_ALTER_TABLE",
        "write ALTER TABLE ... RENAME TO or OWNER TO, which take views too",
        Find::Start(&[&["alter", "view"]]),
    )
    .told(
        "Another query is given to a view by CREATE OR REPLACE VIEW.",
        "alter view v rename to w",
        "alter table v rename to w",
    ),
    rule(
        "RS251",
        "sql/escape-string",
        "a string begins with E",
        "r_Character_types",
        "leave the E out",
        Find::Token(|t| matches!(t, Token::EscapedStringLiteral(_))),
    )
    .told(
        "The manual has no such strings. Backslashes are read in every string.",
        "select code from sales where code = E'a'",
        "select code from sales where code = 'a'",
    ),
    rule(
        "RS252",
        "sql/template",
        "the text holds a template",
        "c_SQL_commands",
        "give the text that the template makes, as dbt compile does",
        Find::Token(|t| matches!(t, Token::LBrace | Token::RBrace)),
    )
    .told(
        "Braces are read by the tools that make SQL; no statement of Redshift has one.",
        "select code from {{ ref('sales') }}",
        "select code from sales",
    ),
    rule(
        "RS254",
        "sql/is-null",
        "ISNULL and NOTNULL stand behind a value",
        "r_null_condition",
        "write IS NULL or IS NOT NULL",
        Find::Word(&["isnull", "notnull"]),
    )
    .told(
        "The manual has the words in full alone.",
        "select code from sales where amount notnull",
        "select code from sales where amount is not null",
    ),
    rule(
        "RS180",
        "sql/limit-comma",
        "LIMIT has two numbers",
        "r_ORDER_BY_clause",
        "write LIMIT count OFFSET start",
        Find::Word(&["limit,"]),
    )
    .told(
        "That is MySQL's form.",
        "select code from sales order by code limit 10, 5",
        "select code from sales order by code limit 5 offset 10",
    ),
    rule(
        "RS190",
        "sql/returning",
        "RETURNING does not exist on Redshift",
        "r_INSERT_30",
        "select the rows by their key in the next statement",
        Find::Word(&["returning"]),
    )
    .told(
        "INSERT, UPDATE and DELETE answer with a count alone.",
        "delete from sales where code = 'a' returning code",
        "delete from sales where code = 'a'",
    ),
    rule(
        "RS191",
        "sql/on-conflict",
        "ON CONFLICT and ON DUPLICATE KEY do not exist on Redshift",
        "r_INSERT_30",
        "write MERGE, with a source of one row for each key",
        Find::Word(&["conflict", "duplicate"]),
    )
    .told(
        "UNIQUE and PRIMARY KEY are not enforced: there is no conflict to act on, and the row \
         would simply be there twice.",
        "insert into dim (code) values ('a') on conflict do nothing",
        "merge into dim using stage on dim.code = stage.code when matched then delete \
         when not matched then insert (code) values (stage.code)",
    ),
    rule(
        "RS192",
        "sql/check-constraint",
        "CHECK and EXCLUDE constraints do not exist on Redshift",
        "c_unsupported-postgresql-features",
        "filter in the SQL that fills the table",
        Find::Word(&["check", "exclude"]),
    )
    .told(
        "NOT NULL is the only constraint that is enforced.",
        "create table t (a int check (a > 0))",
        "create table t (a int not null)",
    ),
    rule(
        "RS193",
        "sql/table-option",
        "this clause of CREATE TABLE does not exist on Redshift",
        "r_CREATE_TABLE_NEW",
        "distribute by DISTKEY and order by SORTKEY; partitions belong to external tables",
        Find::Word(&[
            "inherits",
            "partition",
            "engine",
            "auto_increment",
            "tablespace",
            "clustered",
        ]),
    )
    .told(
        "Tables neither inherit nor have partitions, storage engines or tablespaces.",
        "create table t (a int, d date) partition by range (d)",
        "create table t (a int, d date) distkey (a) sortkey (d)",
    ),
    rule(
        "RS194",
        "sql/with-rollup",
        "WITH ROLLUP does not exist on Redshift",
        "r_GROUP_BY_clause",
        "write GROUP BY ROLLUP (a, b)",
        Find::Word(&["rollup", "cube"]),
    )
    .told(
        "That is MySQL's form.",
        "select code, count(*) from sales group by code with rollup",
        "select code, count(*) from sales group by rollup (code)",
    ),
];

/// The error of the rule against statements that begin as this one does, or that hold such a sign.
pub fn refused_start(tokens: &[TokenWithSpan], file: &Path) -> Option<Error> {
    let begins = |words: &[&str]| {
        tokens.len() >= words.len()
            && words.iter().zip(tokens).all(|(word, token)| is_word(&token.token, word))
    };
    rules().find_map(|rule| {
        let token = match rule.find {
            Find::Start(all) if all.iter().any(|words| begins(words)) => tokens.first(),
            Find::Token(broken) => tokens.iter().find(|t| broken(&t.token)),
            _ => None,
        };
        token.map(|t| error_of(rule).at(place_of(file, t.span.start)))
    })
}

/// The error of a rule, where a statement that does not parse has a word no statement of Redshift
/// has there; else the parser's own.
pub fn refused_word(tokens: &[TokenWithSpan], error: Error, file: &Path) -> Error {
    let Some(stopped) = error.place().filter(|_| error.code() == "sql/syntax") else {
        return error;
    };
    let at = |token: &TokenWithSpan| {
        let place = place_of(file, token.span.start);
        (place.line, place.column) == (stopped.line, stopped.column)
    };
    let Some(index) = tokens.iter().position(at) else { return error };
    let word = |at: Option<usize>, word: &str| {
        at.and_then(|at| tokens.get(at)).is_some_and(|t| is_word(&t.token, word))
    };
    let leads_on = ["on", "with", "order"].iter().any(|w| word(Some(index), w));
    let of_unpivot = word(index.checked_sub(2), "unpivot");
    let second_limit = word(index.checked_sub(2), "limit") && word(Some(index), ",");
    let found = rules().find(|rule| match rule.find {
        // the word itself, the one after it as in ON CONFLICT and WITH ROLLUP, or the one before
        // it where CHECK was taken for the name of a column
        Find::Word(words) => words.iter().any(|w| {
            word(Some(index), w)
                || (leads_on && word(index.checked_add(1), w))
                || (*w == "check" && word(index.checked_sub(1), w))
                || (second_limit && *w == "limit,")
                || (of_unpivot && *w == "unpivot")
        }),
        _ => false,
    });
    match found {
        Some(rule) => error_of(rule).at(stopped.clone()),
        None => error,
    }
}

/// The error of the rule against WITH before INSERT, which stands behind the WITH.
pub fn with_insert(place: Place) -> Error {
    error_of(&WITH_INSERT).at(place)
}

fn is_word(token: &Token, word: &str) -> bool {
    match token {
        Token::Word(w) => w.quote_style.is_none() && w.value == word,
        Token::LParen => word == "(",
        Token::Comma => word == ",",
        _ => false,
    }
}
