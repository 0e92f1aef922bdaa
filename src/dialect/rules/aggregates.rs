//! What Redshift refuses of aggregates and other functions. It knows no window.

use datafusion::sql::sqlparser::ast::{self, Expr, Function, Spanned, Visit, Visitor};
use datafusion::sql::sqlparser::tokenizer::Span;
use std::ops::ControlFlow;

use super::find::function_name;
use super::known::Known;
use super::list::rule;
use super::{Find, Rule};
use crate::dialect::command::Command;
use crate::dialect::lex::APPROXIMATE_DISC;
use crate::dialect::own;
use crate::dialect::rewrite::is_aggregate;
use crate::dialect::tables::tables_of;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS101",
        "sql/filter",
        "an aggregate has a FILTER clause",
        "c_unsupported-postgresql-features",
        "write SUM(CASE WHEN condition THEN value END)",
        Find::Function(|f| f.filter.is_some()),
    )
    .told(
        "FILTER came to PostgreSQL after Redshift left it. CASE without ELSE gives NULL, which \
         aggregates leave out, so it means the same.",
        "select count(*) filter (where amount > 0) from sales",
        "select count(case when amount > 0 then 1 end) from sales",
    ),
    rule(
        "RS349",
        "sql/star-argument",
        "a function other than COUNT has * for its argument",
        "c_Aggregate_Functions",
        "name the column",
        Find::Function(|f| takes_star(f) && !function_name(f).ends_with("count")),
    )
    .told(
        "COUNT(*) counts rows; every other function is given values.",
        "select max(*) from sales",
        "select max(amount) from sales",
    ),
    rule(
        "RS362",
        "sql/group-by-aggregate",
        "aggregates are not allowed in GROUP BY",
        "r_GROUP_BY_clause",
        "leave it out of GROUP BY",
        Find::Select(|s| own::calls(&s.group_by, is_aggregate) || groups_by_place(s)),
    )
    .told(
        "A total is known once the rows are grouped.",
        "select code, sum(amount) from sales group by code, sum(amount)",
        "select code, sum(amount) from sales group by code",
    ),
    rule(
        "RS102",
        "sql/string-agg",
        "string_agg does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "write LISTAGG(value, delimiter) WITHIN GROUP (ORDER BY ...)",
        Find::Call(&["string_agg"]),
    )
    .told(
        "Redshift has the name of the SQL standard. LISTAGG also leaves '' out, and its answer is \
         at most 65535 bytes.",
        "select string_agg(code, ',') from sales",
        "select listagg(code, ',') within group (order by code) from sales",
    ),
    rule(
        "RS103",
        "sql/array-agg",
        "array_agg does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "write LISTAGG, or keep one row per value",
        Find::Call(&["array_agg"]),
    )
    .told(
        "There is no array type to give back.",
        "select array_agg(code) from sales",
        "select listagg(code, ',') within group (order by code) from sales",
    ),
    rule(
        "RS351",
        "sql/count",
        "COUNT has no argument",
        "r_COUNT",
        "write COUNT(*)",
        Find::Function(|f| function_name(f) == "count" && argument_count(f) == 0),
    )
    .told(
        "COUNT takes *, an expression, or DISTINCT and one.",
        "select count() from sales",
        "select count(*) from sales",
    ),
    rule(
        "RS121",
        "sql/unsupported-function",
        "this PostgreSQL function does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "compute it from the functions Redshift has",
        Find::Call(POSTGRES_ONLY),
    )
    .told(
        "The manual lists it among the functions that Redshift does not support, or it came to \
         PostgreSQL after 8.0, which Redshift is made from.",
        "select width_bucket(amount, 0, 100, 10) from sales",
        "select floor(amount / 10) + 1 from sales",
    ),
    rule(
        "RS132",
        "sql/generate-series",
        "generate_series runs on the leader node only and cannot meet a table",
        "c_sql-functions-leader-node",
        "write WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10)",
        Find::Call(&["generate_series"]),
    )
    .told(
        "It answers when it stands alone, which misleads: as soon as its numbers are joined to a \
         table or written to one, Redshift says that the function is not supported on its tables.",
        "select generate_series(1, 10)",
        "with recursive c (n) as (select 1 union all select n + 1 from c where n < 10) \
         select n from c",
    ),
    rule(
        "RS141",
        "sql/concat-arguments",
        "CONCAT takes exactly two values",
        "r_CONCAT",
        "write a || b || c",
        Find::Function(|f| function_name(f) == "concat" && argument_count(f) != 2),
    )
    .told(
        "PostgreSQL's CONCAT takes any number and skips NULL; Redshift's takes two and is NULL \
         when one of them is.",
        "select concat(a, b, c) from t",
        "select a || b || c from t",
    ),
    rule(
        "RS142",
        "sql/count-many",
        "COUNT(DISTINCT ...) takes one expression",
        "r_COUNT",
        "count over a subquery of SELECT DISTINCT",
        Find::Function(|f| function_name(f) == "count" && argument_count(f) > 1),
    )
    .told(
        "MySQL counts combinations this way.",
        "select count(distinct a, b) from t",
        "select count(*) from (select distinct a, b from t) as pairs",
    ),
    rule(
        "RS283",
        "sql/count-star",
        "COUNT(DISTINCT *) counts nothing",
        "r_COUNT",
        "count over a subquery of SELECT DISTINCT",
        Find::Function(|f| {
            function_name(f) == "count"
                && matches!(&f.args, ast::FunctionArguments::List(l)
                    if l.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct)
                        && l.args.iter().any(|a| matches!(a,
                            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard))))
        }),
    )
    .told(
        "DISTINCT tells the values of one expression apart; a row is none.",
        "select count(distinct *) from t",
        "select count(*) from (select distinct * from t) as rows",
    ),
    rule(
        "RS285",
        "sql/json-path",
        "a JSON path has more than five elements",
        "JSON_EXTRACT_PATH_TEXT",
        "take the value of the first five, and go on in it with another call",
        Find::Function(|f| {
            function_name(f) == "json_extract_path_text" && path_elements(f) > 5
        }),
    )
    .told(
        "The path can be nested up to five levels deep.",
        "select json_extract_path_text(doc, 'a', 'b', 'c', 'd', 'e', 'f') from t",
        "select json_extract_path_text(json_extract_path_text(doc, 'a', 'b', 'c', 'd', 'e'), 'f') \
         from t",
    ),
    rule(
        "RS287",
        "sql/isnull",
        "ISNULL and IFNULL are no functions of Redshift",
        "r_NVL_function",
        "write NVL(value, other)",
        Find::Call(&["isnull", "ifnull"]),
    )
    .told(
        "ISNULL is a reserved word. The function of SQL Server and MySQL is called NVL or COALESCE.",
        "select isnull(amount, 0) from sales",
        "select nvl(amount, 0) from sales",
    ),
    rule(
        "RS288",
        "sql/percentile-disc",
        "PERCENTILE_DISC over groups is not APPROXIMATE",
        "r_APPROXIMATE_PERCENTILE_DISC",
        "write APPROXIMATE PERCENTILE_DISC(...), or PERCENTILE_CONT",
        Find::Function(|f| function_name(f) == "percentile_disc" && f.over.is_none()),
    )
    .told(
        "Among the aggregate functions there is the approximate one alone; PERCENTILE_DISC without \
         the word is a window function.",
        "select percentile_disc(0.5) within group (order by amount) from sales",
        "select approximate percentile_disc(0.5) within group (order by amount) from sales",
    ),
    rule(
        "RS143",
        "sql/listagg-group",
        "LISTAGG over groups has an ORDER BY inside its brackets",
        "r_LISTAGG",
        "write LISTAGG(value, delimiter) WITHIN GROUP (ORDER BY ...)",
        Find::Function(|f| {
            matches!(&f.args, ast::FunctionArguments::List(l)
                if l.clauses.iter().any(|c| matches!(c, ast::FunctionArgumentClause::OrderBy(_))))
        }),
    )
    .told(
        "PostgreSQL orders inside the brackets, the SQL standard and Redshift behind them.",
        "select listagg(a, ',' order by a) from t",
        "select listagg(a, ',') within group (order by a) from t",
    ),
    rule(
        "RS163",
        "sql/needs-table",
        "LISTAGG, MEDIAN and PERCENTILE_CONT need a table",
        "r_LISTAGG",
        "read a table; put fixed rows into a temporary table first",
        Find::Whole(compute_node_without_table),
    )
    .told(
        "They run on the compute nodes only. A query that reads no table runs on the leader node, \
         which does not have them; so tests whose rows are literals fail on Redshift.",
        "select median(x) from (select 1 as x union all select 2) as fixed",
        "select median(x) from t",
    ),
    rule(
        "RS164",
        "sql/leader-node",
        "this function runs on the leader node only and cannot meet a table",
        "c_sql-functions-leader-node",
        "use SYSDATE, GETDATE() or CURRENT_DATE for moments; ask for the rest in a query of its own",
        Find::Whole(leader_node_with_table),
    )
    .told(
        "NOW, AGE, CURRENT_TIMESTAMP and functions about the catalog run on the leader node. \
         Beside a table of your own Redshift refuses them: specified types or functions not \
         supported on Redshift tables.",
        "select code, now() from t",
        "select code, sysdate from t",
    ),
    rule(
        "RS169",
        "sql/named-argument",
        "an argument is given by its name",
        "c_SQL_functions",
        "give the arguments in their order",
        Find::Function(|f| {
            matches!(&f.args, ast::FunctionArguments::List(l)
                if l.args.iter().any(|a| !matches!(a, ast::FunctionArg::Unnamed(_))))
        }),
    )
    .told(
        "Redshift knows arguments by position alone.",
        "select round(v => 1.25, s => 1) from t",
        "select round(1.25, 1) from t",
    ),
];

/// True for `f(*)`.
fn takes_star(function: &Function) -> bool {
    let ast::FunctionArguments::List(list) = &function.args else { return false };
    let star = |arg: &ast::FunctionArg| {
        matches!(arg, ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard))
    };
    list.args.iter().any(star)
}

/// GROUP BY the place of an aggregate in the list.
fn groups_by_place(select: &ast::Select) -> bool {
    let ast::GroupByExpr::Expressions(keys, _) = &select.group_by else { return false };
    keys.iter().any(|key| {
        let Expr::Value(value) = key else { return false };
        let ast::Value::Number(place, _) = &value.value else { return false };
        let place = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
        let item = place.and_then(|place| select.projection.get(place));
        item.is_some_and(|item| own::calls(item, is_aggregate))
    })
}

const POSTGRES_ONLY: &[&str] = &[
    "corr",
    "covar_pop",
    "covar_samp",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "width_bucket",
    "div",
    "format",
    "regexp_matches",
    "regexp_split_to_array",
    "regexp_split_to_table",
    "string_to_array",
    "array_to_string",
    "clock_timestamp",
    "statement_timestamp",
    "justify_days",
    "justify_hours",
    "justify_interval",
    "scale",
    "setseed",
    "every",
    "xmlagg",
    "json_agg",
    "jsonb_agg",
    "row_to_json",
    "to_json",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "gen_random_uuid",
    "make_date",
    "make_timestamp",
    "make_interval",
    "date_bin",
    "transaction_timestamp",
    "convert_from",
    "convert_to",
    "encode",
    "num_nulls",
];

/// Functions of the compute nodes (r_LISTAGG, r_MEDIAN, r_PERCENTILE_CONT).
const COMPUTE_NODE: &[&str] =
    &["listagg", "median", "percentile_cont", "percentile_disc", APPROXIMATE_DISC];

/// Functions of the leader node (c_sql-functions-leader-node, Date_functions_header).
const LEADER_NODE: &[&str] = &[
    "now",
    "age",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "isfinite",
    "current_schema",
    "current_schemas",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "version",
    "pg_get_viewdef",
];

pub(super) fn argument_count(function: &Function) -> usize {
    match &function.args {
        ast::FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    }
}

/// The arguments of JSON_EXTRACT_PATH_TEXT but the document and the flag at the end.
fn path_elements(function: &Function) -> usize {
    let ast::FunctionArguments::List(list) = &function.args else { return 0 };
    let path = list.args.iter().skip(1);
    path.filter(|a| !matches!(a.to_string().to_ascii_lowercase().as_str(), "true" | "false"))
        .count()
}

fn compute_node_without_table(command: &Command, _: &Known) -> Vec<Span> {
    match reads_table(command) {
        true => Vec::new(),
        false => calls(command, COMPUTE_NODE),
    }
}

fn leader_node_with_table(command: &Command, _: &Known) -> Vec<Span> {
    match reads_table(command) {
        true => calls(command, LEADER_NODE),
        false => Vec::new(),
    }
}

fn reads_table(command: &Command) -> bool {
    let tables = tables_of(command);
    !tables.reads.is_empty() || !tables.writes.is_empty()
}

/// Where functions of these names are called in the query of a statement.
fn calls(command: &Command, names: &'static [&'static str]) -> Vec<Span> {
    let mut calls = Calls { names, found: Vec::new() };
    match command {
        Command::Query(query) => drop(query.visit(&mut calls)),
        Command::CreateTableAs(create) => drop(create.query.visit(&mut calls)),
        Command::CreateView(view) => drop(view.query.visit(&mut calls)),
        Command::Insert(insert) => {
            if let crate::dialect::command::InsertSource::Query(query) = &insert.source {
                let _ = query.visit(&mut calls);
            }
        }
        Command::Update(update) => {
            let _ = update.filter.visit(&mut calls);
            for (_, value) in &update.set {
                let _ = value.visit(&mut calls);
            }
        }
        Command::Delete(delete) => drop(delete.filter.visit(&mut calls)),
        _ => {}
    }
    calls.found
}

struct Calls {
    names: &'static [&'static str],
    found: Vec<Span>,
}

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && self.names.contains(&function_name(function))
        {
            self.found.push(function.span());
        }
        ControlFlow::Continue(())
    }
}
