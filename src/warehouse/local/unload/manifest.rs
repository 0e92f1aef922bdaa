//! The list of files an UNLOAD has written. It writes no row.
//!
//! Source: r_UNLOAD (MANIFEST, VERBOSE), r_UNLOAD_command_examples. The example there has the length
//! of a text without a key, which is no JSON; it stands under `max_length` here.

use arrow::datatypes::SchemaRef;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::types::SqlType;
use crate::warehouse::local::outside::Location;
use crate::warehouse::local::system::bare;

use super::sink::Written;

/// The columns that stand in the files, with the types of texts as they are declared.
pub fn columns(schema: &SchemaRef, texts: &[Option<SqlType>], kept: &[usize]) -> Value {
    let one = |index: &usize| {
        let field = schema.fields().get(*index)?;
        let declared = texts.get(*index).copied().flatten();
        let ty = declared.or_else(|| SqlType::of_arrow(field.data_type()))?;
        let mut told = json!({ "base": bare(ty) });
        match ty {
            SqlType::Char(n) | SqlType::Varchar(n) | SqlType::Varbyte(n) => {
                told["max_length"] = json!(n);
            }
            SqlType::Decimal { precision, scale } => {
                told["precision"] = json!(precision);
                told["scale"] = json!(scale);
            }
            _ => {}
        }
        Some(json!({ "name": field.name(), "type": told }))
    };
    kept.iter().filter_map(one).collect()
}

/// Writes the list; with `columns` the one of VERBOSE.
pub async fn write(location: &Location, files: &[Written], columns: Option<Value>) -> Result<()> {
    let verbose = columns.is_some();
    let entry = |file: &Written| {
        let mut meta = json!({ "content_length": file.bytes });
        if verbose {
            meta["record_count"] = json!(file.rows);
        }
        json!({ "url": location.shown(&file.key), "meta": meta })
    };
    let mut list = json!({ "entries": files.iter().map(entry).collect::<Value>() });
    if let Some(columns) = columns {
        list["schema"] = json!({ "elements": columns });
        list["meta"] = json!({
            "content_length": files.iter().map(|f| f.bytes).sum::<u64>(),
            "record_count": files.iter().map(|f| f.rows).sum::<usize>(),
        });
        list["author"] = json!({ "name": "Amazon Redshift", "version": "1.0.0" });
    }
    let key = format!("{}manifest", location.key);
    let text = list.to_string();
    location.place.store.put(&Path::from(key.as_str()), text.into()).await.map_err(|cause| {
        Error::failed("storage/write", format!("cannot write `{}`", location.shown(&key)))
            .because(cause)
    })?;
    Ok(())
}
