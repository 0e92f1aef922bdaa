//! UNLOAD, and the words it shares with COPY: credentials, delimiters, packing. It opens nothing.
//!
//! Source: r_UNLOAD, copy-parameters-authorization, copy-parameters-data-format.

use super::reader::Reader;
use crate::dialect::command::Command;
use crate::dialect::rules;
use crate::dialect::transfer::{Packing, Unload, UnloadFormat};
use crate::error::{Error, Place, Result};

/// Reads over whatever says who may read or write; true if there was something.
///
/// The values are not kept: the local engine takes its credentials from the environment.
pub fn authorization(r: &mut Reader<'_>) -> Result<bool> {
    let _ = r.peek_is("with") && r.peek_is_at(1, "credentials") && r.take("with");
    let named = [
        "credentials",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "token",
        "master_symmetric_key",
        "kms_key_id",
        "region",
    ];
    if r.take("iam_role") {
        if !r.take("default") {
            r.string()?;
        }
        return Ok(true);
    }
    if named.iter().any(|word| r.take(word)) {
        maybe_as(r);
        r.string()?;
        return Ok(true);
    }
    Ok(false)
}

pub fn maybe_as(r: &mut Reader<'_>) {
    let _ = r.take("as");
}

/// `[AS] 'characters'`, with `\t` and `\ddd` (octal) read.
pub fn delimiter(r: &mut Reader<'_>) -> Result<Vec<u8>> {
    maybe_as(r);
    let text = unescaped(&r.raw_string()?);
    if text.is_empty() || text.contains(['\n', '\r']) {
        return Err(r.expected("a delimiter"));
    }
    Ok(text.into_bytes())
}

/// A string of one byte.
pub fn one_byte(r: &mut Reader<'_>) -> Result<u8> {
    match r.string()?.as_bytes() {
        [one] => Ok(*one),
        _ => Err(r.expected("one character")),
    }
}

/// `GZIP` and `ZSTD`.
pub fn pack(r: &mut Reader<'_>) -> Option<Packing> {
    if r.take("gzip") {
        Some(Packing::Gzip)
    } else if r.take("zstd") {
        Some(Packing::Zstd)
    } else {
        None
    }
}

/// `'name:width,name:width'`.
pub fn pairs(r: &Reader<'_>, text: &str) -> Result<Vec<(String, usize)>> {
    text.split(',')
        .map(|pair| {
            let (name, width) = pair.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), width.trim().parse().ok().filter(|w| *w > 0)?))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| r.expected("'column:width,column:width'"))
}

/// `\t`, `\n`, `\\` and `\ddd` read; `\N` stays, since it is what a NULL looks like.
pub fn unescaped(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let tail = rest.get(at + 1..).unwrap_or_default();
        let octal = tail.get(..3).and_then(|d| u8::from_str_radix(d, 8).ok());
        let (piece, used) = match (tail.chars().next(), octal) {
            (_, Some(byte)) if byte.is_ascii() => (char::from(byte).to_string(), 3),
            (Some('t'), _) => ("\t".to_owned(), 1),
            (Some('n'), _) => ("\n".to_owned(), 1),
            (Some('r'), _) => ("\r".to_owned(), 1),
            (Some('0'), _) => ("\0".to_owned(), 1),
            (Some('\\'), _) => ("\\".to_owned(), 1),
            (Some(other), _) => (format!("\\{other}"), other.len_utf8()),
            (None, _) => ("\\".to_owned(), 0),
        };
        out.push_str(&piece);
        rest = tail.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// What has been read of the format so far.
#[derive(Default)]
struct Format {
    names: Vec<&'static str>,
    delimiter: Option<Vec<u8>>,
    fixed: Option<Vec<(String, usize)>>,
    quotes: bool,
    escape: bool,
    null: bool,
    row_groups: bool,
    /// A key was given, which only ENCRYPTED has a use for.
    key: Option<Place>,
}

pub fn unload(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("unload")?;
    r.expect_token("(")?;
    let place = r.place();
    let text = r.string()?;
    r.expect_token(")")?;
    let query = super::parse_query(&text, &place.file).map_err(|e| e.at(place))?;
    r.expect("to")?;
    let mut unload = Unload {
        query,
        to: r.string()?,
        format: UnloadFormat::Parquet,
        packing: Packing::Plain,
        header: false,
        null_as: String::new(),
        partition_by: Vec::new(),
        include_partitions: false,
        serial: false,
        overwrite: false,
        clean: false,
        manifest: false,
        verbose: false,
        extension: None,
    };
    let mut format = Format::default();
    while !r.at_end() {
        if r.peek_is("kms_key_id") || r.peek_is("master_symmetric_key") {
            format.key = Some(r.place());
        }
        if r.take_token(",") || authorization(r)? || format_option(r, &mut format)? {
            continue;
        }
        option(r, &mut unload, &mut format)?;
    }
    refuse_mixed(r, &format, &unload)?;
    unload.format = chosen(format);
    Ok(Command::Unload(Box::new(unload)))
}

fn format_option(r: &mut Reader<'_>, format: &mut Format) -> Result<bool> {
    if r.take("format") {
        maybe_as(r);
        return Ok(true);
    }
    if let Some(name) = ["csv", "parquet", "json"].into_iter().find(|name| r.take(name)) {
        format.names.push(name);
        return Ok(true);
    }
    if r.take("delimiter") {
        let place = r.place();
        let sign = delimiter(r)?;
        if sign.len() != 1 {
            return Err(wrong("the DELIMITER of UNLOAD is one ASCII character", place));
        }
        format.delimiter = Some(sign);
    } else if r.take("fixedwidth") {
        maybe_as(r);
        let text = r.string()?;
        format.fixed = Some(pairs(r, &text)?);
    } else if r.take("addquotes") {
        format.quotes = true;
    } else if r.take("escape") {
        format.escape = true;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn wrong(says: &str, place: Place) -> Error {
    rules::unload_options(says.to_owned(), place)
}

/// Refuses options that exclude each other (r_UNLOAD).
fn refuse_mixed(r: &Reader<'_>, format: &Format, unload: &Unload) -> Result<()> {
    let fixed = format.fixed.is_some();
    let given = [
        ("FIXEDWIDTH", fixed),
        ("ADDQUOTES", format.quotes),
        ("ESCAPE", format.escape),
        ("DELIMITER", format.delimiter.is_some()),
        ("HEADER", unload.header),
        ("NULL AS", format.null),
        ("GZIP", unload.packing == Packing::Gzip),
        ("ZSTD", unload.packing == Packing::Zstd),
    ];
    let (name, other) = match format.names.as_slice() {
        [one, other, ..] => (*one, Some(other.to_uppercase())),
        names => {
            let name = names.first().copied().unwrap_or(if fixed { "fixedwidth" } else { "" });
            // how many of them, from the first
            let excluded = match name {
                "parquet" => &given[..],
                "json" => &given[..6],
                "csv" => &given[..3],
                "fixedwidth" => &given[1..5],
                _ => &[],
            };
            let other = excluded.iter().find(|(_, given)| *given);
            (name, other.map(|(word, _)| (*word).to_owned()))
        }
    };
    if let Some(other) = other {
        let says = format!("UNLOAD takes {} or {other}, not both", name.to_uppercase());
        return Err(wrong(&says, r.place()));
    }
    if unload.clean && unload.overwrite {
        return Err(wrong("UNLOAD takes CLEANPATH or ALLOWOVERWRITE, not both", r.place()));
    }
    if format.row_groups && name != "parquet" {
        return Err(wrong("ROWGROUPSIZE is of PARQUET alone", r.place()));
    }
    match &format.key {
        Some(place) => Err(wrong("a key needs ENCRYPTED", place.clone())),
        None => Ok(()),
    }
}

fn chosen(format: Format) -> UnloadFormat {
    match (format.names.first().copied(), format.fixed) {
        (Some("parquet"), _) => UnloadFormat::Parquet,
        (Some("json"), _) => UnloadFormat::Json,
        (Some(_), _) => {
            UnloadFormat::Csv { delimiter: format.delimiter.unwrap_or_else(|| b",".to_vec()) }
        }
        (None, Some(widths)) => UnloadFormat::Fixed(widths),
        (None, None) => UnloadFormat::Text {
            delimiter: format.delimiter.unwrap_or_else(|| b"|".to_vec()),
            quotes: format.quotes,
            escape: format.escape,
        },
    }
}

/// A size in MB; `least` and `most` are the range r_UNLOAD gives.
fn size(r: &mut Reader<'_>, option: &str, least: f64, most: f64) -> Result<()> {
    maybe_as(r);
    let place = r.place();
    let written: f64 = r.literal()?.trim().parse().map_err(|_| r.expected("a size"))?;
    let mega = match r.take("gb") {
        true => written * 1024.0,
        false => {
            let _ = r.take("mb");
            written
        }
    };
    // sizes of files are the writer's own business here
    match (least..=most).contains(&mega) {
        true => Ok(()),
        false => {
            let says = format!("{option} is from {least} MB to {most} MB, not {mega} MB");
            Err(wrong(&says, place))
        }
    }
}

fn option(r: &mut Reader<'_>, unload: &mut Unload, format: &mut Format) -> Result<()> {
    if r.take_words(&["partition", "by"]) {
        r.expect_token("(")?;
        unload.partition_by = r.list(|r| match r.at_string() {
            true => Err(wrong("PARTITION BY names columns, not texts", r.place())),
            false => r.identifier(),
        })?;
        r.expect_token(")")?;
        unload.include_partitions = r.take("include");
    } else if r.take("header") {
        unload.header = true;
    } else if r.take("null") {
        maybe_as(r);
        unload.null_as = unescaped(&r.raw_string()?);
        format.null = true;
    } else if r.take("allowoverwrite") {
        unload.overwrite = true;
    } else if r.take("cleanpath") {
        unload.clean = true;
    } else if r.take("manifest") {
        unload.verbose = r.take("verbose");
        unload.manifest = true;
    } else if r.take("parallel") {
        unload.serial = r.take("off") || r.take("false");
        let _ = r.take("on") || r.take("true");
    } else if r.take("extension") {
        unload.extension = Some(r.string()?.trim_start_matches('.').to_owned());
    } else if r.take("maxfilesize") {
        size(r, "MAXFILESIZE", 5.0, 6.2 * 1024.0)?;
    } else if r.take("rowgroupsize") {
        size(r, "ROWGROUPSIZE", 32.0, 128.0)?;
        format.row_groups = true;
    } else if let Some(packing) = pack(r) {
        unload.packing = packing;
    } else if r.peek_is("encrypted") || r.peek_is("bzip2") {
        let what = r.word().unwrap_or_default().to_uppercase();
        return Err(r.unsupported(&format!("UNLOAD {what}"), "write plain, gzip or zstd files"));
    } else {
        return Err(r.expected("an option of UNLOAD (r_UNLOAD)"));
    }
    Ok(())
}
