//! What runs on Redshift and often does not do what was meant, told from the words alone. It
//! refuses nothing.

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr, SelectItem};

use super::list::{advice, warning};
use super::scope::select_of;
use super::{Find, Rule};
use crate::dialect::command::{Command, SortStyle};
use crate::types::SqlType;

pub(super) static RULES: &[Rule] = &[
    warning(
        "RS001",
        "TRUNCATE commits what came before it in the transaction and cannot be rolled back",
        "r_TRUNCATE",
        "use DELETE FROM when the table must stay whole if a later statement fails",
        Find::Command(|c| matches!(c, Command::Truncate { .. })),
    )
    .told(
        "TRUNCATE commits the transaction it runs in, with everything before it. A ROLLBACK after \
         it brings nothing back; if the INSERT that should fill the table again fails, readers \
         see an empty table. A file of pres is one transaction, and a TRUNCATE in it makes two.",
        "truncate pres.sales",
        "delete from pres.sales",
    ),
    advice(
        "RS002",
        "a positional INSERT depends on the order of the table's columns",
        "r_INSERT_30",
        "name the columns after the table",
        Find::Command(|c| matches!(c, Command::Insert(i) if i.columns.is_empty())),
    )
    .told(
        "Values go to the columns from left to right, and fewer values than columns are taken \
         without a word. After ALTER TABLE ADD COLUMN, or when the table is made anew in another \
         order, they go into other columns, which is seen only where a type does not fit.",
        "insert into pres.sales select order_no, amount from store.lines",
        "insert into pres.sales (order_no, amount) select order_no, amount from store.lines",
    ),
    advice(
        "RS004",
        "a comparison by = or <> with NULL is never true",
        "r_null_condition",
        "write IS NULL or IS NOT NULL",
        Find::Expr(compares_null),
    )
    .told(
        "The comparison gives unknown, and WHERE keeps only what is true: the statement runs and \
         finds no row.",
        "select order_no from sales where shipped <> null",
        "select order_no from sales where shipped is not null",
    ),
    advice(
        "RS005",
        "UPDATE without WHERE and without FROM changes every row",
        "r_UPDATE",
        "say that it is meant: WHERE true",
        Find::Command(
            |c| matches!(c, Command::Update(u) if u.filter.is_none() && u.from.is_empty()),
        ),
    )
    .told(
        "Each row is written anew and its old version waits for VACUUM, also where the value was \
         the same before.",
        "update sales set amount = 0",
        "update sales set amount = 0 where amount is null",
    ),
    advice(
        "RS006",
        "DECIMAL without precision is DECIMAL(18,0): fractions vanish",
        "r_Numeric_types201",
        "write DECIMAL(p,s)",
        Find::Expr(|e| matches!(e, Expr::Cast { data_type, .. } if is_bare_decimal(data_type))),
    )
    .told(
        "PostgreSQL keeps every digit of a bare NUMERIC; Redshift keeps none after the point.",
        "select price::decimal from sales",
        "select price::decimal(18,4) from sales",
    ),
    advice(
        "RS007",
        "SUBSTR fails on Redshift in some queries: SUBSTR() function is not supported",
        "r_SUBSTRING",
        "use SUBSTRING instead",
        Find::Expr(|e| matches!(e, Expr::Substring { shorthand: true, .. })),
    )
    .told(
        "Where it fails the hint of Redshift itself says to use SUBSTRING, which means the same \
         and works everywhere.",
        "select substr(code, 1, 2) from sales",
        "select substring(code, 1, 2) from sales",
    ),
    advice(
        "RS008",
        "a table that keeps versions declares a key that several versions share",
        "r_CREATE_TABLE_NEW",
        "put the begin of the version into the key, or leave the key out",
        Find::Command(key_of_versions),
    )
    .told(
        "Redshift does not enforce keys, but its planner believes them: it may leave a DISTINCT or \
         a join step out, and then queries return wrong results. In a table of versions the \
         business key comes once for each version.",
        "create table dim (code varchar(9), price int, valid_from timestamp, valid_to timestamp, \
         unique (code))",
        "create table dim (code varchar(9), price int, valid_from timestamp, valid_to timestamp, \
         unique (code, valid_from))",
    ),
    advice(
        "RS010",
        "a version ends the day before today: a second change on one day ends before it begins",
        "r_UPDATE",
        "end it at the moment the next begins, and read valid_from <= x AND x < valid_to",
        Find::Command(ends_yesterday),
    )
    .told(
        "With valid_to = current_date - 1 a version that began today gets an end before its \
         begin. No day finds it any more, and facts of that day find no version.",
        "update dim set valid_to = current_date - 1, is_current = false from changed c \
         where dim.code = c.code and dim.is_current",
        "update dim set valid_to = c.changed_at, is_current = false from changed c \
         where dim.code = c.code and dim.is_current",
    ),
    advice(
        "RS017",
        "the columns of a view of SELECT * are those of another day",
        "r_CREATE_VIEW",
        "name the columns",
        Find::Command(|c| {
            matches!(c, Command::CreateView(v)
                if select_of(&v.query).is_some_and(|s| s.projection.iter().any(is_wildcard)))
        }),
    )
    .told(
        "In a view bound at once the star is written out when the view is made: a column added to \
         the table later is not in it. In a view bound late, WITH NO SCHEMA BINDING, columns come \
         and go under those who read it.",
        "create view v as select * from store.lines",
        "create view v as select order_no, amount from store.lines",
    ),
    advice(
        "RS020",
        "an interleaved sort key on a column that only grows",
        "t_Sorting_data-interleaved",
        "use COMPOUND SORTKEY for identities, dates and timestamps",
        Find::Command(interleaved_on_growing),
    )
    .told(
        "The manual advises against it: every load falls outside the ranges the key was made for, \
         and only VACUUM REINDEX, the dearest of all, mends it.",
        "create table t (d date, a int) interleaved sortkey (d, a)",
        "create table t (d date, a int) compound sortkey (d, a)",
    ),
    advice(
        "RS021",
        "a WITH inside a subquery of a WITH",
        "r_WITH_clause",
        "put the inner one before the outer one in the same list",
        Find::Query(|q| {
            q.with.iter().flat_map(|w| &w.cte_tables).any(|cte| cte.query.with.is_some())
        }),
    )
    .told(
        "The manual of 2023 says that a WITH subquery cannot hold another WITH clause. In one list \
         each member sees those before it, so nothing is lost.",
        "with a as (with b as (select 1 as x from t) select x from b) select x from a",
        "with b as (select 1 as x from t), a as (select x from b) select x from a",
    ),
];

fn is_null(e: &Expr) -> bool {
    matches!(e, Expr::Value(v) if v.value == ast::Value::Null)
}

fn compares_null(e: &Expr) -> bool {
    matches!(e, Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
        if is_null(left) || is_null(right))
}

fn is_bare_decimal(data_type: &ast::DataType) -> bool {
    use ast::{DataType, ExactNumberInfo};
    matches!(
        data_type,
        DataType::Numeric(ExactNumberInfo::None)
            | DataType::Decimal(ExactNumberInfo::None)
            | DataType::Dec(ExactNumberInfo::None)
    )
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// The words of a name: `valid_to` has `valid` and `to`.
fn has_word(name: &str, words: &[&str]) -> bool {
    name.split('_').any(|part| words.contains(&part))
}

/// What tells the versions of one thing apart.
fn is_version_column(name: &str) -> bool {
    has_word(name, &["valid", "effective", "current", "version", "expiry", "expired"])
}

fn key_of_versions(command: &Command) -> bool {
    let Command::CreateTable(table) = command else { return false };
    let from = |name: &str| has_word(name, &["from", "start", "begin"]);
    let keeps_versions = table.columns.iter().any(|c| is_version_column(&c.name) && from(&c.name));
    let identity =
        |name: &String| table.columns.iter().any(|c| c.name == *name && c.identity.is_some());
    let keys = table.attributes.unique.iter().chain([&table.attributes.primary_key]);
    keeps_versions
        && keys.filter(|key| !key.is_empty()).any(|key| {
            // a key of one number of its own, without IDENTITY, is taken for a surrogate
            let surrogate = key.len() == 1
                && key.iter().any(|k| k.ends_with("_key") || k.ends_with("_sk") || k == "id");
            !surrogate && !key.iter().any(|k| is_version_column(k) || identity(k))
        })
}

fn ends_yesterday(command: &Command) -> bool {
    use crate::dialect::command::{MergeAction, MergeForm};
    let ends = |set: &[(Vec<ast::Ident>, Expr)]| {
        set.iter().any(|(column, value)| {
            column.last().is_some_and(|name| {
                has_word(
                    &name.value,
                    &["to", "end", "until", "thru", "through", "expiry", "expires", "retired"],
                )
            }) && is_yesterday(value)
        })
    };
    match command {
        Command::Update(update) => ends(&update.set),
        Command::Merge(merge) => match &merge.form {
            MergeForm::Clauses(clauses) => {
                clauses.iter().any(|c| matches!(&c.action, MergeAction::Update(set) if ends(set)))
            }
            MergeForm::RemoveDuplicates => false,
        },
        _ => false,
    }
}

/// `CURRENT_DATE - 1`, `DATEADD(day, -1, SYSDATE)` and the like.
fn is_yesterday(value: &Expr) -> bool {
    match value {
        Expr::Nested(e) | Expr::Cast { expr: e, .. } => is_yesterday(e),
        Expr::BinaryOp { left, op: BinaryOperator::Minus, right } => {
            is_now(left) && matches!(right.as_ref(), Expr::Value(_) | Expr::Interval(_))
        }
        Expr::Function(f) => {
            let arguments = super::scope::arguments(f);
            match super::find::function_name(f) {
                "dateadd" | "date_add" => {
                    arguments.len() == 3
                        && is_negative(arguments[1])
                        && arguments.last().is_some_and(|a| is_now(a))
                }
                "trunc" | "date_trunc" | "date" => {
                    arguments.last().is_some_and(|a| is_yesterday(a))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

fn is_negative(value: &Expr) -> bool {
    matches!(value, Expr::UnaryOp { op: ast::UnaryOperator::Minus, .. })
}

fn is_now(value: &Expr) -> bool {
    match value {
        Expr::Nested(e) | Expr::Cast { expr: e, .. } => is_now(e),
        Expr::Identifier(name) => ["sysdate", "current_date"].contains(&name.value.as_str()),
        Expr::Function(f) => match super::find::function_name(f) {
            "getdate" | "current_date" | "sysdate" | "now" => true,
            "trunc" | "date_trunc" | "date" => {
                super::scope::arguments(f).last().is_some_and(|a| is_now(a))
            }
            _ => false,
        },
        _ => false,
    }
}

fn interleaved_on_growing(command: &Command) -> bool {
    let Command::CreateTable(table) = command else { return false };
    let Some(key) = table.attributes.sortkey.as_ref().filter(|k| k.style == SortStyle::Interleaved)
    else {
        return false;
    };
    let grows =
        |ty: SqlType| matches!(ty, SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz);
    table
        .columns
        .iter()
        .any(|c| key.columns.contains(&c.name) && (c.identity.is_some() || grows(c.ty)))
}
