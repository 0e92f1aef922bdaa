//! Loading: finds the project, reads its files and secrets. Decides nothing about settings.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::layers;
use super::project::{self, Surroundings};
use super::settings::{Draft, File, Loaded, Overrides};
use super::source::{Pending, SecretFrom};
use super::{CountrySource, Secret, Source, document};
use crate::error::{Error, Place, Result};
use crate::layout::{CONFIG_FILE, LOCAL_CONFIG_FILE};

/// The `LANDFALL_*` variables that mean something, here or on the command line.
pub const ENVIRONMENT: [&str; 15] = [
    "LANDFALL_PROJECT",
    "LANDFALL_TARGET",
    "LANDFALL_JOBS",
    "LANDFALL_MEMORY_LIMIT",
    "LANDFALL_FSYNC",
    "LANDFALL_LANDING",
    "LANDFALL_STATE_DIR",
    "LANDFALL_CATALOG",
    "LANDFALL_CATALOG_PASSWORD",
    "LANDFALL_LOG",
    "LANDFALL_FORMAT",
    "LANDFALL_PROGRESS",
    "LANDFALL_COLOR",
    "LANDFALL_NO_INPUT",
    "LANDFALL_PAGER",
];

/// A configuration file larger than this is something else.
const MAX_FILE_BYTES: u64 = 1 << 20;
const MAX_SECRET_BYTES: u64 = 1 << 16;

impl Overrides {
    /// Overrides with the environment of this process; variables that are not UTF-8 are left out.
    pub fn from_process() -> Overrides {
        let environment = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        Overrides { environment, ..Overrides::default() }
    }
}

/// Loads the project of `start`, a folder: the nearest of it and its parents with a
/// `landfall.toml`, unless `overrides` names one.
///
/// Errors: `config/*` and `types/unknown`, all of the project at once (see [`Error::others`]),
/// each with its place where it stands in a file.
pub fn load(start: &Path, overrides: &Overrides) -> Result<Loaded> {
    let start = std::path::absolute(start).map_err(|cause| {
        Error::config("config/no-project", "the folder to start from has no path").because(cause)
    })?;
    let root = find(&start, overrides)?;
    let shown = |file: &str| {
        let path = root.join(file);
        path.strip_prefix(&start).map(Path::to_path_buf).unwrap_or(path)
    };

    let tracked_path = shown(CONFIG_FILE);
    let local_path = shown(LOCAL_CONFIG_FILE);
    let mut errors = Vec::new();
    let tracked = read(&root.join(CONFIG_FILE), &tracked_path, &mut errors).unwrap_or_default();
    let local = match root.join(LOCAL_CONFIG_FILE) {
        path if path.symlink_metadata().is_ok() => read(&path, &local_path, &mut errors),
        _ => None,
    };
    let local = local.unwrap_or_default();
    let mut draft = |name, path: &Path, text: &str| -> Draft {
        document::read(File { name, path, text }, &mut errors)
    };
    let tracked_draft = draft(CONFIG_FILE, &tracked_path, &tracked);
    let local_draft = draft(LOCAL_CONFIG_FILE, &local_path, &local);
    // A file that cannot be read at all would make everything look missing.
    let readable = !errors.iter().any(|e| UNREADABLE.contains(&e.code()));
    let environment = &overrides.environment;
    let merged =
        layers::merge(tracked_draft, local_draft, environment, &overrides.flags, &mut errors);
    let around = Surroundings {
        root: &root,
        environment,
        top: Place::new(&tracked_path, 1, 1),
        processors: std::thread::available_parallelism().map_or(4, usize::from),
        local_is_private: is_private(&root.join(LOCAL_CONFIG_FILE)),
        read_secrets: overrides.read_secrets,
    };
    let resolved = if readable { project::resolve(&merged, &around, &mut errors) } else { None };
    errors.sort_by_key(|e| e.place().map(|p| (p.file.clone(), p.line, p.column)));
    let resolved = match (resolved, Error::all(errors)) {
        (_, Some(error)) => return Err(error),
        (Some(resolved), None) => resolved,
        // Without errors there is a project; this only keeps a slip from becoming a panic.
        (None, None) => {
            return Err(Error::config("config/unreadable", "the project cannot be read"));
        }
    };
    let mut project = resolved.project;
    if overrides.read_secrets {
        fill(&mut project.sources, &resolved.pending, &root)?;
    }
    let mut warnings = layers::suspicious(environment, &ENVIRONMENT);
    warnings.extend(resolved.warnings);
    Ok(Loaded { project, origins: resolved.origins, warnings })
}

/// After one of these there is no sense in looking at what the settings mean.
const UNREADABLE: [&str; 5] = [
    "config/unreadable",
    "config/not-a-file",
    "config/too-big",
    "config/not-utf8",
    "config/syntax",
];

fn find(start: &Path, overrides: &Overrides) -> Result<PathBuf> {
    let named = overrides.project.clone().or_else(|| {
        overrides.environment.get("LANDFALL_PROJECT").filter(|p| !p.is_empty()).map(PathBuf::from)
    });
    if let Some(named) = named {
        let root = start.join(&named);
        // The file itself is a natural thing to name.
        let root = match root.file_name() {
            Some(name) if name == CONFIG_FILE => root.parent().map_or(root.clone(), PathBuf::from),
            _ => root,
        };
        if root.join(CONFIG_FILE).symlink_metadata().is_err() {
            let message = format!("there is no {CONFIG_FILE} in `{}`", root.display());
            return Err(Error::config("config/no-project", message)
                .hint("make a project there with `landfall init`"));
        }
        return Ok(root);
    }
    let root = start.ancestors().find(|dir| dir.join(CONFIG_FILE).symlink_metadata().is_ok());
    root.map(Path::to_path_buf).ok_or_else(|| {
        let message =
            format!("there is no {CONFIG_FILE} in `{}` or any folder above it", start.display());
        Error::config("config/no-project", message)
            .hint("make a project with `landfall init`, or name its folder with --project")
    })
}

/// The text of a configuration file without its byte order mark; mistakes are noted.
fn read(path: &Path, shown: &Path, errors: &mut Vec<Error>) -> Option<String> {
    let top = || Place::new(shown, 1, 1);
    let mut fail = |code, message: String, place: Place| {
        errors.push(Error::config(code, message).at(place));
        None
    };
    let bytes = match read_capped(path, MAX_FILE_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return fail("config/too-big", "the file is larger than 1 MiB".into(), top());
        }
        Err(cause) if path.is_dir() => {
            return fail("config/not-a-file", format!("not a file: {cause}"), top());
        }
        Err(cause) => {
            return fail("config/unreadable", format!("cannot be read: {cause}"), top());
        }
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(cause) => {
            let valid = cause.utf8_error().valid_up_to();
            let bytes = cause.into_bytes();
            let before = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default());
            let place = Place::of_offset(shown, &before, before.len());
            return fail("config/not-utf8", "the file is not UTF-8 from here on".into(), place);
        }
    };
    Some(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_string(),
        None => text,
    })
}

/// The bytes of a regular file; `None` when there are more than `limit`.
fn read_capped(path: &Path, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Reads the secrets that are in files and behind commands, and puts them in their sources.
fn fill(sources: &mut [Source], pending: &[Pending], root: &Path) -> Result<()> {
    let mut errors = Vec::new();
    for pending in pending {
        let read = match &pending.from {
            SecretFrom::File(path) => secret_file(path),
            SecretFrom::Command(argv) => secret_command(argv, root),
        };
        let secret = match read {
            Ok(secret) => secret,
            Err(error) => {
                let error = error.about(pending.key.clone());
                errors.push(match &pending.place {
                    Some(place) => error.at(place.clone()),
                    None => error,
                });
                continue;
            }
        };
        match sources.get_mut(pending.source) {
            Some(Source::Database(database)) => database.password = Some(secret),
            Some(Source::Weblog(log)) => {
                if let CountrySource::Ipinfo { token, .. } = &mut log.country {
                    *token = Some(secret);
                }
            }
            None => {}
        }
    }
    Error::all(errors).map_or(Ok(()), Err)
}

fn secret_file(path: &Path) -> Result<Secret> {
    let shown = path.display();
    let bytes = read_capped(path, MAX_SECRET_BYTES).map_err(|cause| {
        Error::config("config/secret", format!("cannot read `{shown}`")).because(cause)
    })?;
    if !is_private(path) {
        let message = format!("`{shown}` may be read by others");
        return Err(Error::config("config/secret", message).hint(format!("chmod 600 {shown}")));
    }
    one_line(bytes.unwrap_or_default()).ok_or_else(|| {
        Error::config("config/secret", format!("`{shown}` does not hold one line of text"))
    })
}

/// Runs the program in the project's folder; it may ask on the terminal.
fn secret_command(argv: &[String], root: &Path) -> Result<Secret> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Error::config("config/secret", "the command is empty"));
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|cause| {
            Error::config("config/secret", format!("cannot run `{program}`")).because(cause)
        })?;
    if !output.status.success() {
        let message = format!("`{program}` failed: {}", output.status);
        return Err(Error::config("config/secret", message));
    }
    one_line(output.stdout).ok_or_else(|| {
        Error::config("config/secret", format!("`{program}` did not print one line of text"))
    })
}

/// One non-empty line of text, with or without its end.
fn one_line(bytes: Vec<u8>) -> Option<Secret> {
    let text = String::from_utf8(bytes).ok()?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    (!line.is_empty() && !line.contains(['\n', '\0'])).then(|| Secret::new(line))
}

/// True when nobody but its owner may read or change the file.
#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 == 0)
}

/// Where files have no mode, the folder's own protection is trusted.
#[cfg(not(unix))]
fn is_private(path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::VARIABLES;

    #[test]
    fn the_variables_of_the_layers_are_among_the_known() {
        for (name, _) in VARIABLES {
            assert!(ENVIRONMENT.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_secret_is_one_line() {
        let read = |text: &str| one_line(text.into()).map(|s| s.reveal().to_string());
        assert_eq!(read("word\n").as_deref(), Some("word"));
        assert_eq!(read("two words\r\n").as_deref(), Some("two words"));
        for text in ["", "\n", "a\nb\n", "a\0b"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert!(one_line(vec![0xff, 0xfe]).is_none());
    }
}
