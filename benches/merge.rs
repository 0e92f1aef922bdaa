//! Whole-process merge of a prepared Parquet into a store table, to be timed beside other engines.
//!
//! ```text
//! merge build DIR STORE.parquet     a new warehouse whose store holds the file's rows
//! merge run   DIR DELTA.parquet     lands the file as the next sequence and merges it
//! ```
//! The files are those of an order_lines table: eleven columns, keyed by order and line number.
//! benches/README.md has the commands and what was measured. It never runs inside a test.

use std::path::{Path, PathBuf};

use chrono::Utc;
use landfall::config::{Project, Target};
use landfall::error::{Error, Place, Result};
use landfall::records::{self, Marker};
use landfall::sequence::{RunId, Sequence};
use landfall::state::State;
use landfall::tables::{ColumnSpec, Extract, TableName, TableSpec};
use landfall::task::Rows;
use landfall::types::SqlType;
use landfall::warehouse::local::Local;
use landfall::warehouse::{Batch, Warehouse};
use landfall::{layout, merge, storage};
use parquet::file::reader::{FileReader, SerializedFileReader};

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["build" | "run", dir, parquet] => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|e| Error::failed("bench/runtime", e.to_string()))
            .and_then(|runtime| runtime.block_on(merge_file(Path::new(dir), Path::new(parquet)))),
        _ => {
            println!("usage: merge build|run DIR FILE.parquet (see benches/README.md)");
            Ok(())
        }
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn spec() -> TableSpec {
    let columns = [
        ("order_no", "varchar(16)"),
        ("order_line_no", "varchar(4)"),
        ("order_date", "date"),
        ("product_code", "varchar(50)"),
        ("supplier_id", "varchar(46)"),
        ("unit_price", "decimal(10,2)"),
        ("quantity", "integer"),
        ("line_total", "decimal(20,4)"),
        ("created_datetime", "timestamp"),
        ("updated_datetime", "timestamp"),
        ("is_deleted", "integer"),
    ];
    TableSpec {
        source: "mysql".into(),
        name: "order_lines".into(),
        from: "order_lines".into(),
        columns: columns
            .iter()
            .map(|(name, ty)| ColumnSpec {
                name: (*name).into(),
                source_name: None,
                ty: SqlType::parse(ty).expect("a type"),
                not_null: *name == "updated_datetime",
            })
            .collect(),
        filter: None,
        extract: Extract::Incremental { watermark: "updated_datetime".into(), lookback_seconds: 0 },
        landing: TableName::new("landing_mysql", "order_lines"),
        store: TableName::new("store_mysql", "order_lines"),
        key: vec!["order_no".into(), "order_line_no".into()],
        version: Some("updated_datetime".into()),
        place: Place::new("bench", 1, 1),
    }
}

fn project(dir: &Path) -> Result<Project> {
    let root: PathBuf =
        std::path::absolute(dir).map_err(|e| Error::config("bench/dir", e.to_string()))?;
    let landing = url::Url::from_directory_path(&root)
        .map_err(|()| Error::config("bench/dir", "not a folder"))?;
    Ok(Project {
        name: "bench".into(),
        target: Target::Local,
        sources: vec![landfall::config::Source::Database(landfall::config::DatabaseSource {
            name: "mysql".into(),
            url: url::Url::parse("sqlite:///none")
                .map_err(|e| Error::config("bench/url", e.to_string()))?,
            password: None,
            timezone: chrono_tz::UTC,
            lag_seconds: 0,
            tls_off: false,
            tables: vec![spec()],
        })],
        landing,
        state_dir: root.join(layout::STATE_DIR),
        pres_dir: root.join("pres"),
        reports_dir: root.join("reports"),
        sample: None,
        jobs: 2,
        memory_limit: 512 << 20,
        catalog: landfall::config::Catalog::File,
        fsync: true,
        root,
    })
}

/// Lands the file as the next sequence's partition, then runs the store task on it.
async fn merge_file(dir: &Path, parquet: &Path) -> Result<()> {
    let io = |e: std::io::Error| Error::failed("bench/io", e.to_string());
    let project = project(dir)?;
    std::fs::create_dir_all(&project.state_dir).map_err(io)?;
    let state = State::open(&project.state_dir.join(layout::CATALOG_FILE), true).await?;
    let landing = storage::open(&project.landing, true)?;
    let local = Local::open(&project, state.clone(), landing).await?;
    let spec = spec();
    let before = records::landing_files(state.readers(), &spec.landing).await?;
    let sequence = Sequence(before.len() as u64 + 1);
    let rows = land(&project, &state, &spec, sequence, parquet).await?;
    let batch = Batch { task: spec.store_task(), statements: merge::statements(&spec, sequence)? };
    let outcomes = local
        .run(&batch, &|outcomes| {
            let rows = merge::balance(rows, outcomes)?;
            Ok(marker(&batch.task, sequence, rows))
        })
        .await?;
    let rows = merge::balance(rows, &outcomes)?;
    println!("{rows:?}");
    for (statement, outcome) in batch.statements.iter().zip(&outcomes) {
        let verb: String = statement.text.chars().take(20).collect();
        println!("{:>8.1} ms  {}", outcome.took.as_secs_f64() * 1e3, verb.replace('\n', " "));
    }
    Ok(())
}

fn marker(task: &landfall::task::TaskName, sequence: Sequence, rows: Rows) -> Marker {
    Marker {
        run: RunId { sequence, attempt: 1 },
        task: task.clone(),
        input_hash: "bench".into(),
        rows,
        started_at: Utc::now(),
    }
}

async fn land(
    project: &Project,
    state: &State,
    spec: &TableSpec,
    sequence: Sequence,
    parquet: &Path,
) -> Result<u64> {
    let io = |e: std::io::Error| Error::failed("bench/io", e.to_string());
    let key = layout::landing_file(spec, sequence);
    let path = project.root.join(key.as_ref());
    std::fs::create_dir_all(path.parent().unwrap_or(&project.root)).map_err(io)?;
    let source = std::path::absolute(parquet).map_err(io)?;
    std::os::unix::fs::symlink(&source, &path).map_err(io)?;
    let file = std::fs::File::open(&source).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let reader = SerializedFileReader::new(file)
        .map_err(|e| Error::failed("bench/parquet", e.to_string()))?;
    let rows = u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0);
    let receipt = records::landing::Receipt {
        files: vec![records::LandingFile { path: key.to_string(), bytes, rows }],
        ..Default::default()
    };
    let landed = Rows { read: rows, landed: rows, ..Rows::default() };
    let marker = marker(&spec.land_task(), sequence, landed);
    let mut conn = state.writer().await;
    records::landing::commit(&mut conn, &marker, &spec.landing, &receipt).await?;
    Ok(rows)
}
