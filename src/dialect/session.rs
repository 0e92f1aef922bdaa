//! The session DataFusion plans and runs in: our types, operators, functions and casts. It holds no table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::catalog::CatalogProviderList;
use datafusion::common::{DataFusionError, Result as DfResult};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::functions_aggregate::planner::AggregateFunctionPlanner;
use datafusion::functions_window::planner::WindowFunctionPlanner;
use datafusion::logical_expr::planner::{ExprPlanner, TypePlanner};
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast;

use super::casts::RedshiftCasts;
use super::days::Days;
use super::first_row::FirstRow;
use super::functions;
use super::marked::Marked;
use super::operators::Operators;
use super::pivot::Pivots;
use super::rowless::Rowless;
use super::runnable::Runnable;
use super::unknown::Unknown;
use crate::types::SqlType;

/// The name of the one database: the first that a cluster of Redshift has.
pub const CATALOG: &str = "dev";
/// The schema of temporary tables while a statement is planned, which no name is written with.
pub const TEMPORARY: &str = "pg_temp_1";
/// The schema of names without one.
pub const DEFAULT_SCHEMA: &str = "public";

/// A session that plans and runs Redshift's SQL.
///
/// `catalogs` must hold a catalog named [`CATALOG`] with a schema [`DEFAULT_SCHEMA`] if names
/// without a schema are to be found; without it, an empty one in memory is made.
/// `batch_size` and further settings stay DataFusion's; change them with
/// `SessionStateBuilder::new_from_existing`.
pub fn session_state(
    runtime_env: Arc<RuntimeEnv>,
    target_partitions: usize,
    catalogs: Option<Arc<dyn CatalogProviderList>>,
) -> SessionState {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(catalogs.is_none())
        .with_information_schema(false)
        .with_target_partitions(target_partitions.max(1));
    let options = config.options_mut();
    // numbers with a point are exact on Redshift
    options.sql_parser.parse_float_as_decimal = true;
    // the reader has folded every name already, quoted ones too
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    // the optimizer may find that a column of a union is never NULL, which the check takes for an error
    options.execution.skip_physical_aggregate_schema_check = true;
    let planners: Vec<Arc<dyn ExprPlanner>> = vec![
        Arc::new(Operators),
        Arc::new(AggregateFunctionPlanner),
        Arc::new(WindowFunctionPlanner),
    ];
    // an aggregate takes the limit of what stands above a window over it
    options.optimizer.enable_topk_aggregation = false;
    // an order known of the groups makes one of them fail: "ordering direction required"
    options.optimizer.enable_distinct_aggregation_soft_limit = false;
    let mut physical: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> =
        vec![Arc::new(FirstRow), Arc::new(Unknown)];
    // it takes a column of one side of a RIGHT JOIN for that of the same name of the other, and one
    // bound for all queries of a UNION; scans are given their filters by the logical plan
    let sound = |rule: &Arc<dyn PhysicalOptimizerRule + Send + Sync>| {
        !rule.name().starts_with("FilterPushdown")
    };
    physical.extend(PhysicalOptimizer::new().rules.into_iter().filter(sound));
    let mut logical = Optimizer::new().rules;
    // constants are folded by then, and filters not yet pushed into scans
    let folded = logical.iter().position(|rule| rule.name() == "simplify_expressions");
    logical.insert(folded.map_or(0, |at| at + 1), Arc::new(Days));
    let tested = logical.iter().position(|r| r.name() == "decorrelate_predicate_subquery");
    logical.insert(tested.unwrap_or(0), Arc::new(Marked::default()));
    logical.push(Arc::new(Rowless));
    logical.push(Arc::new(Runnable));
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_optimizer_rules(logical)
        .with_runtime_env(runtime_env)
        .with_type_planner(Arc::new(Types))
        .with_expr_planners(planners)
        .with_relation_planners(vec![Arc::new(Pivots)])
        .with_analyzer_rule(Arc::new(RedshiftCasts))
        .with_physical_optimizer_rules(physical)
        .with_scalar_functions(functions::scalars())
        .with_aggregate_functions(functions::aggregates())
        .with_window_functions(functions::windows());
    if let Some(catalogs) = catalogs {
        builder = builder.with_catalog_list(catalogs);
    }
    builder.build()
}

/// SQL types to Arrow types; a name Redshift does not have is an error.
#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> DfResult<Option<FieldRef>> {
        let ty = SqlType::parse(&sql_type.to_string())
            .map_err(|e| DataFusionError::Plan(e.message().to_owned()))?;
        let arrow = match ty {
            // text is read as views; the same layout spares a cast at every comparison
            SqlType::Char(_) | SqlType::Varchar(_) => DataType::Utf8View,
            other => other.arrow(),
        };
        Ok(Some(Arc::new(Field::new("", arrow, true))))
    }
}
