//! What is new in the logs: globs, identities and byte ranges. It reads no line.
//!
//! A log rotated by rename goes on under its new name, one rotated by copytruncate starts anew
//! while its copy goes on, and the `.gz` of a log read before is that log. A last line without a
//! newline is left for the next run. Where a compressed file ends is left to the reading of it:
//! it is unpacked once, and not again while it keeps its size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chunks::Open;
use super::file::{LogFile, unreadable};
use super::format::Formats;
use super::identity::{self, Extent, FileId, Seen, Verdict};
use crate::config::WeblogSource;
use crate::error::{Error, Kind, Result};
use crate::window::{FileRange, ReadUpTo, Window};

/// The byte ranges of `source` that are not yet landed, and what the run should tell.
///
/// `read` holds, for every log landed before, the offset up to which it is. Files come in the
/// order of the patterns, and by name within a pattern.
///
/// Errors: `weblog/format`, `weblog/files` for a pattern that matches nothing when `require_files` is set,
/// `weblog/not_a_file`, `weblog/unreadable`, `weblog/compressed`.
pub fn plan(
    source: &WeblogSource,
    root: &Path,
    read: &BTreeMap<String, ReadUpTo>,
) -> Result<(Window, Vec<String>)> {
    formats(source)?;
    let mut warnings = Vec::new();
    let mut heads: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for path in matches(source, root, &mut warnings)? {
        if let Some(seen) = survey(source, &path, root, false, &mut warnings)? {
            *heads.entry(seen.head.clone()).or_default() += 1;
            found.push((path, seen));
        }
    }
    let mut files: Vec<Seen> = Vec::new();
    for (path, seen) in found {
        // of copies the longest is read, so that they are unpacked to their ends
        let copies = heads.get(&seen.head).is_some_and(|files| *files > 1);
        if copies && matches!(seen.extent, Extent::Packed(_)) {
            files.extend(survey(source, &path, root, true, &mut warnings)?);
        } else {
            files.push(seen);
        }
    }
    let mut ranges = Vec::new();
    for (file, verdict) in files.iter().zip(identity::identify(&files, read)) {
        let (file_id, read) = match verdict {
            Verdict::Log { id, read } => (id, read),
            Verdict::Copy { of } => {
                let path = &file.path;
                warnings
                    .push(format!("`{path}` holds the same log as `{of}`; only `{of}` is read"));
                continue;
            }
        };
        let (end, packed) = match file.extent {
            Extent::Text(end) if end < read.end => {
                warnings.push(shorter(&file.path, end, read.end));
                continue;
            }
            Extent::Text(end) if end == read.end => continue,
            Extent::Packed(size) if read.packed == Some(size) => continue,
            Extent::Text(end) => (Some(end), None),
            Extent::Packed(size) => (None, Some(size)),
        };
        ranges.push(FileRange { path: file.path.clone(), file_id, start: read.end, end, packed });
    }
    Ok((Window::Files { ranges }, warnings))
}

/// Looks at a file; `None` if it holds no line, or went away, which is told.
fn survey(
    source: &WeblogSource,
    path: &Path,
    root: &Path,
    whole: bool,
    warnings: &mut Vec<String>,
) -> Result<Option<Seen>> {
    let name = shown(path, root);
    match LogFile::open(path, &name).and_then(|file| file.survey(whole)) {
        Ok(seen) => Ok((seen.extent != Extent::Text(0)).then_some(seen)),
        Err(error) if vanished(&error) => {
            warnings.push(format!("`{name}` went away while it was looked at"));
            Ok(None)
        }
        Err(error) => Err(error.about(source.name.clone())),
    }
}

/// What is told of a log that lost text.
pub(super) fn shorter(path: &str, end: u64, read: u64) -> String {
    format!("`{path}` ends at byte {end} but was read up to byte {read}; nothing of it is read")
}

/// The formats a source declares, compiled.
///
/// Errors: `weblog/format` at the place of each that is none.
pub fn formats(source: &WeblogSource) -> Result<Formats> {
    let mistakes = source.formats.iter().zip(&source.format_places).filter_map(|(text, place)| {
        let error = Formats::compile(std::slice::from_ref(text)).err()?;
        Some(error.about(source.name.clone()).at(place.clone()))
    });
    match Error::all(mistakes.collect()) {
        Some(error) => Err(error),
        None => Formats::compile(&source.formats),
    }
}

/// Opens the file that holds a range: the one at its path, or, if it was rotated since the range
/// was planned, the one among the source's files that begins as the log did.
///
/// Errors: `weblog/gone`, and those of opening.
pub fn open_range(source: &WeblogSource, root: &Path, range: &FileRange) -> Result<LogFile> {
    let id = FileId::parse(&range.file_id).ok_or_else(|| {
        Error::failed("weblog/window", format!("`{}` is no identity of a log", range.file_id))
    })?;
    let at_path = root.join(&range.path);
    let candidates = std::iter::once(at_path).chain(matches(source, root, &mut Vec::new())?);
    for path in candidates {
        let name = shown(&path, root);
        let mut file = match LogFile::open(&path, &name) {
            Ok(file) => file,
            Err(error) if vanished(&error) => continue,
            Err(error) => return Err(error),
        };
        if id.begins(&file.head()?) && file.reaches(range.end.unwrap_or(range.start)) {
            return LogFile::open(&path, &name);
        }
    }
    let end = range.end.map_or_else(String::new, |end| format!(" up to byte {end}"));
    let what = format!("no file holds `{}`{end} any more", range.path);
    Err(Error::failed("weblog/gone", what)
        .hint("bring the file back, or add the name it was rotated to to `files`"))
}

/// Opens ranges of a source's files.
pub(super) struct Files {
    pub(super) source: Arc<WeblogSource>,
    pub(super) root: PathBuf,
}

impl Open for Files {
    fn open(&mut self, range: &FileRange) -> Result<LogFile> {
        open_range(&self.source, &self.root, range)
    }
}

/// The regular files the source's patterns match, each once.
fn matches(source: &WeblogSource, root: &Path, warnings: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for pattern in &source.files {
        let paths = expand(pattern, root, warnings)?;
        if paths.is_empty() {
            let what = format!("no file matches `{pattern}`");
            if source.require_files {
                return Err(Error::config("weblog/files", what)
                    .about(source.name.clone())
                    .hint("correct `files`, or set `require_files = false`"));
            }
            warnings.push(what);
        }
        found.extend(paths.into_iter().filter(|path| seen.insert(path.clone())));
    }
    Ok(found)
}

/// The files of one pattern, by name. A path without wildcards must not be a folder.
pub(super) fn expand(
    pattern: &str,
    root: &Path,
    warnings: &mut Vec<String>,
) -> Result<Vec<PathBuf>> {
    let literal = root.join(pattern);
    match std::fs::metadata(&literal) {
        Ok(_) => return Ok(vec![literal]),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) if !pattern.contains(['*', '?', '[']) => return Err(unreadable(pattern, e)),
        Err(_) => {}
    }
    let bad = |why: String| {
        Error::config("weblog/files", format!("`{pattern}` is no pattern of files: {why}"))
    };
    let root = root.to_str().ok_or_else(|| bad("the project's folder is not UTF-8".to_string()))?;
    let absolute = Path::new(&glob::Pattern::escape(root)).join(pattern);
    let absolute = absolute.to_str().ok_or_else(|| bad("it is not UTF-8".to_string()))?;
    let mut files = Vec::new();
    for entry in glob::glob(absolute).map_err(|e| bad(e.to_string()))? {
        let path = entry.map_err(|e| {
            unreadable(&e.path().display().to_string(), std::io::Error::other(e.to_string()))
        })?;
        if path.is_dir() {
            warnings.push(format!("`{}` is a folder and is not read", path.display()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The path as the window and messages have it: relative to the project where it lies inside.
fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// True when the file was there a moment ago.
fn vanished(error: &Error) -> bool {
    let not_found = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound)
    };
    error.kind() == Kind::Connect && std::error::Error::source(error).is_some_and(not_found)
}
