//! The history of products: made-up changes, led through the store, against a plain model.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Star, assert_versions, assert_whole};

const CODES: [&str; 3] = ["A", "B", "C"];
/// Names and prices go back and forth between few values, missing ones too.
const NAMES: [&str; 4] = ["null", "'Red'", "'red'", "'Blue'"];
const PRICES: [&str; 3] = ["null", "1.00", "2.50"];
const SUPPLIERS: [&str; 3] = ["null", "'s1'", "'s2'"];
const DELETED: [&str; 3] = ["null", "false", "true"];

/// Dates of order lines, and the second of 2021 at which each begins; a line without a date and one
/// after all calendars take the current version.
const DATES: [(&str, i64); 7] = [
    ("date '1850-01-01'", i64::MIN),
    ("date '2020-12-31'", -DAY),
    ("date '2021-01-01'", 0),
    ("date '2021-01-02'", DAY),
    ("date '2021-01-03'", 2 * DAY),
    ("date '9999-12-31'", i64::MAX),
    ("null", i64::MAX),
];
const DAY: i64 = 86_400;

/// A product as its source has it after a step.
#[derive(Debug, Clone)]
struct Change {
    name: usize,
    price: usize,
    supplier: usize,
    deleted: usize,
    /// Seconds since 2021-01-01; `None` where the source tells no time.
    at: Option<i64>,
}

/// Moments of change in the order of time. Those without a time are made by the run that sees them,
/// years after all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Always,
    Second(i64),
    Run(usize),
}

/// A version of a product: since when, and what is versioned of it.
type Version = (Moment, usize, usize);

/// What the history of one product has to be.
#[derive(Debug, Default)]
struct Model {
    versions: Vec<Version>,
    supplier: usize,
    deleted: bool,
}

impl Model {
    fn apply(&mut self, step: usize, change: &Change) {
        let moment = change.at.map_or(Moment::Run(step), Moment::Second);
        self.supplier = change.supplier;
        self.deleted = DELETED[change.deleted] == "true";
        match self.versions.last_mut() {
            None => self.versions.push((Moment::Always, change.name, change.price)),
            Some(last) if (last.1, last.2) == (change.name, change.price) => {}
            Some(last) if moment <= last.0 => (last.1, last.2) = (change.name, change.price),
            Some(_) => self.versions.push((moment, change.name, change.price)),
        }
    }

    /// The version in force at a second of 2021.
    fn at(&self, second: i64) -> &Version {
        let begun = |v: &&Version| match v.0 {
            Moment::Always => true,
            Moment::Second(from) => from <= second,
            Moment::Run(_) => second == i64::MAX,
        };
        self.versions.iter().rfind(begun).expect("the first is always in force")
    }
}

fn change() -> impl Strategy<Value = Change> {
    // Half of the moments are midnights or their neighbours; they come in any order.
    let moment = prop_oneof![
        4 => (0..3i64, -1..=1i64).prop_map(|(day, around)| day * DAY + around),
        4 => 0..3 * DAY,
        1 => Just(5i64),
    ];
    let at = option::weighted(0.9, moment);
    (0..NAMES.len(), 0..PRICES.len(), 0..SUPPLIERS.len(), 0..DELETED.len(), at).prop_map(
        |(name, price, supplier, deleted, at)| Change { name, price, supplier, deleted, at },
    )
}

/// Steps of a history: in each one some products change, or appear.
fn history() -> impl Strategy<Value = Vec<Vec<Option<Change>>>> {
    vec(vec(option::weighted(0.6, change()), CODES.len()), 1..6)
}

/// Puts a product into the store as the merge would leave it.
fn upsert(code: &str, change: &Change) -> String {
    let at = match change.at {
        Some(second) => format!("dateadd(second, {second}, timestamp '2021-01-01 00:00:00')"),
        // Some sources write the end of time where they have none.
        None if change.supplier == 0 => "timestamp '9999-12-31 23:59:59'".to_string(),
        None => "cast(null as timestamp)".to_string(),
    };
    format!(
        "delete from store_mysql.products where product_code = '{code}';
         insert into store_mysql.products (
             product_code, product_name, default_price, supplier_id, is_deleted,
             updated_datetime, etl_created_datetime, etl_updated_datetime
         ) select '{code}', {}, {}, {}, {}, {at}, sysdate, sysdate;",
        NAMES[change.name],
        PRICES[change.price],
        SUPPLIERS[change.supplier],
        DELETED[change.deleted],
    )
}

/// Order lines of every product and date, of one product nobody knows, in one order.
fn order_lines() -> String {
    let mut sql = "insert into store_mysql.order_headers (
            order_no, updated_datetime, etl_created_datetime, etl_updated_datetime
        ) select 'o', sysdate, sysdate, sysdate;
        insert into store_mysql.order_lines (
            order_no, order_line_no, product_code, order_date, quantity, line_total,
            updated_datetime, etl_created_datetime, etl_updated_datetime
        ) values "
        .to_string();
    for (product, code) in CODES.iter().chain(["nowhere"].iter()).enumerate() {
        for (at, (date, _)) in DATES.iter().enumerate() {
            let comma = if product + at == 0 { "" } else { ", " };
            sql.push_str(&format!(
                "{comma}('o', '{product}{at}', '{code}', {date}, 1, 1, sysdate, sysdate, sysdate)"
            ));
        }
    }
    sql.push(';');
    sql
}

fn shown(value: &str) -> String {
    value.trim_matches('\'').replace("null", "NULL")
}

/// What the dimension has of a product: its versions in order, moments without a time as `now`.
async fn versions(star: &Star, code: &str) -> Vec<String> {
    let sql = format!(
        "select
            case
                when valid_from = timestamp '1900-01-01 00:00:00' then 'always'
                when valid_from > timestamp '2025-01-01 00:00:00' then 'now'
                else cast(datediff(second, timestamp '2021-01-01 00:00:00', valid_from) as varchar)
            end,
            product_name, default_price, supplier_id, is_deleted
        from pres.dim_product where product_code = '{code}' order by valid_from"
    );
    star.rows(&sql).await
}

fn expected_versions(model: &Model) -> Vec<String> {
    let version = |(from, name, price): &Version| {
        let from = match from {
            Moment::Always => "always".to_string(),
            Moment::Second(second) => second.to_string(),
            Moment::Run(_) => "now".to_string(),
        };
        let (name, price) = (shown(NAMES[*name]), shown(PRICES[*price]));
        let supplier = shown(SUPPLIERS[model.supplier]);
        format!("{from}|{name}|{price}|{supplier}|{}", model.deleted)
    };
    model.versions.iter().map(version).collect()
}

/// Every line has one fact, and that the version which was in force.
async fn assert_facts(star: &Star, models: &BTreeMap<&str, Model>) {
    let facts = star
        .rows(
            "select fact.order_line_no, product.product_name, product.default_price
            from pres.fact_order_line as fact
            join pres.dim_product as product on product.product_key = fact.product_key
            order by fact.order_line_no",
        )
        .await;
    let mut expected = Vec::new();
    for (product, code) in CODES.iter().chain(["nowhere"].iter()).enumerate() {
        for (at, (_, second)) in DATES.iter().enumerate() {
            expected.push(match models.get(code) {
                None => format!("{product}{at}|Unknown|NULL"),
                Some(model) => {
                    let (_, name, price) = model.at(*second);
                    format!("{product}{at}|{}|{}", shown(NAMES[*name]), shown(PRICES[*price]))
                }
            });
        }
    }
    assert_eq!(facts, expected);
}

async fn live_through(star: &Star, history: &[Vec<Option<Change>>]) {
    star.sql(
        "delete from store_mysql.products; delete from pres.dim_product;
         delete from pres.fact_order_line;",
    )
    .await;
    let mut models: BTreeMap<&str, Model> = BTreeMap::new();
    for (step, changes) in history.iter().enumerate() {
        let mut sql = String::new();
        for (code, change) in CODES.iter().zip(changes) {
            if let Some(change) = change {
                sql.push_str(&upsert(code, change));
                models.entry(code).or_default().apply(step, change);
            }
        }
        star.sql(&sql).await;
        star.present("dim_product").await;
        for (code, model) in &models {
            assert_eq!(versions(star, code).await, expected_versions(model), "{code}, step {step}");
        }
        assert_versions(&star.local).await;
        // Facts that were right before a change have to become right again.
        if step == 0 || step + 1 == history.len() {
            star.present("fact_order_line").await;
            assert_facts(star, &models).await;
        }
    }
    assert_eq!(star.present("dim_product").await, 0, "an unchanged run writes nothing");
    assert_eq!(star.present("fact_order_line").await, 0, "an unchanged run writes nothing");
}

#[test]
fn every_history_of_products_is_kept_whole() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let star = runtime.block_on(async {
        let star = Star::new().await;
        star.sql(&order_lines()).await;
        star.present_all().await;
        star
    });
    let config = Config { cases: 30, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[21; 32]);
    TestRunner::new_with_rng(config, rng)
        .run(&history(), |history| {
            runtime.block_on(live_through(&star, &history));
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
}

#[tokio::test]
async fn two_changes_on_one_day_are_two_versions() {
    let star = Star::new().await;
    for (price, hour) in [(1, 9), (2, 10), (3, 15), (1, 23)] {
        star.sql(&format!(
            "delete from store_mysql.products;
             insert into store_mysql.products (product_code, default_price, updated_datetime,
                 etl_created_datetime, etl_updated_datetime)
             select 'A', {price}, timestamp '2021-03-01 {hour:02}:00:00', sysdate, sysdate;"
        ))
        .await;
        star.present("dim_product").await;
    }
    let versions = "select default_price, valid_from, valid_to, is_current from pres.dim_product
        where product_key <> -1 order by valid_from";
    assert_eq!(
        star.rows(versions).await,
        [
            "1.00|1900-01-01T00:00:00|2021-03-01T10:00:00|false",
            "2.00|2021-03-01T10:00:00|2021-03-01T15:00:00|false",
            "3.00|2021-03-01T15:00:00|2021-03-01T23:00:00|false",
            "1.00|2021-03-01T23:00:00|9999-12-31T00:00:00|true",
        ]
    );
}

const FACT: &str = "select
        day.calendar_date, seller.company_id, supplier.supplier_id, customer.customer_document_no,
        product.product_code
    from pres.fact_order_line as fact
    join pres.dim_date as day on day.date_key = fact.order_date_key
    join pres.dim_company as seller on seller.company_key = fact.seller_company_key
    join pres.dim_supplier as supplier on supplier.supplier_key = fact.supplier_key
    join pres.dim_customer as customer on customer.customer_key = fact.customer_key
    join pres.dim_product as product on product.product_key = fact.product_key
    order by fact.order_line_no";

#[tokio::test]
async fn what_matches_nothing_is_unknown_until_it_arrives() {
    let star = Star::new().await;
    star.sql(
        "insert into store_mysql.companies (company_id, is_supplier, etl_created_datetime,
             etl_updated_datetime) select 'buyer', false, sysdate, sysdate;
         insert into store_mysql.order_headers (order_no, company_id, customer_document_no,
             updated_datetime, etl_created_datetime, etl_updated_datetime)
         select 'o', 'late', '7', sysdate, sysdate, sysdate;
         insert into store_mysql.order_lines (order_no, order_line_no, order_date, product_code,
             supplier_id, updated_datetime, etl_created_datetime, etl_updated_datetime) values
             ('o', '1', date '2031-01-01', 'P', 'buyer', sysdate, sysdate, sysdate),
             ('o', '2', null, null, null, sysdate, sysdate, sysdate),
             ('gone', '1', date '2021-01-01', 'P', 'late', sysdate, sysdate, sysdate);",
    )
    .await;
    star.present_all().await;
    assert_whole(&star.local).await;
    // A company is no supplier because a line says so, and a line without an order waits for it.
    assert_eq!(star.rows(FACT).await, ["NULL|NULL|NULL|NULL|NULL"; 2]);

    star.sql(
        "insert into store_mysql.companies (company_id, is_supplier, etl_created_datetime,
             etl_updated_datetime) select 'late', true, sysdate, sysdate;
         insert into store_mysql.customers (customer_document_no, etl_created_datetime,
             etl_updated_datetime) select '7', sysdate, sysdate;
         insert into store_mysql.products (product_code, updated_datetime, etl_created_datetime,
             etl_updated_datetime) select 'P', sysdate, sysdate, sysdate;
         update store_mysql.companies set is_supplier = true where company_id = 'buyer';",
    )
    .await;
    star.present_all().await;
    assert_whole(&star.local).await;
    assert_eq!(star.rows(FACT).await, ["NULL|late|buyer|7|P", "NULL|late|NULL|7|NULL"]);
    assert_eq!(star.present_all().await, 0, "an unchanged run writes nothing");

    star.sql("update store_mysql.order_lines set is_deleted = true where order_line_no = '1';")
        .await;
    star.present("fact_order_line").await;
    assert_eq!(star.rows(FACT).await, ["NULL|late|NULL|7|NULL"]);
    star.sql("update store_mysql.order_headers set is_deleted = true;").await;
    star.present("fact_order_line").await;
    assert_eq!(star.rows(FACT).await, [""; 0]);
    star.sql("update store_mysql.order_headers set is_deleted = false;").await;
    star.present("fact_order_line").await;
    assert_eq!(star.rows(FACT).await, ["NULL|late|NULL|7|NULL"], "deletion is taken back");
}

#[tokio::test]
async fn requests_of_any_kind_make_few_attributes_once() {
    let star = Star::new().await;
    star.sql(
        "insert into store_weblog.access (file_id, line_offset, status_code, request_line,
             username, country, device, etl_created_datetime, etl_updated_datetime) values
             ('f', 1, 200, 'GET / HTTP/1.1', 'ann', 'NZ', 'iPad', sysdate, sysdate),
             ('f', 2, 200, 'GET /x HTTP/1.1', 'bob', 'NZ', 'iPad', sysdate, sysdate),
             ('f', 3, 404, 'BREW /pot HTCPCP/1.0', null, null, 'Other', sysdate, sysdate),
             ('f', 4, 404, 'x', null, null, 'Other', sysdate, sysdate),
             ('f', 5, null, null, null, null, null, sysdate, sysdate);",
    )
    .await;
    star.present_all().await;
    let attributes = "select status_code, status_class, method, protocol, is_signed_in
        from pres.dim_weblog_access_attributes where access_attributes_key <> -1
        order by status_code";
    assert_eq!(
        star.rows(attributes).await,
        [
            "200|Success|GET|HTTP/1.1|true",
            "404|Client error|Other|Other|false",
            "NULL|Unknown|Other|Other|false",
        ]
    );
    let devices = "select device, device_class from pres.dim_device order by device";
    assert_eq!(star.rows(devices).await, ["Other|Other", "iPad|Tablet", "NULL|Unknown"]);
    let countries = "select country_code, has_companies, has_requests from pres.dim_country
        order by country_code";
    assert_eq!(star.rows(countries).await, ["NZ|false|true", "NULL|false|false"]);
    assert_eq!(star.present_all().await, 0, "known combinations are not written again");
    star.sql(
        "insert into store_mysql.companies (company_id, country, etl_created_datetime,
             etl_updated_datetime) select 'c', 'NZ', sysdate, sysdate;",
    )
    .await;
    star.present("dim_country").await;
    assert_eq!(star.rows(countries).await, ["NZ|true|true", "NULL|false|false"]);
}
