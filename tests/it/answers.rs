//! The three reports against an independent computation over the sources, and what runs count.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike};
use landfall::config::{DatabaseSource, Source};
use landfall::seed;
use landfall::task::{Layer, TaskName};
use regex::Regex;
use sqlx::{Connection, SqliteConnection};

use crate::support::project::Project;

type Table = Vec<Vec<String>>;

fn database(project: &Project) -> DatabaseSource {
    let found = project.load().sources.into_iter().find_map(|source| match source {
        Source::Database(database) => Some(database),
        _ => None,
    });
    found.expect("a database")
}

async fn connect(project: &Project) -> SqliteConnection {
    let path = project.path().join("data/orders.sqlite");
    SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.expect("the orders")
}

fn report(project: &Project, name: &str) -> Table {
    let text = project.ok(&["report", name, "--format", "csv"]);
    csv::Reader::from_reader(text.as_bytes())
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_string).collect())
        .collect()
}

/// Ten-thousandths as a decimal of four digits.
fn amount(value: i64) -> String {
    format!("{}.{:04}", value / 10_000, value % 10_000)
}

/// A request of 2021: its country and device.
struct Request {
    country: Option<String>,
    device: &'static str,
}

/// Reads the log with one regular expression, line by line.
fn requests(project: &Project) -> Vec<Request> {
    let countries: Vec<(u32, u32, String)> = include_str!("../../data/countries.csv")
        .lines()
        .skip(1)
        .filter_map(|line| {
            let parts: Vec<&str> = line.split(',').collect();
            // The sample's addresses are all of version 4.
            let number = |i: usize| parts[i].parse::<std::net::Ipv4Addr>().map(u32::from).ok();
            Some((number(0)?, number(1)?, parts[2].to_string()))
        })
        .collect();
    let line = Regex::new(
        r#"^(\S+) \S+ .*? \[([^\]]+)\] "(?:[^"\\]|\\.)*" \S+ \S+(?: "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)")?$"#,
    )
    .expect("a pattern");
    let bytes = std::fs::read(project.path().join("data/access.log")).expect("the log");
    let text = String::from_utf8_lossy(&bytes);
    let mut requests = Vec::new();
    for found in text.lines().filter_map(|text| line.captures(text)) {
        let Ok(at) = DateTime::parse_from_str(&found[2], "%d/%b/%Y:%H:%M:%S %z") else { continue };
        if at.to_utc().year() != 2021 {
            continue;
        }
        let agent = found.get(3).map_or("", |m| m.as_str());
        let device = ["Android", "iPhone", "Windows", "Macintosh", "iPad"]
            .into_iter()
            .find(|kind| agent.contains(kind))
            .unwrap_or("Other");
        let country = found[1].parse::<std::net::Ipv4Addr>().ok().and_then(|address| {
            let number = u32::from(address);
            let range =
                countries.iter().find(|(first, last, _)| (*first..=*last).contains(&number));
            range.map(|(_, _, country)| country.clone())
        });
        requests.push(Request { country, device });
    }
    requests
}

/// Counted values, most first, equals by name.
fn ranking(values: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut ranking: Vec<_> = counts.into_iter().collect();
    ranking.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranking
}

async fn monthly_sales(project: &Project) -> Table {
    let rows: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(
        "select strftime('%Y-%m-01', l.order_date), count(distinct l.order_no), count(*),
                sum(l.quantity), sum(cast(round(l.line_total * 10000) as integer))
         from order_lines l join order_headers h on h.order_no = l.order_no
         where l.is_deleted = 0 and h.is_deleted = 0
           and l.order_date between '2021-01-01' and '2021-12-31'
         group by 1 order by 1",
    )
    .fetch_all(&mut connect(project).await)
    .await
    .expect("sales");
    rows.into_iter()
        .map(|(month, orders, lines, quantity, total)| {
            vec![month, orders.to_string(), lines.to_string(), quantity.to_string(), amount(total)]
        })
        .collect()
}

async fn top_products(project: &Project, country: &str) -> Table {
    let rows: Vec<(String, Option<String>, i64, i64)> = sqlx::query_as(
        "select l.product_code, p.product_name, sum(l.quantity),
                sum(cast(round(l.line_total * 10000) as integer))
         from order_lines l
         join order_headers h on h.order_no = l.order_no
         join customers c on c.customer_document_no = h.customer_document_no
         left join products p on p.product_code = l.product_code
         where l.is_deleted = 0 and h.is_deleted = 0 and c.country = ?
         group by 1, 2 order by 1",
    )
    .bind(country)
    .fetch_all(&mut connect(project).await)
    .await
    .expect("products");
    let mut table = Table::new();
    for (word, by_amount) in [("quantity", false), ("amount", true)] {
        let mut ranked: Vec<_> = rows.iter().collect();
        ranked.sort_by_key(|row| std::cmp::Reverse(if by_amount { row.3 } else { row.2 }));
        for (place, (code, name, quantity, total)) in ranked.into_iter().take(10).enumerate() {
            table.push(vec![
                word.to_string(),
                (place + 1).to_string(),
                code.clone(),
                name.clone().unwrap_or_default(),
                quantity.to_string(),
                amount(*total),
            ]);
        }
    }
    table
}

/// The three reports equal what the sources say.
async fn compare(project: &Project) {
    assert_eq!(report(project, "monthly_sales"), monthly_sales(project).await);
    let requests = requests(project);
    let devices: Table = ranking(requests.iter().map(|r| r.device.to_string()))
        .into_iter()
        .take(5)
        .map(|(device, count)| vec![device, count.to_string()])
        .collect();
    assert_eq!(report(project, "top_devices"), devices);
    let countries = ranking(requests.into_iter().filter_map(|r| r.country));
    let products = top_products(project, &countries[0].0).await;
    assert!(products.len() >= 10, "a country without sales tells nothing: {countries:?}");
    assert_eq!(report(project, "top_products"), products);
}

#[tokio::test]
async fn the_reports_answer_what_the_sources_hold() {
    let project = Project::sample(300, 3_000);
    project.ok(&["run"]);
    compare(&project).await;
    let first = project.done(1).await;

    // Nothing changed: all tasks are accounted for and nothing is written to store.
    project.ok(&["run"]);
    compare(&project).await;
    let second = project.done(2).await;
    assert!(first.keys().eq(second.keys()), "{first:?}\n{second:?}");
    for (task, rows) in &second {
        let layer = TaskName::parse(task).expect("a task").layer();
        assert_eq!(rows.imbalance(layer), None, "{task}");
        if layer == Layer::Store {
            assert_eq!((rows.inserted, rows.updated), (0, 0), "{task}: {rows:?}");
        }
    }
    let full = second["store.mysql.companies"];
    assert_eq!(full.unchanged, first["store.mysql.companies"].inserted, "{full:?}");

    // A next day: what the store takes in is what the generator changed, table by table.
    let mutation = seed::mutate(&database(&project), 5.0, 7).await.expect("a next day");
    project.ok(&["run"]);
    compare(&project).await;
    let third = project.done(3).await;
    for change in &mutation.tables {
        let rows = third[&format!("store.mysql.{}", change.table)];
        let counted = (rows.inserted, rows.updated);
        assert_eq!(counted, (change.inserted, change.updated), "{}: {rows:?}", change.table);
    }
    assert!(mutation.tables.iter().map(|t| t.rows()).sum::<u64>() > 50, "{mutation:?}");
    no_report_compares_by_keys(&project);
}

/// Files without trailing blanks are read as they are: the rule that ignores them costs nothing.
fn no_report_compares_by_keys(project: &Project) {
    for report in [
        include_str!("../../sql/reports/monthly_sales.sql"),
        include_str!("../../sql/reports/top_devices.sql"),
        include_str!("../../sql/reports/top_products.sql"),
    ] {
        let plan = project.ok(&["query", &format!("explain {report}")]);
        assert!(plan.contains("DataSourceExec"), "{plan}");
        assert!(!plan.contains("blank_"), "{plan}");
    }
    let plan = project.ok(&[
        "query",
        "explain select device from pres.report_weblog_access where device || ' ' = 'Other'",
    ]);
    assert!(plan.contains("blank_key"), "{plan}");
}
