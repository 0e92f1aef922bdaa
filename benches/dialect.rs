//! What the layer of Redshift's SQL costs: reading, judging and rewriting the sample project, and
//! queries beside plain DataFusion on the same rows in memory.
//!
//! `cargo bench --bench dialect`; benches/README.md has what was measured. It never runs inside a
//! test.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use chrono::DateTime;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use datafusion::catalog::CatalogProviderList;
use datafusion::catalog::{
    CatalogProvider, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider,
};
use datafusion::dataframe::DataFrame;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::prelude::{SessionConfig, SessionContext};
use landfall::dialect::{self, CATALOG, Clock, Command, DEFAULT_SCHEMA, Known, KnownText};
use landfall::sql;
use tokio::runtime::Runtime;

const ROWS: usize = 400_000;

criterion_group!(benches, front, queries);
criterion_main!(benches);

fn clock() -> Clock {
    Clock { transaction_start: DateTime::from_timestamp(1_700_000_000, 0).expect("a time") }
}

/// Parse, check, rewrite, in one go over every SQL file of the sample and the store's template.
fn front(c: &mut Criterion) {
    let files: Vec<(&str, &str)> =
        sql::FILES.iter().filter(|f| f.path.ends_with(".sql")).map(|f| (f.path, f.text)).collect();
    let clock = clock();
    let mut group = c.benchmark_group("sample project");
    group.bench_function("parse", |b| {
        b.iter(|| {
            for (path, text) in &files {
                black_box(dialect::parse_script(text, Path::new(path)).expect("parses"));
            }
        });
    });
    group.bench_function("parse, check, rewrite", |b| {
        b.iter(|| {
            for (path, text) in &files {
                for parsed in dialect::parse_script(text, Path::new(path)).expect("parses") {
                    black_box(dialect::refuse(&parsed).expect("passes"));
                    black_box(dialect::check(&parsed, &Known::default()));
                    for mut query in queries_of(&parsed.command) {
                        dialect::rewrite_query(&mut query, &clock).expect("rewrites");
                        black_box(query);
                    }
                }
            }
        });
    });
    group.finish();
}

/// The queries of a command that are rewritten before they are planned.
fn queries_of(command: &Command) -> Vec<datafusion::sql::sqlparser::ast::Query> {
    match command {
        Command::Query(query) => vec![(**query).clone()],
        Command::CreateTableAs(create) => vec![(*create.query).clone()],
        Command::CreateView(view) => vec![(*view.query).clone()],
        Command::Insert(insert) => match &insert.source {
            dialect::InsertSource::Query(query) => vec![(**query).clone()],
            dialect::InsertSource::DefaultValues => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// One question in Redshift's words, and what asks plain DataFusion for the same plan.
struct Question {
    name: &'static str,
    redshift: &'static str,
    plain: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "monthly sales",
        redshift: include_str!("../sql/reports/monthly_sales.sql"),
        plain: "select cast(date_trunc('month', order_date) as date) as order_month,
                count(distinct order_no) as orders, count(*) as order_lines,
                sum(cast(quantity as bigint)) as quantity,
                cast(sum(cast(line_total as decimal(38,4))) as decimal(38,4)) as amount
                from pres.report_order_lines
                where order_date >= date '2021-01-01' and order_date < date '2022-01-01'
                group by cast(date_trunc('month', order_date) as date) order by order_month",
    },
    Question {
        name: "top devices",
        redshift: include_str!("../sql/reports/top_devices.sql"),
        plain: "select device, count(*) as requests from pres.report_weblog_access
                where request_timestamp_converted >= timestamp '2021-01-01 00:00:00'
                and request_timestamp_converted < timestamp '2022-01-01 00:00:00'
                group by device order by requests desc, device limit 5",
    },
    Question {
        name: "top products",
        redshift: include_str!("../sql/reports/top_products.sql"),
        plain: include_str!("../sql/reports/top_products.sql"),
    },
    Question {
        name: "tpch 1",
        redshift: "select product_code, sum(quantity) as sum_qty, sum(unit_price) as sum_price,
                   sum(unit_price * (1 - discount)) as disc_price,
                   sum(unit_price * (1 - discount) * (1 + tax)) as charge, count(*) as n
                   from pres.report_order_lines where order_date <= date '2021-12-01' - 90
                   group by product_code order by product_code",
        plain: "select product_code, sum(cast(quantity as bigint)) as sum_qty,
                sum(cast(unit_price as decimal(38,2))) as sum_price,
                sum(cast(unit_price * (1 - discount) as decimal(38,4))) as disc_price,
                sum(cast(unit_price * (1 - discount) * (1 + tax) as decimal(38,6))) as charge,
                count(*) as n
                from pres.report_order_lines where order_date <= date '2021-09-02'
                group by product_code order by product_code",
    },
    Question {
        name: "tpch 6",
        redshift: "select sum(unit_price * discount) as revenue from pres.report_order_lines
                   where order_date >= '2021-01-01' and order_date < dateadd(year, 1, '2021-01-01'::date)
                   and discount between 0.02 and 0.04 and quantity < 24",
        plain: "select sum(cast(unit_price * discount as decimal(38,4))) as revenue
                from pres.report_order_lines
                where order_date >= date '2021-01-01' and order_date < date '2022-01-01'
                and discount between 0.02 and 0.04 and quantity < 24",
    },
    Question {
        name: "join and text",
        redshift: "select w.country, count(*) as n, max(len(l.product_name)) as longest
                   from pres.report_order_lines l join pres.report_weblog_access w
                   on w.device = l.product_name where l.customer_country like 'C%'
                   group by w.country order by n desc, w.country",
        plain: "select w.country, count(*) as n, max(character_length(l.product_name)) as longest
                from pres.report_order_lines l join pres.report_weblog_access w
                on w.device = l.product_name where l.customer_country like 'C%'
                group by w.country order by n desc, w.country",
    },
];

fn queries(c: &mut Criterion) {
    // as the binary does; without it the two columns of benches/README.md differ
    if std::env::var_os("LANDFALL_BENCH_HEAP").is_none_or(|how| how != "as-it-comes") {
        landfall::cli::keep_heap();
    }
    let runtime = Runtime::new().expect("a runtime");
    let catalogs = catalogs();
    let ours =
        dialect::session_state(Arc::new(RuntimeEnv::default()), 1, Some(Arc::clone(&catalogs)));
    let config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_target_partitions(1)
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
    let plain = SessionContext::new_with_config(config);
    plain.register_catalog_list(catalogs);
    for question in QUESTIONS {
        let mut group = c.benchmark_group(question.name);
        group.sample_size(20);
        group.bench_function(BenchmarkId::from_parameter("landfall"), |b| {
            b.iter(|| runtime.block_on(landfall(&ours, question.redshift)));
        });
        group.bench_function(BenchmarkId::from_parameter("datafusion"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let frame = plain.sql(question.plain).await.expect("plans");
                    frame.collect().await.expect("runs")
                })
            });
        });
        group.finish();
    }
}

/// As the local engine answers a query: parse, refuse, plan, run.
async fn landfall(state: &SessionState, text: &str) -> Vec<RecordBatch> {
    let mut parsed = dialect::parse_script(text, Path::new("bench")).expect("parses");
    let parsed = parsed.pop().expect("one statement");
    dialect::refuse(&parsed).expect("passes");
    let Command::Query(query) = parsed.command else { panic!("a query") };
    let plan = dialect::plan_query(state, *query, &clock(), Some(&parsed.place)).await;
    DataFrame::new(state.clone(), plan.expect("plans")).collect().await.expect("runs")
}

fn catalogs() -> Arc<dyn CatalogProviderList> {
    let schema = MemorySchemaProvider::new();
    for (name, batch) in [("report_order_lines", lines()), ("report_weblog_access", access())] {
        let batches: Vec<RecordBatch> =
            (0..ROWS).step_by(8192).map(|at| batch.slice(at, 8192.min(ROWS - at))).collect();
        let table = MemTable::try_new(batch.schema(), vec![batches]).expect("a table");
        // the catalog knows of every file that no text in it ends with a blank
        let texts = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
        let known = KnownText::new(Arc::new(table), texts, BTreeMap::new());
        schema.register_table(name.into(), Arc::new(known)).expect("registers");
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("pres", Arc::new(schema)).expect("registers");
    catalog
        .register_schema(DEFAULT_SCHEMA, Arc::new(MemorySchemaProvider::new()))
        .expect("registers");
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(CATALOG.into(), Arc::new(catalog));
    Arc::new(list)
}

/// A number that looks random and is the same every time.
fn mixed(row: usize, salt: usize) -> usize {
    (row.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)) >> 7) & 0xf_ffff
}

fn texts(of: impl Fn(usize) -> String) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values((0..ROWS).map(of)))
}

fn decimals(precision: u8, scale: i8, of: impl Fn(usize) -> i128) -> ArrayRef {
    let values = Decimal128Array::from_iter_values((0..ROWS).map(of));
    Arc::new(values.with_precision_and_scale(precision, scale).expect("fits"))
}

fn number(value: usize) -> i128 {
    i128::try_from(value).expect("fits")
}

fn lines() -> RecordBatch {
    let day = |row| 18_600 + i32::try_from(mixed(row, 1) % 400).expect("a day");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("order_no", texts(|row| format!("ORD{:08}", row / 5))),
        ("order_date", Arc::new(Date32Array::from_iter_values((0..ROWS).map(day)))),
        ("product_code", texts(|row| format!("P{:04}", mixed(row, 2) % 200))),
        ("product_name", texts(|row| format!("device {}", mixed(row, 3) % 5000))),
        ("customer_country", texts(|row| COUNTRIES[mixed(row, 4) % 6].to_string())),
        (
            "quantity",
            Arc::new(Int32Array::from_iter_values(
                (0..ROWS).map(|row| i32::try_from(mixed(row, 5) % 50).expect("fits")),
            )),
        ),
        ("unit_price", decimals(10, 2, |row| number(mixed(row, 6) % 100_000))),
        ("discount", decimals(4, 2, |row| number(mixed(row, 7) % 10))),
        ("tax", decimals(4, 2, |row| number(mixed(row, 8) % 8))),
        ("line_total", decimals(20, 4, |row| number(mixed(row, 9)))),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

const COUNTRIES: [&str; 6] = ["Chile", "Canada", "Peru", "Kenya", "Japan", "Cuba"];

fn access() -> RecordBatch {
    let second =
        |row| (1_609_459_200 + i64::try_from(mixed(row, 1) * 40).expect("fits")) * 1_000_000;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("device", texts(|row| format!("device {}", mixed(row, 2) % 5000))),
        ("country", texts(|row| COUNTRIES[mixed(row, 3) % 6].to_string())),
        (
            "request_timestamp_converted",
            Arc::new(TimestampMicrosecondArray::from_iter_values((0..ROWS).map(second))),
        ),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}
