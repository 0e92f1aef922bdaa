//! The star schema of the sample: built by real runs, and by histories the store is led through.
//!
//! Keys are never compared with numbers: identity values are unique and nothing more.

mod history;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arrow::util::display::array_value_to_string;
use chrono::Utc;
use landfall::config::{Overrides, Project, load};
use landfall::merge;
use landfall::present;
use landfall::records::Marker;
use landfall::sequence::{RunId, Sequence};
use landfall::state::State;
use landfall::storage;
use landfall::task::{Rows, TaskName};
use landfall::warehouse::files::SqlFile;
use landfall::warehouse::local::Local;
use landfall::warehouse::{Batch, Outcome, Statement, Warehouse};
use tempfile::TempDir;

/// Tables of the star with their key, and whether an unchanged run may not touch them.
const DIMENSIONS: &[(&str, &str)] = &[
    ("dim_company", "company_key"),
    ("dim_customer", "customer_key"),
    ("dim_country", "country_key"),
    ("dim_device", "device_key"),
    ("dim_date", "date_key"),
    ("dim_product", "product_key"),
    ("dim_weblog_access_attributes", "access_attributes_key"),
];

/// Keys of the fact with the dimension each one points into.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("order_date_key", "dim_date", "date_key"),
    ("seller_company_key", "dim_company", "company_key"),
    ("supplier_key", "dim_supplier", "supplier_key"),
    ("customer_key", "dim_customer", "customer_key"),
    ("product_key", "dim_product", "product_key"),
];

/// The local engine on a folder of its own, and the pres files of the repository.
struct Star {
    local: Local,
    files: Vec<SqlFile>,
    _folder: TempDir,
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

async fn open(project: &Project) -> Local {
    fs::create_dir_all(&project.state_dir).expect("the state folder");
    let catalog = project.state_dir.join("catalog.sqlite");
    let state = State::open(&catalog, false).await.expect("the catalog");
    let landing = storage::open(&project.landing, false).expect("the landing");
    Local::open(project, state, landing).await.expect("the warehouse")
}

impl Star {
    /// The store tables as `landfall.toml` declares them, empty.
    async fn new() -> Star {
        let folder = tempfile::tempdir().expect("a folder");
        let mut project = load(&repository(), &Overrides::default()).expect("the sample").project;
        project.state_dir = folder.path().join(".landfall");
        project.landing = url::Url::from_directory_path(folder.path()).expect("absolute");
        project.fsync = false;
        let local = open(&project).await;
        let files = present::load(&project.pres_dir).expect("the pres files");
        let star = Star { local, files, _folder: folder };
        for spec in project.sources.iter().flat_map(|source| source.tables()) {
            star.batch(merge::store_ddl(spec).expect("the store's DDL")).await;
        }
        star
    }

    async fn batch(&self, statements: Vec<Statement>) -> Vec<Outcome> {
        let task = TaskName::pres("test");
        let marker = || Marker {
            run: RunId { sequence: Sequence::FIRST, attempt: 1 },
            task: task.clone(),
            input_hash: String::new(),
            rows: Rows::default(),
            started_at: Utc::now(),
        };
        let batch = Batch { task: task.clone(), statements };
        self.local.run(&batch, &|_| Ok(marker())).await.expect("the batch runs")
    }

    async fn sql(&self, text: &str) {
        let statements = landfall::dialect::parse_script(text, Path::new("test.sql"));
        let statements = statements.expect("it parses").into_iter();
        self.batch(statements.map(|p| Statement { text: p.text, place: p.place }).collect()).await;
    }

    /// Runs one pres file; returns the rows it wrote or removed.
    async fn present(&self, name: &str) -> u64 {
        let file = self.files.iter().find(|file| file.name == name).expect(name);
        let outcomes = self.batch(file.statements.clone()).await;
        outcomes.iter().map(|o| o.inserted + o.updated + o.deleted).sum()
    }

    /// Runs the files of the star in their order; returns the rows all of them wrote or removed.
    async fn present_all(&self) -> u64 {
        let mut rows = 0;
        for file in self.files.iter().filter(|file| !file.name.starts_with("report_")) {
            rows += self.present(&file.name).await;
        }
        rows
    }

    async fn rows(&self, sql: &str) -> Vec<String> {
        query(&self.local, sql).await
    }
}

/// The rows of a query, cells parted by `|`.
async fn query(local: &Local, sql: &str) -> Vec<String> {
    let answer = local.query(sql, None).await.unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let mut rows = Vec::new();
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            let cell = |c: &arrow::array::ArrayRef| match c.is_null(row) {
                true => "NULL".to_string(),
                false => array_value_to_string(c, row).expect("a value"),
            };
            rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

/// Every key of the fact is in its dimension, and every dimension has one row for a key.
async fn assert_whole(local: &Local) {
    for (column, dimension, key) in REFERENCES {
        let lost = format!(
            "select count(*) from pres.fact_order_line as fact
             left join pres.{dimension} as dimension on dimension.{key} = fact.{column}
             where dimension.{key} is null"
        );
        assert_eq!(query(local, &lost).await, ["0"], "{column} without {dimension}");
    }
    for (dimension, key) in DIMENSIONS {
        let twice = format!(
            "select count(*) - count(distinct {key}), sum(case when {key} = -1 then 1 else 0 end)
             from pres.{dimension}"
        );
        assert_eq!(query(local, &twice).await, ["0|1"], "keys of {dimension}");
    }
    let lines = "select count(*), count(distinct order_no || '/' || order_line_no)
        from pres.fact_order_line";
    let lines = query(local, lines).await.remove(0);
    let (all, distinct) = lines.split_once('|').expect("two counts");
    assert_eq!(all, distinct, "a fact is there more than once");
    assert_versions(local).await;
}

/// Versions of a product neither overlap nor leave a gap, and one is current.
async fn assert_versions(local: &Local) {
    let broken = "select product_code, valid_from, valid_to, is_current, next_from
        from (
            select
                product_code, valid_from, valid_to, is_current,
                lead(valid_from) over (partition by product_code order by valid_from, product_key)
                    as next_from
            from pres.dim_product
        ) as version
        where valid_from >= valid_to
            or (next_from is not null and (next_from <> valid_to or is_current))
            or (next_from is null
                and (valid_to <> timestamp '9999-12-31 00:00:00' or not is_current))";
    assert_eq!(query(local, broken).await, [""; 0], "versions with a gap or an overlap");
    let firsts = "select count(*) from (
            select product_code, min(valid_from) as first_from
            from pres.dim_product group by product_code
        ) as product
        where first_from <> timestamp '1900-01-01 00:00:00'";
    assert_eq!(query(local, firsts).await, ["0"], "products that begin after their orders");
}

/// A folder with the sample project, small.
fn sandbox() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    landfall(folder.path(), &["init", "."]);
    let settings = folder.path().join("landfall.toml");
    let small = fs::read_to_string(&settings)
        .expect("the settings")
        .replace("orders = 3800", "orders = 400")
        .replace("log_lines = 100000", "log_lines = 3000");
    fs::write(settings, small).expect("the settings");
    folder
}

/// Runs the program to its good end; returns what it said to people.
fn landfall(folder: &Path, words: &[&str]) -> String {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
    said
}

async fn open_project(folder: &Path) -> (Project, Local) {
    let project = load(folder, &Overrides::default()).expect("the project").project;
    let local = open(&project).await;
    (project, local)
}

/// The fact says what the flat table and the reports say.
async fn assert_totals(project: &Project, local: &Local) {
    let reports = landfall::report::load(&project.reports_dir).expect("the reports");
    let monthly = reports.iter().find(|r| r.name == "monthly_sales").expect("the report");
    let from_fact = "select
            day.first_day_of_month, count(distinct fact.order_no), count(*), sum(fact.quantity),
            cast(sum(fact.line_total) as decimal(38,4))
        from pres.fact_order_line as fact
        join pres.dim_date as day on day.date_key = fact.order_date_key
        where day.year_number = 2021
        group by day.first_day_of_month
        order by day.first_day_of_month";
    let expected = query(local, &monthly.statements[0].text).await;
    assert_eq!(expected.len(), 12, "a year of sales");
    assert_eq!(query(local, from_fact).await, expected);

    let flat = "select customer_country, seller_company_id, supplier_company_id, product_code,
            product_name, sum(quantity), sum(line_total)
        from pres.report_order_lines
        group by customer_country, seller_company_id, supplier_company_id, product_code,
            product_name
        order by 1, 2, 3, 4, 5";
    // The flat table shows products as they are now: so does the current version.
    let star = "select customer.country, seller.company_id, supplier.supplier_id,
            product.product_code, latest.product_name, sum(fact.quantity), sum(fact.line_total)
        from pres.fact_order_line as fact
        join pres.dim_customer as customer on customer.customer_key = fact.customer_key
        join pres.dim_company as seller on seller.company_key = fact.seller_company_key
        join pres.dim_supplier as supplier on supplier.supplier_key = fact.supplier_key
        join pres.dim_product as product on product.product_key = fact.product_key
        join pres.dim_product as latest
            on latest.product_code = product.product_code and latest.is_current
        group by customer.country, seller.company_id, supplier.supplier_id, product.product_code,
            latest.product_name
        order by 1, 2, 3, 4, 5";
    assert_eq!(query(local, star).await, query(local, flat).await);
}

/// All rows of all dimensions and of the fact, etl columns and keys included.
async fn contents(local: &Local) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for table in DIMENSIONS.iter().map(|(table, _)| *table).chain(["fact_order_line"]) {
        let mut rows = query(local, &format!("select * from pres.{table}")).await;
        rows.sort();
        all.push((table.to_string(), rows));
    }
    all
}

#[tokio::test]
async fn a_run_builds_the_star_and_the_next_leaves_it_alone() {
    let folder = sandbox();
    landfall(folder.path(), &["run"]);
    let (project, local) = open_project(folder.path()).await;
    assert_whole(&local).await;
    assert_totals(&project, &local).await;
    for (table, source) in [
        ("dim_company", "select count(*) + 1 from store_mysql.companies"),
        ("dim_customer", "select count(*) + 1 from store_mysql.customers"),
        ("dim_product", "select count(*) + 1 from store_mysql.products"),
        ("dim_device", "select count(distinct device) + 1 from store_weblog.access"),
        ("dim_date", "select datediff(day, date '2010-01-01', date '2030-12-31') + 2"),
        ("fact_order_line", "select count(*) from pres.report_order_lines"),
    ] {
        let rows = query(&local, &format!("select count(*) from pres.{table}")).await;
        assert_eq!(rows, query(&local, source).await, "{table}");
    }
    let suppliers = "select count(*) from pres.dim_supplier where supplier_key <> -1";
    let source = "select count(*) from store_mysql.companies where is_supplier";
    assert_eq!(query(&local, suppliers).await, query(&local, source).await);
    // Everything in the sample refers to something.
    for (column, _, _) in REFERENCES {
        let unknown = format!("select count(*) from pres.fact_order_line where {column} = -1");
        assert_eq!(query(&local, &unknown).await, ["0"], "{column}");
    }

    let before = contents(&local).await;
    drop(local);
    let said = landfall(folder.path(), &["run"]);
    for (table, _) in DIMENSIONS.iter().chain(&[("fact_order_line", "")]) {
        let unchanged =
            |line: &str| line.contains(&format!("task=pres.{table} ")) && line.contains(" rows=0 ");
        assert!(said.lines().any(unchanged), "{table} was written again:\n{said}");
    }
    let (_, local) = open_project(folder.path()).await;
    assert_eq!(contents(&local).await, before);
}

#[tokio::test]
async fn the_next_day_of_the_sources_reaches_the_star() {
    let folder = sandbox();
    landfall(folder.path(), &["run"]);
    landfall(folder.path(), &["seed", "--mutate", "20%"]);
    landfall(folder.path(), &["run"]);
    let (project, local) = open_project(folder.path()).await;
    assert_whole(&local).await;
    assert_totals(&project, &local).await;
    let different = "select count(*) from store_mysql.products as product
        left join pres.dim_product as version
            on version.product_code = product.product_code and version.is_current
            and version.product_name = product.product_name
            and version.default_price = product.default_price
            and version.is_deleted = product.is_deleted
        where version.product_key is null";
    assert_eq!(query(&local, different).await, ["0"], "current versions differ from the store");
}

#[tokio::test]
async fn every_day_of_the_calendar_is_there_once() {
    let star = Star::new().await;
    star.present("dim_date").await;
    let all = "select count(*), count(distinct calendar_date), min(calendar_date),
        max(calendar_date) from pres.dim_date where date_key <> -1";
    assert_eq!(star.rows(all).await, ["7670|7670|2010-01-01|2030-12-31"]);
    let days = "select date_key, calendar_date, year_number, quarter_number, month_number,
            month_name, day_of_month, day_of_year, iso_week_number, iso_weekday_number,
            weekday_name, is_weekend, first_day_of_month, last_day_of_month
        from pres.dim_date
        where date_key in (20100103, 20200229, 20210101, 20301231) order by date_key";
    assert_eq!(
        star.rows(days).await,
        [
            "20100103|2010-01-03|2010|1|1|January|3|3|53|7|Sunday|true|2010-01-01|2010-01-31",
            "20200229|2020-02-29|2020|1|2|February|29|60|9|6|Saturday|true|2020-02-01|2020-02-29",
            "20210101|2021-01-01|2021|1|1|January|1|1|53|5|Friday|false|2021-01-01|2021-01-31",
            "20301231|2030-12-31|2030|4|12|December|31|365|1|2|Tuesday|false|2030-12-01|2030-12-31",
        ]
    );
    assert_eq!(star.present("dim_date").await, 0, "a complete calendar is left alone");
    star.sql("delete from pres.dim_date where year_number = 2024;").await;
    assert_eq!(star.present("dim_date").await, 366, "missing days come back");
    assert_eq!(star.rows(all).await, ["7670|7670|2010-01-01|2030-12-31"]);
}
