//! A merged draft to a project: what each section means. Touches no disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::reader::{Reader, Section, Text};
use super::settings::{Draft, Setting, Settings};
use super::source::{self, Pending};
use super::text;
use super::{Project, Sample, Source, Target, catalog, schema, table};
use crate::error::{Error, Place, nearest};
use crate::layout::STATE_DIR;
use crate::types::SqlType;

/// What the machine and the files around the draft say.
pub(super) struct Surroundings<'a> {
    pub root: &'a Path,
    pub environment: &'a BTreeMap<String, String>,
    /// Where the mistakes of the whole project are told: the top of `landfall.toml`.
    pub top: Place,
    /// Processors of this machine.
    pub processors: usize,
    /// True when `landfall.local.toml` is readable by its owner alone.
    pub local_is_private: bool,
    /// False leaves secrets unread.
    pub read_secrets: bool,
}

/// A project whose secrets in files and commands are still to be read.
#[derive(Debug)]
pub(super) struct Resolved {
    pub project: Project,
    pub origins: Vec<Setting>,
    pub pending: Vec<Pending>,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// Gives the draft its meaning; every mistake goes to `errors`.
///
/// With mistakes there may still be a project in which defaults stand for what is wrong: the
/// caller looks at `errors` first.
pub(super) fn resolve(
    draft: &Draft,
    around: &Surroundings<'_>,
    errors: &mut Vec<Error>,
) -> Option<Resolved> {
    let mut reader = Reader::new(around.root, around.environment);
    let section = Section { name: "project".into(), settings: &draft.project, place: None };
    let name = name(&mut reader, &section, around.root);
    let target = target(&mut reader, &section);
    let jobs = around.processors.clamp(1, 64) as u64;
    let jobs = reader.integer(&section, "jobs", 1..=64, jobs);
    let memory = reader.measure(
        &section,
        "memory_limit",
        text::parse_size,
        64_000_000..=16_000_000_000_000,
        "512MB",
        "a size of 64MB to 16TB",
    );
    let fsync = reader.boolean(&section, "fsync", true);
    let landing = landing(&mut reader, &section);
    let state_dir = folder(&mut reader, &section, "state", STATE_DIR, text::resolve_output);
    let catalog = catalog::resolve(&mut reader, &section);
    let pres_dir = folder(&mut reader, &section, "pres", "sql/pres", text::resolve_path);
    let reports_dir = folder(&mut reader, &section, "reports", "sql/reports", text::resolve_path);
    let sample = draft.sample.as_ref().map(|settings| sample(&mut reader, settings));

    let mut pending = Vec::new();
    let mut sources: Vec<Source> = Vec::new();
    for draft in &draft.sources {
        if let Some((source, secret)) = source::resolve(&mut reader, draft, around) {
            pending.extend(secret.map(|secret| secret.of(sources.len())));
            sources.push(source);
        }
    }
    if draft.sources.is_empty() {
        reader.errors.push(
            Error::config("config/no-tables", "the project has no source")
                .at(around.top.clone())
                .hint("declare one with [source.NAME], or let `landfall discover URL` write it"),
        );
    }
    let targets = std::mem::take(&mut reader.targets);
    table::check_targets(&targets, &mut reader.errors);
    errors.append(&mut reader.errors);
    let warnings = match target {
        Target::Local => Vec::new(),
        Target::Redshift => unreadable_by_spectrum(&sources),
    };
    Some(Resolved {
        warnings,
        project: Project {
            root: around.root.to_path_buf(),
            name,
            target,
            sources,
            landing: landing?,
            state_dir: state_dir?,
            catalog,
            pres_dir: pres_dir?,
            reports_dir: reports_dir?,
            sample,
            jobs: jobs as usize,
            memory_limit: usize::try_from(memory).unwrap_or(usize::MAX),
            fsync,
        },
        origins: reader.origins,
        pending,
    })
}

/// Columns that land in types Redshift Spectrum does not read from a partitioned Parquet table
/// (r_CREATE_EXTERNAL_TABLE).
fn unreadable_by_spectrum(sources: &[Source]) -> Vec<String> {
    let tables = sources.iter().flat_map(Source::tables);
    let columns = tables.flat_map(|t| t.columns.iter().map(move |c| (t, c)));
    columns
        .filter(|(_, c)| matches!(c.ty, SqlType::Time | SqlType::TimestampTz | SqlType::Varbyte(_)))
        .map(|(t, c)| {
            let (name, ty) = (&c.name, c.ty);
            format!("{}: Redshift cannot read `{name}` from landing as {ty}", t.landing)
        })
        .collect()
}

/// The project's name: as given, or its folder's.
fn name(reader: &mut Reader<'_>, section: &Section<'_>, root: &Path) -> String {
    let folder = root.file_name().map_or("landfall".into(), |n| n.to_string_lossy().into_owned());
    let Some(text) = reader.text(section, "name") else {
        if !section.settings.contains_key("name") {
            reader.default(section, "name", folder.clone());
        }
        return folder;
    };
    let name = text.as_str();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        reader
            .errors
            .push(text.error("config/name", "`name` must be 1 to 64 printable characters"));
    }
    name.to_string()
}

fn target(reader: &mut Reader<'_>, section: &Section<'_>) -> Target {
    let Some(text) = reader.text(section, "target") else {
        if !section.settings.contains_key("target") {
            reader.default(section, "target", Target::Local.word());
        }
        return Target::Local;
    };
    match [Target::Local, Target::Redshift].into_iter().find(|t| t.word() == text.as_str()) {
        Some(target) => target,
        None => {
            let message = format!("there is no target `{}`", text.as_str());
            let hint = nearest(text.as_str(), schema::TARGETS)
                .map_or("targets: local, redshift".into(), |near| {
                    format!("did you mean `{near}`?")
                });
            reader.errors.push(text.error("config/target", message).hint(hint));
            Target::Local
        }
    }
}

fn sample(reader: &mut Reader<'_>, settings: &Settings) -> Sample {
    let section = Section { name: "sample".into(), settings, place: None };
    Sample {
        seed: reader.integer(&section, "seed", 0..=i64::MAX as u64, 42),
        orders: reader.integer(&section, "orders", 1..=1_000_000_000, 3_800),
        log_lines: reader.integer(&section, "log_lines", 0..=10_000_000_000, 100_000),
    }
}

/// A folder of the project as an absolute path; `None` after a mistake.
fn folder(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &'static str,
    default: &str,
    resolve: fn(&Path, &str) -> Result<PathBuf, &'static str>,
) -> Option<PathBuf> {
    if !section.settings.contains_key(key) {
        reader.default(section, key, default);
        return Some(reader.root.join(default));
    }
    let text = reader.text(section, key)?;
    path(reader, key, &text, resolve)
}

/// The path of a text setting; mistakes are noted.
pub(super) fn path(
    reader: &mut Reader<'_>,
    key: &str,
    text: &Text<'_>,
    resolve: fn(&Path, &str) -> Result<PathBuf, &'static str>,
) -> Option<PathBuf> {
    match resolve(reader.root, text.as_str()) {
        Ok(path) => Some(path),
        Err(why) => {
            let message = format!("the path of `{key}` {why}");
            let hint = "write a path inside the project, or an absolute one without `..`";
            reader.errors.push(text.error("config/path", message).hint(hint));
            None
        }
    }
}

/// Where landing goes: a folder or an `s3://` URL.
fn landing(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Url> {
    if !section.settings.contains_key("landing") {
        reader.default(section, "landing", ".");
        return Url::from_directory_path(reader.root).ok();
    }
    let text = reader.text(section, "landing")?;
    if !text.as_str().contains("://") {
        let path = path(reader, "landing", &text, text::resolve_output)?;
        return Url::from_file_path(path).ok();
    }
    match s3(text.as_str()) {
        Ok(url) => Some(url),
        Err(why) => {
            reader.errors.push(
                text.error("config/url", format!("`landing` {why}"))
                    .hint("write a folder, or s3://bucket/prefix; credentials come from AWS_*"),
            );
            None
        }
    }
}

/// Reads an `s3://bucket/prefix`. Never quotes the text, which may hold credentials.
fn s3(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|cause| format!("is not a URL: {cause}"))?;
    if url.scheme() != "s3" {
        return Err(format!("has the scheme `{}`, which Landfall cannot write to", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds credentials".into());
    }
    if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
        return Err("has more than a bucket and a prefix".into());
    }
    // Bucket naming rules of Amazon S3: 3 to 63 of lower case letters, digits, dots, hyphens,
    // with a letter or digit at both ends.
    let bucket = url.host_str().unwrap_or_default();
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let plain = bucket
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-');
    let ends = edge(bucket.chars().next()) && edge(bucket.chars().last());
    if !(3..=63).contains(&bucket.len()) || !plain || !ends {
        return Err(format!("names no valid bucket (`{bucket}`)"));
    }
    // The URL parser has folded plain `..` already, so it is looked for in the text.
    if text.split('/').any(|part| part == "..") {
        return Err("leads out of its prefix with `..`".into());
    }
    Ok(url)
}
