//! The functions of Redshift, by family. What a text may call is decided in `rewrite`, not here.
//!
//! Where DataFusion's function has Redshift's meaning it is taken, lax about argument types as
//! Redshift is; elsewhere ours has the name.

mod aggregating;
pub(crate) mod alike;
pub(crate) mod blanks;
mod casting;
mod dates;
mod decimals;
mod from_text;
mod hashes;
mod intervals;
mod json;
mod listing;
pub(crate) mod marks;
mod math;
mod numbers;
mod only;
mod parts;
mod patterns;
mod percentiles;
mod printing;
mod random;
mod reading;
mod regexp;
mod rounding;
mod sounds;
mod strings;
mod sums;
mod teradata;
mod udf;
mod varbytes;
mod zones;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::common::{Result, plan_datafusion_err};
use datafusion::functions_aggregate as aggregate;
use datafusion::functions_nested::extract::array_element_udf;
use datafusion::functions_window as window;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF, WindowUDF};

pub(crate) use casting::{number_text, parse_date, parse_timestamp};
pub(crate) use decimals::whole_digits;
pub(crate) use numbers::digits as digits_of_pattern;
pub(crate) use only::SINGLE_ROW;
pub(crate) use parts::{DAY, Part, days_of, micros_of};
pub(crate) use patterns::Pattern;
pub(crate) use printing::{
    write_date, write_float, write_time, write_timestamp, write_timestamptz,
};
pub(crate) use udf::TIMESTAMP;
pub use udf::{is_text, type_name};
pub(crate) use zones::zoned_micros;

static SCALARS: LazyLock<HashMap<&'static str, Arc<ScalarUDF>>> = LazyLock::new(|| {
    [
        casting::all(),
        printing::all(),
        from_text::all(),
        dates::all(),
        zones::all(),
        intervals::all(),
        marks::all(),
        math::all(),
        decimals::all(),
        aggregating::all(),
        alike::all(),
        blanks::all(),
        strings::all(),
        patterns::all(),
        regexp::all(),
        hashes::all(),
        json::all(),
        only::all(),
        random::all(),
        rounding::all(),
        sounds::all(),
        teradata::all(),
        varbytes::all(),
        // what PERCENTILE_DISC becomes
        vec![array_element_udf()],
    ]
    .into_iter()
    .flatten()
    // names live as long as the process: the table is made once
    .map(|f| (&*f.name().to_owned().leak(), f))
    .collect()
});

/// Every scalar function of the session.
pub(crate) fn scalars() -> Vec<Arc<ScalarUDF>> {
    SCALARS.values().cloned().collect()
}

/// A call of one of our functions in a plan.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Result<Expr> {
    SCALARS
        .get(name)
        .map(|f| f.call(args))
        .ok_or_else(|| plan_datafusion_err!("function {name} is not registered"))
}

/// Every aggregate of the session.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut all = listing::all();
    all.extend([
        aggregate::count::count_udaf(),
        sums::sum(),
        aggregate::min_max::min_udaf(),
        aggregate::min_max::max_udaf(),
        aggregate::stddev::stddev_udaf(),
        aggregate::stddev::stddev_pop_udaf(),
        aggregate::variance::var_samp_udaf(),
        aggregate::variance::var_pop_udaf(),
        percentiles::percentile_cont(),
        aggregate::array_agg::array_agg_udaf(),
        aggregate::approx_distinct::approx_distinct_udaf(),
        aggregate::bool_and_or::bool_and_udaf(),
        aggregate::bool_and_or::bool_or_udaf(),
        aggregate::bit_and_or_xor::bit_and_udaf(),
        aggregate::bit_and_or_xor::bit_or_udaf(),
        aggregate::grouping::grouping_udaf(),
        aggregate::first_last::first_value_udaf(),
    ]);
    all
}

/// Every window function of the session.
pub(crate) fn windows() -> Vec<Arc<WindowUDF>> {
    vec![
        window::row_number::row_number_udwf(),
        window::rank::rank_udwf(),
        window::rank::dense_rank_udwf(),
        window::rank::percent_rank_udwf(),
        window::cume_dist::cume_dist_udwf(),
        window::ntile::ntile_udwf(),
        window::lead_lag::lag_udwf(),
        window::lead_lag::lead_udwf(),
        window::nth_value::first_value_udwf(),
        window::nth_value::last_value_udwf(),
        window::nth_value::nth_value_udwf(),
    ]
}
