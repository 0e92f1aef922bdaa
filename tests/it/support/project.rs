//! A throwaway project: the sample, small, with the real program and the warehouse in this process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use landfall::config::{self, Overrides};
use landfall::sequence::Sequence;
use landfall::state::{State, query};
use landfall::storage;
use landfall::task;
use landfall::warehouse::local::Local;
use landfall::warehouse::{Answer, Warehouse};
use tempfile::TempDir;

/// The folders of a project that runs write.
const MADE: [&str; 3] = [".landfall", "landing", "quarantine"];

/// Rows of a table as text, sorted; NULL is `None`.
pub type Rows = Vec<Vec<Option<String>>>;

/// A folder with a `landfall.toml`; gone when dropped.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty folder with the sample's settings and SQL, for so many orders and log lines.
    pub fn sample(orders: u32, log_lines: u32) -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a folder") };
        project.ok(&["init", "."]);
        project.edit(&[
            ("orders = 3800", &format!("orders = {orders}")),
            ("log_lines = 100000", &format!("log_lines = {log_lines}")),
            ("fsync = true ", "fsync = false"),
        ]);
        project
    }

    /// Replaces words in `landfall.toml`; each must be there.
    pub fn edit(&self, words: &[(&str, &str)]) {
        let path = self.path().join("landfall.toml");
        let mut text = fs::read_to_string(&path).expect("settings");
        for (from, to) in words {
            assert!(text.contains(from), "no `{from}` in the settings");
            text = text.replace(from, to);
        }
        fs::write(&path, text).expect("settings");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn catalog(&self) -> PathBuf {
        self.path().join(".landfall/catalog.sqlite")
    }

    /// The program in this folder, with a bare environment and no input.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the program starts")
    }

    /// Runs the program, which must exit with 0; its standard output.
    pub fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "landfall {words:?}\n{out}{err}");
        out
    }

    pub fn load(&self) -> config::Project {
        let overrides = Overrides { read_secrets: true, ..Overrides::default() };
        config::load(self.path(), &overrides).expect("settings").project
    }

    /// Keeps what the project has made so far under a name, for [`Project::restore`].
    pub fn save(&self, name: &str) {
        for made in MADE {
            copy(&self.path().join(made), &self.path().join("saved").join(name).join(made));
        }
    }

    /// Puts the project where it stood when it was saved; its sources stay as they are.
    pub fn restore(&self, name: &str) {
        self.forget();
        for made in MADE {
            copy(&self.path().join("saved").join(name).join(made), &self.path().join(made));
        }
    }

    /// Takes away all that runs made.
    pub fn forget(&self) {
        for made in MADE {
            let folder = self.path().join(made);
            if folder.exists() {
                fs::remove_dir_all(&folder).expect("removes");
            }
        }
    }

    /// Takes away the sample's sources.
    pub fn forget_sample(&self) {
        for file in ["orders.sqlite", "access.log"] {
            let _ = fs::remove_file(self.path().join("data").join(file));
        }
    }

    /// What each done task of a sequence counted, by task.
    pub async fn done(&self, sequence: i64) -> BTreeMap<String, task::Rows> {
        let state = State::existing(&self.load()).await.expect("the catalog").expect("a run");
        let markers: Vec<(String, String)> =
            query("select task, row_counts from landfall_markers where sequence = $1")
                .bind(sequence)
                .fetch_all(state.readers())
                .await
                .expect("markers");
        markers
            .into_iter()
            .map(|(task, rows)| (task, serde_json::from_str(&rows).expect("rows")))
            .collect()
    }

    /// The warehouse, opened in this process.
    pub async fn warehouse(&self) -> Local {
        let project = self.load();
        let state = State::existing(&project).await.expect("the catalog").expect("a run");
        let landing = storage::open(&project.landing, false).expect("landing");
        Local::open(&project, state, landing).await.expect("the warehouse")
    }

    /// Every table with its rows, landing included, without what may differ between equal runs:
    /// the columns that say when a row came, and the numbers of surrogate keys.
    pub async fn tables(&self) -> BTreeMap<String, Rows> {
        let warehouse = self.warehouse().await;
        let mut tables = BTreeMap::new();
        for table in warehouse.describe().await.expect("describes") {
            let columns: Vec<String> = table
                .columns
                .into_iter()
                .map(|c| c.name)
                .filter(|name| !name.starts_with("etl_"))
                .collect();
            tables.insert(table.name.to_string(), columns);
        }
        for spec in self.load().sources.iter().flat_map(|s| s.tables().to_vec()) {
            let columns = spec.columns.iter().map(|c| c.name.clone()).collect();
            tables.insert(spec.landing.to_string(), columns);
        }
        let mut read = Vec::new();
        for (name, columns) in tables {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let rows = select(&warehouse, &name, &names, None).await;
            read.push((name, columns, rows));
        }
        by_meaning(read)
    }
}

/// Puts what a surrogate key stands for in its place: IDENTITY promises that its values differ, not
/// which row gets which. The key of a dimension is its first column, `x_key`; other tables refer to
/// it by a column whose name ends so.
fn by_meaning(tables: Vec<(String, Vec<String>, Rows)>) -> BTreeMap<String, Rows> {
    let mut meanings: BTreeMap<String, BTreeMap<Option<String>, String>> = BTreeMap::new();
    for (name, columns, rows) in &tables {
        let key = columns.first().filter(|c| c.ends_with("_key"));
        if let (true, Some(key)) = (name.starts_with("pres.dim_"), key) {
            let meaning = |row: &Vec<Option<String>>| format!("{:?}", row.get(1..));
            let of_rows = rows.iter().map(|row| (row[0].clone(), meaning(row))).collect();
            meanings.insert(key.clone(), of_rows);
        }
    }
    let mut known = BTreeMap::new();
    for (name, columns, mut rows) in tables {
        for (index, column) in columns.iter().enumerate().filter(|_| name.starts_with("pres.")) {
            let of_key = meanings.iter().filter(|(key, _)| column.ends_with(key.as_str()));
            let Some((_, meaning)) = of_key.max_by_key(|(key, _)| key.len()) else { continue };
            for row in &mut rows {
                row[index] = meaning.get(&row[index]).cloned();
            }
        }
        rows.sort();
        known.insert(name, rows);
    }
    known
}

/// The columns of a table, sorted, now or as of the end of a sequence.
pub async fn select(
    warehouse: &dyn Warehouse,
    table: &str,
    columns: &[&str],
    as_of: Option<Sequence>,
) -> Rows {
    let columns: Vec<String> = columns.iter().map(|c| format!("\"{c}\"")).collect();
    let sql = format!("select {} from {table}", columns.join(", "));
    let answer = warehouse.query(&sql, as_of).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let mut rows = cells(&answer);
    rows.sort();
    rows
}

/// The values of an answer as text, in its order.
pub fn cells(answer: &Answer) -> Rows {
    let options = FormatOptions::new()
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f+00"));
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c.as_ref(), &options).expect("a formatter"))
            .collect();
        for row in 0..batch.num_rows() {
            let value = |(column, format): (usize, &ArrayFormatter<'_>)| {
                (!batch.column(column).is_null(row)).then(|| format.value(row).to_string())
            };
            rows.push(columns.iter().enumerate().map(value).collect());
        }
    }
    rows
}

fn copy(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    if from.is_file() {
        fs::copy(from, to).expect("copies");
        return;
    }
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("reads") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says where two sets of tables differ, if they do.
pub fn difference(want: &BTreeMap<String, Rows>, have: &BTreeMap<String, Rows>) -> Option<String> {
    if want.keys().ne(have.keys()) {
        return Some(format!("tables {:?}, not {:?}", have.keys(), want.keys()));
    }
    want.iter().find_map(|(name, want)| {
        let have = &have[name];
        if want == have {
            return None;
        }
        let gone = want.iter().find(|row| !have.contains(row));
        let new = have.iter().find(|row| !want.contains(row));
        Some(format!(
            "{name}: {} rows, not {}; for one missing {gone:?}, too many {new:?}",
            have.len(),
            want.len()
        ))
    })
}
