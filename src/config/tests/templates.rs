//! The files Landfall writes: they load, and say what they were given.

use super::*;
use crate::tables::Extract;
use crate::types::SqlType;

#[test]
fn the_sample_project_is_the_issue_s() {
    let loaded = load(Path::new(env!("CARGO_MANIFEST_DIR")), &with(&[])).expect("loads");
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let project = loaded.project;
    assert_eq!(project.sample, Some(Sample { seed: 42, orders: 3_800, log_lines: 100_000 }));
    let [Source::Database(mysql), Source::Weblog(weblog)] = project.sources.as_slice() else {
        panic!("a database and a log")
    };
    assert_eq!(mysql.sqlite_path(), Some(project.root.join("data/orders.sqlite")));
    assert_eq!(weblog.table.store.to_string(), "store_weblog.access");
    let got: Vec<(&str, String, Option<&str>)> =
        mysql.tables.iter().map(|t| (t.name.as_str(), t.key.join(","), t.watermark())).collect();
    assert_eq!(
        got,
        [
            ("companies", "company_id".to_string(), None),
            ("customers", "customer_document_no".to_string(), None),
            ("products", "product_code".to_string(), None),
            ("product_prices", "product_code,selling_company_id".to_string(), None),
            ("order_headers", "order_no".to_string(), Some("updated_datetime")),
            ("order_lines", "order_no,order_line_no".to_string(), Some("updated_datetime")),
        ]
    );
    for table in &mysql.tables {
        for column in ["created_datetime", "updated_datetime"] {
            assert_eq!(table.column(column).expect(column).ty, SqlType::Timestamp);
        }
        assert_eq!(table.column("is_deleted").expect("is_deleted").ty, SqlType::Boolean);
        assert_eq!(table.version.as_deref(), table.watermark());
        assert_eq!(table.landing.to_string(), format!("landing_mysql.{}", table.name));
    }
}

#[test]
fn a_new_project_has_its_name_and_loads() {
    let name = "the \"shop\" \\ ${x}";
    let loaded = load_text(template(Start::Sample, name), &with(&[])).expect("loads");
    assert_eq!(loaded.project.name, name);
    assert_eq!(loaded.project.sources.len(), 2);
    let empty = template(Start::Empty, "shop");
    assert_eq!(told(&empty, &with(&[])), ["config/no-tables 1:1"]);
    // Without the comment signs the examples are a project too.
    let examples: String = empty
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(example) if !example.starts_with(|c: char| c.is_uppercase()) => example,
            _ if line.starts_with('#') => "",
            _ => line,
        })
        .filter(|line| line.is_empty() || line.contains(['=', '[', ']', '"']))
        .collect::<Vec<_>>()
        .join("\n");
    let loaded = load_text(&examples, &with(&[("SHOP_PASSWORD", "x")]))
        .unwrap_or_else(|e| panic!("{examples}\n{e:?}"));
    assert_eq!(loaded.project.sources.len(), 2);
}

fn column(name: &str, ty: Option<SqlType>, not_null: bool) -> DiscoveredColumn {
    DiscoveredColumn { name: name.into(), source_type: "geometry\n(x)".into(), ty, not_null }
}

#[test]
fn discovered_tables_load_back() {
    let orders = DiscoveredTable {
        from: "Sales.Order Lines".into(),
        columns: vec![
            column("Order No", Some(SqlType::Varchar(16)), true),
            column("order_no", Some(SqlType::Integer), false),
            column("quote \" $ ${x} \\", Some(SqlType::Decimal { precision: 20, scale: 4 }), false),
            column("where", None, false),
            column("execution_sequence", Some(SqlType::BigInt), false),
            column("updatedAt", Some(SqlType::Timestamp), true),
        ],
        key: vec!["Order No".into()],
        watermark: Some("updatedAt".into()),
        notes: vec!["about 12 rows\nand more".into()],
    };
    let plain = DiscoveredTable {
        from: "orders".into(),
        columns: vec![
            column("id", Some(SqlType::BigInt), true),
            column("at", Some(SqlType::Date), true),
        ],
        key: vec!["id".into()],
        watermark: Some("at".into()),
        notes: Vec::new(),
    };
    let head = "[source.shop]\nurl = \"sqlite:x\"\ntimezone = \"UTC\"\n\n";
    let text = format!("{head}{}", render_tables("shop", &[orders.clone(), plain.clone(), plain]));
    let loaded = load_text(&text, &with(&[])).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    let [first, second, third] = loaded.project.sources[0].tables() else { panic!("three tables") };
    assert_eq!(first.name, "order_lines");
    assert_eq!(first.from, orders.from);
    assert_eq!(first.key, ["order_no"]);
    assert_eq!(
        first.extract,
        Extract::Incremental { watermark: "updated_at".into(), lookback_seconds: 0 }
    );
    let taken: Vec<&DiscoveredColumn> = orders.columns.iter().filter(|c| c.ty.is_some()).collect();
    assert_eq!(first.columns.len(), taken.len());
    for (got, want) in first.columns.iter().zip(taken) {
        assert_eq!(
            (got.in_source(), Some(got.ty), got.not_null),
            (&*want.name, want.ty, want.not_null)
        );
    }
    assert_eq!((second.name.as_str(), third.name.as_str()), ("orders", "orders_2"));
    assert_eq!((second.extract.clone(), third.from.as_str()), (Extract::Full, "orders"));
}

#[test]
fn a_table_without_key_asks_for_one() {
    let table = DiscoveredTable {
        from: "log".into(),
        columns: vec![column("line", Some(SqlType::Varchar(10)), false)],
        key: Vec::new(),
        watermark: None,
        notes: Vec::new(),
    };
    let text = format!("[source.shop]\nurl = \"sqlite:x\"\n{}", render_tables("shop", &[table]));
    assert_eq!(told(text, &with(&[])), ["config/empty-key 5:7"]);
}
