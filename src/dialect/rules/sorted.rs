//! What Redshift refuses of aggregates that sort: LISTAGG, MEDIAN and PERCENTILE_CONT beside each other. It knows no window.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Select,
};

use super::find::function_name;
use super::list::rule;
use super::{Find, Rule};
use crate::dialect::own;

pub(super) static RULES: &[Rule] = &[rule(
    "RS282",
    "sql/within-group",
    "LISTAGG, MEDIAN and PERCENTILE_CONT of one query sort by different values",
    "r_MEDIAN",
    "compute them in queries of their own and join these",
    Find::Select(sorts_differently),
)
.told(
    "Within group ORDER BY clauses for aggregate functions must be the same; MEDIAN sorts by its \
     own argument. LISTAGG without WITHIN GROUP sorts by nothing and goes with any.",
    "select median(amount), listagg(code, ',') within group (order by code) from sales",
    "select median(amount), percentile_cont(0.9) within group (order by amount) from sales",
)];

fn sorts_differently(select: &Select) -> bool {
    let mut orders = Vec::new();
    let mut see = |expr: &Expr| {
        if let Expr::Function(function) = expr {
            orders.extend(order_of(function));
        }
        ControlFlow::Continue(())
    };
    let _ = own::expressions(&select.projection, &mut see);
    let _ = own::expressions(&select.having, &mut see);
    orders.windows(2).any(|pair| pair.first() != pair.last())
}

fn order_of(function: &Function) -> Option<Vec<String>> {
    if function.over.is_some() {
        return None;
    }
    match function_name(function) {
        "median" => match &function.args {
            FunctionArguments::List(list) => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] => {
                    Some(vec![value.to_string()])
                }
                _ => None,
            },
            _ => None,
        },
        "listagg" | "percentile_cont" if !function.within_group.is_empty() => {
            let keys = function.within_group.iter().cloned().map(|mut key| {
                key.options.asc = key.options.asc.filter(|asc| !asc);
                key.to_string()
            });
            Some(keys.collect())
        }
        _ => None,
    }
}
