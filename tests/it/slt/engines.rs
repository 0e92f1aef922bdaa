//! The two engines the SQL tests talk to: the local one over a throwaway project, and PostgreSQL.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use landfall::config::{Project, Target};
use landfall::state::State;
use landfall::storage;
use landfall::warehouse::local::{Local, Session};
use sqllogictest::{AsyncDB, DBOutput};
use sqlx::{AssertSqlSafe, Column, Connection, Either, PgConnection, Row, TypeInfo, ValueRef};
use tempfile::TempDir;
use url::Url;

use super::render::{self, Cell};

fn project(root: &Path) -> Project {
    Project {
        root: root.to_path_buf(),
        name: "slt".into(),
        target: Target::Local,
        sources: Vec::new(),
        landing: Url::from_directory_path(root).expect("absolute"),
        state_dir: root.join(".landfall"),
        pres_dir: root.join("pres"),
        reports_dir: root.join("reports"),
        sample: None,
        jobs: 2,
        memory_limit: 256 << 20,
        catalog: landfall::config::Catalog::File,
        fsync: false,
    }
}

/// An empty warehouse; it goes when the folder is dropped.
pub async fn warehouse() -> (TempDir, Arc<Local>) {
    let folder = TempDir::new().expect("a folder");
    let project = project(folder.path());
    std::fs::create_dir_all(&project.state_dir).expect("state folder");
    let state =
        State::open(&project.state_dir.join("catalog.sqlite"), false).await.expect("catalog");
    let landing = storage::open(&project.landing, false).expect("landing");
    let local = Local::open(&project, state, landing).await.expect("warehouse");
    (folder, Arc::new(local))
}

/// What `statement error <regex>` is matched against: `code: message`.
#[derive(Debug)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A session of the local engine.
pub struct LocalDb(Session);

impl LocalDb {
    pub fn new(session: Session) -> LocalDb {
        LocalDb(session)
    }
}

#[async_trait]
impl AsyncDB for LocalDb {
    type Error = Failure;
    type ColumnType = Cell;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Cell>, Failure> {
        let outcome = self.0.run(sql).await.map_err(|e| Failure(format!("{}: {e}", e.code())))?;
        Ok(match outcome.answer {
            Some(answer) => {
                DBOutput::Rows { types: render::types(&answer), rows: render::rows(&answer) }
            }
            None => {
                DBOutput::StatementComplete(outcome.inserted + outcome.updated + outcome.deleted)
            }
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        super::LANDFALL
    }
}

/// A connection to PostgreSQL.
pub struct PostgresDb(PgConnection);

impl PostgresDb {
    pub async fn connect(url: Url) -> Result<PostgresDb, Failure> {
        let failure = |e: sqlx::Error| Failure(e.to_string());
        let mut connection = PgConnection::connect(url.as_str()).await.map_err(failure)?;
        sqlx::raw_sql("set time zone 'UTC'").execute(&mut connection).await.map_err(failure)?;
        Ok(PostgresDb(connection))
    }
}

#[async_trait]
impl AsyncDB for PostgresDb {
    type Error = Failure;
    type ColumnType = Cell;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Cell>, Failure> {
        let failure = |e: sqlx::Error| Failure(e.to_string());
        let mut stream = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_many(&mut self.0);
        let (mut count, mut rows, mut types) = (0, Vec::new(), Vec::new());
        while let Some(step) = stream.try_next().await.map_err(failure)? {
            let row = match step {
                Either::Left(done) => {
                    count = done.rows_affected();
                    continue;
                }
                Either::Right(row) => row,
            };
            types =
                row.columns().iter().map(|c| render::postgres_type(c.type_info().name())).collect();
            let mut cells = Vec::with_capacity(row.len());
            for index in 0..row.len() {
                let value = row.try_get_raw(index).map_err(failure)?;
                cells.push(match value.is_null() {
                    true => render::NULL.to_owned(),
                    false => render::text(value.as_str().map_err(|e| Failure(e.to_string()))?),
                });
            }
            rows.push(cells);
        }
        // A query without rows says nothing of its columns, so the text has to tell it from the rest.
        let head = sql.trim_start_matches(['(', ' ', '\n']).to_lowercase();
        let is_query = head.starts_with("select") || head.starts_with("with");
        match is_query && (count == 0 || !rows.is_empty()) {
            true => Ok(DBOutput::Rows { types, rows }),
            false => Ok(DBOutput::StatementComplete(count)),
        }
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "postgres"
    }
}
