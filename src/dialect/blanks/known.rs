//! What is known of texts before a query runs: where a column comes from, and whether what it holds
//! can end with a blank. It changes no plan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::stats::Statistics;
use datafusion::common::{Column, Constraints, DFSchema, Result, ScalarValue};
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::logical_expr::utils::{grouping_set_to_exprlist, merge_schema};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, TableProviderFilterPushDown,
    TableScan,
};
use datafusion::physical_plan::ExecutionPlan;

use crate::dialect::functions::blanks::KEY;
use crate::dialect::functions::is_text;
use crate::types::SqlType;

/// A table beside what is known of its texts. It scans as the table does.
#[derive(Debug)]
pub struct KnownText {
    table: Arc<dyn TableProvider>,
    unblanked: BTreeSet<String>,
    pub(super) texts: BTreeMap<String, SqlType>,
}

impl KnownText {
    /// `unblanked` are the columns no value of which ends with a blank, `texts` the types of those
    /// of CHAR and VARCHAR.
    pub fn new(
        table: Arc<dyn TableProvider>,
        unblanked: BTreeSet<String>,
        texts: BTreeMap<String, SqlType>,
    ) -> KnownText {
        KnownText { table, unblanked, texts }
    }
}

#[async_trait]
impl TableProvider for KnownText {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.table.constraints()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.table.get_logical_plan()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, projection, filters, limit).await
    }

    async fn scan_with_args<'a>(
        &self,
        state: &dyn Session,
        args: ScanArgs<'a>,
    ) -> Result<ScanResult> {
        self.table.scan_with_args(state, args).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }
}

/// The rows an expression is computed over.
pub struct Scope<'a> {
    inputs: Vec<&'a LogicalPlan>,
    schema: DFSchema,
}

impl<'a> Scope<'a> {
    pub fn new(inputs: Vec<&'a LogicalPlan>) -> Scope<'a> {
        let schema = merge_schema(&inputs);
        Scope { inputs, schema }
    }

    /// The type of an expression; `None` where it cannot be told.
    pub fn type_of(&self, expr: &Expr) -> Option<DataType> {
        expr.get_type(&self.schema).ok()
    }

    /// True if no value of a text expression can end with a blank.
    pub fn unblanked(&self, expr: &Expr) -> bool {
        let all = |exprs: &[Expr]| exprs.iter().all(|e| self.unblanked(e));
        match expr {
            Expr::Literal(value, _) => {
                !value.try_as_str().flatten().is_some_and(|t| t.ends_with(' '))
            }
            Expr::Column(column) => self.column_unblanked(column),
            Expr::Alias(alias) => self.unblanked(&alias.expr),
            Expr::Cast(cast) => match self.type_of(&cast.expr) {
                Some(from) => !is_text(&from) || self.unblanked(&cast.expr),
                None => false,
            },
            Expr::Case(case) => {
                case.when_then_expr.iter().all(|(_, then)| self.unblanked(then))
                    && case.else_expr.as_deref().is_none_or(|e| self.unblanked(e))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                let ending = matches!(right.as_ref(), Expr::Literal(value, _)
                    if value.try_as_str().flatten().is_some_and(|t| !t.is_empty()));
                self.unblanked(right) && (ending || self.unblanked(left))
            }
            Expr::ScalarFunction(call) => match call.name() {
                "upper" | "lower" | "ascii_lower" | "initcap" | "coalesce" | "greatest"
                | "least" | "to_text" => all(&call.args),
                // blanks of the left side stay blanks of the left side
                "ltrim" | "nullif" => call.args.first().is_some_and(|e| self.unblanked(e)),
                "rtrim" | "btrim" => call.args.len() == 1,
                "to_char" => call.args.get(1).is_some_and(prints_no_blank),
                name => ALWAYS.contains(&name),
            },
            Expr::AggregateFunction(call) => match call.func.name() {
                "min" | "max" | "first_value" => all(&call.params.args),
                _ => false,
            },
            _ => false,
        }
    }

    fn column_unblanked(&self, column: &Column) -> bool {
        let holds = |plan: &&&LogicalPlan| plan.schema().has_column(column);
        self.inputs.iter().find(holds).is_some_and(|plan| {
            plan.schema().maybe_index_of_column(column).is_some_and(|i| output_unblanked(plan, i))
        })
    }

    /// The length of the CHAR that an expression is.
    pub fn char_length(&self, expr: &Expr) -> Option<u32> {
        match expr {
            Expr::Alias(alias) => self.char_length(&alias.expr),
            Expr::ScalarFunction(call) if call.name() == "cut_char" => match call.args.get(1) {
                Some(Expr::Literal(ScalarValue::Int64(Some(n)), _)) => u32::try_from(*n).ok(),
                Some(Expr::Literal(ScalarValue::Int32(Some(n)), _)) => u32::try_from(*n).ok(),
                _ => None,
            },
            Expr::Column(column) => {
                let plan = self.inputs.iter().find(|plan| plan.schema().has_column(column))?;
                output_char_length(plan, plan.schema().maybe_index_of_column(column)?)
            }
            _ => None,
        }
    }
}

/// Functions no answer of which ends with a blank.
const ALWAYS: &[&str] = &[
    KEY,
    "cut_char",
    "md5",
    "sha1",
    "sha2",
    "crc32",
    "to_hex",
    "date_to_text",
    "time_to_text",
    "timestamp_to_text",
    "timestamptz_to_text",
    "float_to_text",
    "text_to_number",
];

/// True for a pattern of TO_CHAR made of digits' fields and signs: names of months and days are
/// padded with blanks.
fn prints_no_blank(pattern: &Expr) -> bool {
    let Expr::Literal(value, _) = pattern else { return false };
    let Some(Some(text)) = value.try_as_str() else { return false };
    let plain = |c: char| "YMDHISQW1234-/:._".contains(c.to_ascii_uppercase());
    let upper = text.to_ascii_uppercase();
    text.chars().all(|c| plain(c) || c == ' ')
        && !text.ends_with(' ')
        && !["DY", "DAY"].iter().any(|name| upper.contains(name))
}

/// True if no value of an output column of a plan can end with a blank.
fn output_unblanked(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => {
            known(scan, index, |table, name| table.unblanked.contains(name)) == Some(true)
        }
        LogicalPlan::Projection(p) => {
            p.expr.get(index).is_some_and(|e| Scope::new(vec![&p.input]).unblanked(e))
        }
        LogicalPlan::Aggregate(aggregate) => aggregate_output(aggregate, index)
            .is_some_and(|e| Scope::new(vec![&aggregate.input]).unblanked(e)),
        LogicalPlan::Union(union) => {
            union.inputs.iter().all(|input| output_unblanked(input, index))
        }
        other => passed(other, index).is_some_and(|(input, i)| output_unblanked(input, i)),
    }
}

fn output_char_length(plan: &LogicalPlan, index: usize) -> Option<u32> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let ty = known(scan, index, |table, name| table.texts.get(name).copied()).flatten();
            match ty? {
                SqlType::Char(length) => Some(length),
                _ => None,
            }
        }
        LogicalPlan::Projection(p) => Scope::new(vec![&p.input]).char_length(p.expr.get(index)?),
        LogicalPlan::Aggregate(aggregate) => {
            Scope::new(vec![&aggregate.input]).char_length(aggregate_output(aggregate, index)?)
        }
        other => passed(other, index).and_then(|(input, i)| output_char_length(input, i)),
    }
}

/// What is known of a column of a scan.
pub(super) fn known<R>(
    scan: &TableScan,
    index: usize,
    ask: impl Fn(&KnownText, &str) -> R,
) -> Option<R> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<KnownText>()?;
    Some(ask(table, scan.projected_schema.field(index).name()))
}

pub(super) fn aggregate_output(aggregate: &Aggregate, index: usize) -> Option<&Expr> {
    let groups = grouping_set_to_exprlist(&aggregate.group_expr).ok()?;
    match groups.get(index) {
        Some(expr) => Some(expr),
        // the number of the grouping set stands between the groups and the aggregates
        None => {
            let sets = matches!(aggregate.group_expr.first(), Some(Expr::GroupingSet(_)));
            aggregate.aggr_expr.get(index.checked_sub(groups.len() + usize::from(sets))?)
        }
    }
}

/// The input an output column of a plan comes from unchanged, and its position there.
pub(super) fn passed(plan: &LogicalPlan, index: usize) -> Option<(&LogicalPlan, usize)> {
    match plan {
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Window(_) => {
            let input = *plan.inputs().first()?;
            (index < input.schema().fields().len()).then_some((input, index))
        }
        LogicalPlan::Join(join) => {
            let (qualifier, field) = plan.schema().qualified_field(index);
            let column = Column::new(qualifier.cloned(), field.name());
            [&join.left, &join.right].into_iter().find_map(|side| {
                side.schema().maybe_index_of_column(&column).map(|i| (side.as_ref(), i))
            })
        }
        _ => None,
    }
}
