//! COPY and UNLOAD after parsing: files, formats, options. Data only; it opens nothing.
//!
//! Source: r_COPY, copy-parameters-data-format, copy-parameters-data-conversion, r_UNLOAD.

use std::fmt;

use datafusion::sql::sqlparser::ast;

use super::command::ObjectRef;

/// `COPY t [(columns)] FROM 'path' ...`. Credentials are read over: they are never kept.
#[derive(Debug, Clone)]
pub struct Copy {
    pub target: ObjectRef,
    /// Empty when the statement names none.
    pub columns: Vec<String>,
    /// As written: an s3:// URL or a path.
    pub from: String,
    pub format: FileFormat,
    pub options: CopyOptions,
}

/// What the files of a COPY are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormat {
    Parquet,
    Text(TextLayout),
    /// Column and width in characters.
    Fixed(Vec<(String, usize)>),
    /// One object after the other.
    Json(JsonKeys),
}

/// How the values of a JSON object find their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonKeys {
    /// Keys are the names of columns.
    Names { ignore_case: bool },
    /// A file of JSONPaths, one for each column; the URL or path as written.
    Paths(String),
}

/// How the fields of a line are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLayout {
    /// Fields may stand in quotes, with the quote doubled inside.
    pub csv: bool,
    /// One byte or several.
    pub delimiter: Vec<u8>,
    pub quote: u8,
    /// A backslash takes the next byte as it is.
    pub escape: bool,
    pub remove_quotes: bool,
}

impl TextLayout {
    /// Text between pipes, what COPY reads without a format.
    pub fn pipes() -> TextLayout {
        TextLayout {
            csv: false,
            delimiter: b"|".to_vec(),
            quote: b'"',
            escape: false,
            remove_quotes: false,
        }
    }

    pub fn csv() -> TextLayout {
        TextLayout { csv: true, delimiter: b",".to_vec(), ..TextLayout::pipes() }
    }
}

/// How the bytes of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Packing::Plain => "",
            Packing::Gzip => ".gz",
            Packing::Zstd => ".zst",
        })
    }
}

/// Everything of COPY that is not the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    pub packing: Packing,
    /// `IGNOREHEADER n`.
    pub header: usize,
    pub null_as: Option<String>,
    pub empty_as_null: bool,
    pub blanks_as_null: bool,
    pub trim_blanks: bool,
    pub truncate: bool,
    pub fill_record: bool,
    pub ignore_blank_lines: bool,
    pub accept_any_date: bool,
    /// `ACCEPTINVCHARS`: what stands in for bytes that are not UTF-8.
    pub replacement: Option<char>,
    /// `ROUNDEC`; without it surplus digits of a DECIMAL are cut.
    pub round: bool,
    pub date_format: Option<String>,
    pub time_format: Option<String>,
    /// The load fails at so many errors; 0 and 1 both at the first.
    pub max_errors: usize,
    pub manifest: bool,
    pub explicit_ids: bool,
    /// `NOLOAD`: read and check only.
    pub check_only: bool,
}

impl Default for CopyOptions {
    fn default() -> CopyOptions {
        CopyOptions {
            packing: Packing::Plain,
            header: 0,
            null_as: None,
            empty_as_null: false,
            blanks_as_null: false,
            trim_blanks: false,
            truncate: false,
            fill_record: false,
            ignore_blank_lines: false,
            accept_any_date: false,
            replacement: None,
            round: false,
            date_format: None,
            time_format: None,
            max_errors: 0,
            manifest: false,
            explicit_ids: false,
            check_only: false,
        }
    }
}

/// `UNLOAD ('query') TO 'prefix' ...`. Credentials are read over: they are never kept.
#[derive(Debug, Clone)]
pub struct Unload {
    pub query: Box<ast::Query>,
    /// As written: an s3:// URL or a path, the beginning of every file's name.
    pub to: String,
    pub format: UnloadFormat,
    pub packing: Packing,
    pub header: bool,
    /// Put in the place of NULL; nothing without it.
    pub null_as: String,
    pub partition_by: Vec<String>,
    /// The partition columns stand in the files too.
    pub include_partitions: bool,
    /// `PARALLEL OFF`: one file, named `prefix000`.
    pub serial: bool,
    pub overwrite: bool,
    pub clean: bool,
    pub manifest: bool,
    /// `MANIFEST VERBOSE`: the list tells of rows and columns too.
    pub verbose: bool,
    /// `EXTENSION 'ext'`, without its dot.
    pub extension: Option<String>,
}

/// What an UNLOAD writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnloadFormat {
    Parquet,
    Csv {
        delimiter: Vec<u8>,
    },
    Text {
        delimiter: Vec<u8>,
        quotes: bool,
        escape: bool,
    },
    /// Column and width in characters.
    Fixed(Vec<(String, usize)>),
    /// One object a line.
    Json,
}
