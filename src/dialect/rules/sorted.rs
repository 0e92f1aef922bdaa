//! What Redshift refuses of aggregates that sort: LISTAGG, MEDIAN and PERCENTILE_CONT beside each other. It knows no window.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, Visit, Visitor,
};

use super::find::function_name;
use super::list::rule;
use super::{Find, Rule};

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
    let mut orders = Orders::default();
    let _ = select.projection.visit(&mut orders);
    let _ = select.having.visit(&mut orders);
    let mut found = orders.found.into_iter();
    let first = found.next();
    found.any(|order| Some(order) != first)
}

/// The orders of the aggregates of one query, not of those inside it.
#[derive(Default)]
struct Orders {
    depth: usize,
    found: Vec<Vec<String>>,
}

impl Visitor for Orders {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && self.depth == 0
            && let Some(order) = order_of(function)
        {
            self.found.push(order);
        }
        ControlFlow::Continue(())
    }
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
