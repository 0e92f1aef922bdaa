//! COPY: the file, the format and the options in any order. It opens nothing and keeps no credential.
//!
//! Source: r_COPY and the pages of its parameters.

use super::reader::Reader;
use super::transfer::{authorization, delimiter, maybe_as, one_byte, pack, pairs, unescaped};
use crate::dialect::command::Command;
use crate::dialect::functions::Pattern;
use crate::dialect::rules::{self, Raised};
use crate::dialect::transfer::{Copy, CopyOptions, FileFormat, JsonKeys, Packing, TextLayout};
use crate::error::{Error, Place, Result};

/// Options that change nothing here, and how many words or values follow each.
const WITHOUT_EFFECT: &[(&str, usize)] = &[("compupdate", 1), ("statupdate", 1), ("readratio", 1)];

/// Errors MAXERROR may allow, and rows COMPROWS may look at (copy-parameters-data-load).
const MOST_ERRORS: usize = 100_000;
const SAMPLE: std::ops::RangeInclusive<usize> = 1_000..=2_147_483_647;

/// What has been read of the format so far.
#[derive(Default)]
struct Format {
    csv: bool,
    parquet: bool,
    json: Option<JsonKeys>,
    fixed: Option<Vec<(String, usize)>>,
    delimiter: Option<Vec<u8>>,
    quote: Option<u8>,
    escape: bool,
    remove_quotes: bool,
}

pub fn copy(r: &mut Reader<'_>) -> Result<Command> {
    r.expect("copy")?;
    let target = r.object()?;
    let columns = if r.peek_is("(") { r.column_list()? } else { Vec::new() };
    r.expect("from")?;
    let place = r.place();
    let from = r.string()?;
    if ["dynamodb://", "emr://"].iter().any(|store| from.starts_with(store)) {
        return Err(rules::raised(Raised::CopySource, place));
    }
    let (mut format, mut options) = (Format::default(), CopyOptions::default());
    while !r.at_end() {
        // options may be parted by commas, as in old statements
        if r.take_token(",") || authorization(r)? {
            continue;
        }
        if !format_option(r, &mut format)? && !conversion(r, &mut options)? {
            load_option(r, &mut options)?;
        }
    }
    let format = chosen(r, format, &options)?;
    Ok(Command::Copy(Box::new(Copy { target, columns, from, format, options })))
}

fn format_option(r: &mut Reader<'_>, format: &mut Format) -> Result<bool> {
    if r.take("format") {
        let _ = r.take("as");
        return Ok(true);
    }
    if r.take("csv") {
        format.csv = true;
    } else if r.take("parquet") {
        format.parquet = true;
    } else if r.take("json") {
        maybe_as(r);
        let how = if r.at_string() { r.string()? } else { "auto".to_owned() };
        format.json = Some(match how.to_lowercase().as_str() {
            "auto" => JsonKeys::Names { ignore_case: false },
            "auto ignorecase" => JsonKeys::Names { ignore_case: true },
            "noshred" => {
                let instead = "write JSON 'auto', with keys named as the columns";
                return Err(r.unsupported("COPY with JSON 'noshred', into a SUPER column", instead));
            }
            _ => JsonKeys::Paths(how),
        });
    } else if r.take("fixedwidth") {
        maybe_as(r);
        let text = r.string()?;
        format.fixed = Some(pairs(r, &text)?);
    } else if r.take("delimiter") {
        format.delimiter = Some(delimiter(r)?);
    } else if r.take("quote") {
        maybe_as(r);
        format.quote = Some(one_byte(r)?);
    } else if r.take("escape") {
        format.escape = true;
    } else if r.take("removequotes") {
        format.remove_quotes = true;
    } else if let Some(word @ ("avro" | "orc" | "shapefile" | "encrypted" | "bzip2" | "lzop")) =
        r.word().as_deref()
    {
        return Err(r.unsupported(
            &format!("COPY of {} files", word.to_uppercase()),
            "load Parquet, CSV, delimited or fixed-width text, or JSON; plain, gzip or zstd",
        ));
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// A format without a time zone, which none may have (r_DATEFORMAT_and_TIMEFORMAT_strings).
fn time_format(r: &mut Reader<'_>) -> Result<String> {
    let place = r.place();
    let format = r.string()?;
    let word =
        ["auto", "epochsecs", "epochmillisecs"].iter().any(|w| format.eq_ignore_ascii_case(w));
    if !word && Pattern::parse(&format).has_zone() {
        let says = format!("TIMEFORMAT '{format}' has a time zone");
        return Err(rules::copy_options(says, place).hint(
            "leave TZ and OF out: 'auto' reads zones (r_DATEFORMAT_and_TIMEFORMAT_strings)",
        ));
    }
    Ok(format)
}

/// What becomes of the values (copy-parameters-data-conversion).
fn conversion(r: &mut Reader<'_>, options: &mut CopyOptions) -> Result<bool> {
    if r.take("acceptanydate") {
        options.accept_any_date = true;
    } else if r.take("acceptinvchars") {
        maybe_as(r);
        let with = if r.at_string() { r.string()? } else { "?".to_owned() };
        options.replacement = with.chars().next().or(Some('?'));
    } else if r.take("blanksasnull") {
        options.blanks_as_null = true;
    } else if r.take("emptyasnull") {
        options.empty_as_null = true;
    } else if r.take("dateformat") {
        maybe_as(r);
        options.date_format = Some(r.string()?);
    } else if r.take("timeformat") {
        maybe_as(r);
        options.time_format = Some(time_format(r)?);
    } else if r.take("encoding") {
        maybe_as(r);
        let name = if r.at_string() { r.string()? } else { r.identifier()? };
        if !matches!(name.to_lowercase().as_str(), "utf8" | "utf-8") {
            return Err(r.unsupported(&format!("ENCODING {name}"), "convert the files to UTF-8"));
        }
    } else if r.take("fillrecord") {
        options.fill_record = true;
    } else if r.take("ignoreblanklines") {
        options.ignore_blank_lines = true;
    } else if r.take("ignoreheader") {
        maybe_as(r);
        options.header = count(r)?;
    } else if r.take("null") {
        maybe_as(r);
        options.null_as = Some(unescaped(&r.raw_string()?));
    } else if r.take("roundec") {
        options.round = true;
    } else if r.take("trimblanks") {
        options.trim_blanks = true;
    } else if r.take("truncatecolumns") {
        options.truncate = true;
    } else if r.take("explicit_ids") {
        options.explicit_ids = true;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// How the load goes (copy-parameters-data-load).
fn load_option(r: &mut Reader<'_>, options: &mut CopyOptions) -> Result<()> {
    if r.take("maxerror") {
        maybe_as(r);
        let place = r.place();
        let most = count(r)?;
        if most > MOST_ERRORS {
            let says = format!("MAXERROR is at most {MOST_ERRORS}, not {most}");
            return Err(rules::copy_options(says, place));
        }
        if options.max_errors == usize::MAX {
            return Err(both("IGNOREALLERRORS", "MAXERROR", place));
        }
        options.max_errors = most;
        return Ok(());
    }
    if r.peek_is("ignoreallerrors") {
        if options.max_errors > 0 {
            return Err(both("IGNOREALLERRORS", "MAXERROR", r.place()));
        }
        r.next();
        options.max_errors = usize::MAX;
        return Ok(());
    }
    if r.take("comprows") {
        let place = r.place();
        let rows = count(r)?;
        if !SAMPLE.contains(&rows) {
            let says = format!("COMPROWS is from 1000 to 2147483647, not {rows}");
            return Err(rules::copy_options(says, place));
        }
        return Ok(());
    }
    if r.take("manifest") {
        options.manifest = true;
        return Ok(());
    }
    if r.take("noload") {
        options.check_only = true;
        return Ok(());
    }
    let place = r.place();
    if let Some(packing) = pack(r) {
        if ![Packing::Plain, packing].contains(&options.packing) {
            return Err(both("GZIP", "ZSTD", place));
        }
        options.packing = packing;
        return Ok(());
    }
    if r.peek_is("ssh") {
        return Err(rules::raised(Raised::CopySource, r.place()));
    }
    if r.peek_is("job") {
        return Err(rules::raised(Raised::CopyJob, r.place()));
    }
    let word = r.word().unwrap_or_default();
    let Some((_, values)) = WITHOUT_EFFECT.iter().find(|(name, _)| *name == word) else {
        return Err(r.expected("an option of COPY (r_COPY)"));
    };
    r.next();
    let known = ["on", "off", "true", "false", "preset"];
    if *values == 1 && (r.word().is_none() || r.word().is_some_and(|w| known.contains(&w.as_str())))
    {
        r.next();
    }
    Ok(())
}

/// A number of rows, also one that is written as a text.
fn count(r: &mut Reader<'_>) -> Result<usize> {
    let text = r.literal()?;
    text.trim().parse().map_err(|_| r.expected("a whole number"))
}

/// Two words of the statement that exclude each other (copy-parameters-data-format,
/// copy-parameters-data-conversion, copy-usage_notes-copy-from-columnar).
fn excluded(format: &Format) -> Option<(&'static str, &'static str)> {
    let given = [
        ("CSV", format.csv),
        ("PARQUET", format.parquet),
        ("JSON", format.json.is_some()),
        ("FIXEDWIDTH", format.fixed.is_some()),
        ("DELIMITER", format.delimiter.is_some()),
        ("ESCAPE", format.escape),
        ("REMOVEQUOTES", format.remove_quotes),
    ];
    let is = |name: &str| given.iter().any(|(word, given)| *given && *word == name);
    const EXCLUDE: &[(&str, &[&str])] = &[
        ("CSV", &["PARQUET", "JSON", "FIXEDWIDTH", "ESCAPE", "REMOVEQUOTES"]),
        ("PARQUET", &["JSON", "FIXEDWIDTH", "DELIMITER", "ESCAPE", "REMOVEQUOTES"]),
        ("JSON", &["FIXEDWIDTH"]),
        ("FIXEDWIDTH", &["DELIMITER", "ESCAPE"]),
    ];
    EXCLUDE
        .iter()
        .filter(|(one, _)| is(one))
        .find_map(|(one, others)| others.iter().find(|other| is(other)).map(|other| (*one, *other)))
}

fn both(one: &str, other: &str, place: Place) -> Error {
    rules::copy_options(format!("COPY takes {one} or {other}, not both"), place)
}

/// The one format the words add up to; what does not go together is refused.
fn chosen(r: &Reader<'_>, format: Format, options: &CopyOptions) -> Result<FileFormat> {
    if let Some((one, other)) = excluded(&format) {
        return Err(both(one, other, r.place()));
    }
    if format.quote.is_some() && !format.csv {
        return Err(rules::copy_options("QUOTE is of CSV alone".to_owned(), r.place()));
    }
    if format.parquet {
        // copy-usage_notes-copy-from-columnar names the few options there are
        let plain = CopyOptions {
            manifest: options.manifest,
            fill_record: options.fill_record,
            replacement: options.replacement,
            explicit_ids: options.explicit_ids,
            ..CopyOptions::default()
        };
        if plain != *options {
            let says = "PARQUET takes no option of text files".to_owned();
            return Err(rules::copy_options(says, r.place()));
        }
        return Ok(FileFormat::Parquet);
    }
    if let Some(keys) = format.json {
        return Ok(FileFormat::Json(keys));
    }
    if let Some(widths) = format.fixed {
        return Ok(FileFormat::Fixed(widths));
    }
    let base = if format.csv { TextLayout::csv() } else { TextLayout::pipes() };
    Ok(FileFormat::Text(TextLayout {
        csv: format.csv,
        delimiter: format.delimiter.unwrap_or(base.delimiter),
        quote: format.quote.unwrap_or(base.quote),
        escape: format.escape,
        remove_quotes: format.remove_quotes,
    }))
}
