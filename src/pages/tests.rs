//! What the encoder writes, read back by arrow-rs's reader: values, NULLs, types, bounds.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, SchemaRef};
use bytes::Bytes;
use parquet::basic::{Encoding, PageType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use super::*;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("length", DataType::Int64, true),
        Field::new("status", DataType::Int32, true),
    ]))
}

/// Texts behind their lengths.
fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let parts = texts.into_iter().map(|t| [&(t.len() as u32).to_le_bytes(), t.as_bytes()].concat());
    parts.collect::<Vec<_>>().concat()
}

/// Keys and distinct values, in order of first appearance.
fn numbered<T: Clone + PartialEq>(rows: &[Option<T>]) -> (Vec<u32>, Vec<T>) {
    let mut distinct: Vec<T> = Vec::new();
    let keys = rows.iter().map(|row| {
        let Some(value) = row else { return NULL };
        let known = distinct.iter().position(|d| d == value);
        known.unwrap_or_else(|| {
            distinct.push(value.clone());
            distinct.len() - 1
        }) as u32
    });
    (keys.collect(), distinct)
}

fn nulls<T>(rows: &[Option<T>]) -> Vec<u32> {
    (0..rows.len()).filter(|i| rows[*i].is_none()).map(|i| i as u32).collect()
}

/// One row group of the rows; `plain` says how texts and numbers are written.
fn group(encoder: &mut Encoder, rows: &[(Option<String>, Option<i32>)], plain: bool) -> RowGroup {
    encoder.start(rows.len());
    let ids: Vec<i64> = (0..rows.len() as i64).map(|i| i * 250).collect();
    encoder.column(Column::Plain { values: Values::Int64(&ids), nulls: &[] }).expect("ids");
    let text: Vec<Option<&str>> = rows.iter().map(|(text, _)| text.as_deref()).collect();
    let status: Vec<Option<i32>> = rows.iter().map(|(_, status)| *status).collect();
    if plain {
        let bytes = texts(text.iter().flatten().copied());
        let values = Values::Texts { bytes: &bytes, count: text.iter().flatten().count() };
        encoder.column(Column::Plain { values, nulls: &nulls(&text) }).expect("texts");
        let lengths: Vec<i64> = text.iter().flatten().map(|t| t.len() as i64).collect();
        let values = Values::Int64(&lengths);
        encoder.column(Column::Plain { values, nulls: &nulls(&text) }).expect("lengths");
        let present: Vec<i32> = status.iter().flatten().copied().collect();
        let values = Values::Int32(&present);
        encoder.column(Column::Plain { values, nulls: &nulls(&status) }).expect("statuses");
    } else {
        let (keys, distinct) = numbered(&text);
        let bytes = texts(distinct.iter().copied());
        let dictionary = Values::Texts { bytes: &bytes, count: distinct.len() };
        encoder.column(Column::Keys { keys: &keys, dictionary }).expect("texts");
        let lengths: Vec<i64> = distinct.iter().map(|t| t.len() as i64).collect();
        let dictionary = Values::Int64(&lengths);
        let same = match distinct.is_empty() {
            true => Column::Keys { keys: &keys, dictionary },
            false => Column::SameKeys { dictionary },
        };
        encoder.column(same).expect("lengths");
        let (keys, distinct) = numbered(&status);
        let dictionary = Values::Int32(&distinct);
        encoder.column(Column::Keys { keys: &keys, dictionary }).expect("statuses");
    }
    encoder.finish().expect("a row group")
}

fn encoder() -> Encoder {
    Encoder::new(columns(&schema()).expect("columns")).expect("an encoder")
}

/// The bytes of a file of the groups.
fn file(groups: Vec<RowGroup>) -> Bytes {
    let mut file = GroupFile::new(&schema()).expect("a file");
    let rows: u64 = groups.iter().map(RowGroup::rows).sum();
    let mut bytes = Vec::new();
    for group in groups {
        bytes.extend_from_slice(&file.append(group).expect("appended"));
    }
    let finished = file.finish().expect("a footer");
    bytes.extend_from_slice(&finished.last);
    assert_eq!((finished.bytes, finished.rows), (bytes.len() as u64, rows));
    bytes.into()
}

fn rows_of(batch: &RecordBatch) -> Vec<(Option<String>, Option<i32>)> {
    let text = batch.column(1).as_string::<i32>();
    let lengths = batch.column(2).as_primitive::<Int64Type>();
    let status = batch.column(3).as_primitive::<Int32Type>();
    let ids = batch.column(0).as_primitive::<Int64Type>();
    (0..batch.num_rows())
        .map(|row| {
            assert_eq!(ids.value(row), row as i64 * 250);
            let value = text.is_valid(row).then(|| text.value(row).to_string());
            let length = lengths.is_valid(row).then(|| lengths.value(row));
            assert_eq!(length, value.as_ref().map(|v| v.len() as i64));
            (value, status.is_valid(row).then(|| status.value(row)))
        })
        .collect()
}

#[test]
fn more_rows_than_a_page_holds() {
    for plain in [false, true] {
        let rows: Vec<(Option<String>, Option<i32>)> = (0..150_000)
            .map(|i| {
                ((i % 7 != 3).then(|| format!("value {}", i % 1000)), (i < 70_000).then_some(i % 9))
            })
            .collect();
        let group = group(&mut encoder(), &rows, plain);
        let read = group.read(&schema(), rows.len()).expect("rows");
        assert!(rows_of(&read) == rows, "plain {plain}");
    }
}

#[test]
fn the_footer_says_what_the_pages_are() {
    let rows = [(Some("b".into()), Some(500)), (None, Some(200)), (Some("a".into()), Some(404))];
    let mut encoder = encoder();
    let groups = vec![group(&mut encoder, &rows, false), group(&mut encoder, &rows[..1], true)];
    let reader = SerializedFileReader::new(file(groups)).expect("parquet");
    let text = |g: usize| reader.metadata().row_group(g).column(1).clone();
    let Some(Statistics::ByteArray(found)) = text(0).statistics().cloned() else { panic!("texts") };
    assert_eq!(
        (found.min_bytes_opt(), found.max_bytes_opt(), found.null_count_opt()),
        (Some(&b"a"[..]), Some(&b"b"[..]), Some(1))
    );
    let status = reader.metadata().row_group(0).column(3).statistics().cloned();
    let Some(Statistics::Int32(found)) = status else { panic!("numbers") };
    assert_eq!((found.min_opt(), found.max_opt()), (Some(&200), Some(&500)));
    for (g, encoding) in [(0, Encoding::PLAIN_DICTIONARY), (1, Encoding::PLAIN)] {
        let group = reader.get_row_group(g).expect("group");
        let pages: Vec<_> = group
            .get_column_page_reader(1)
            .expect("pages")
            .map(|page| page.map(|p| (p.page_type(), p.encoding())).expect("a page"))
            .collect();
        assert_eq!(pages.last(), Some(&(PageType::DATA_PAGE, encoding)));
        assert_eq!(pages.len(), 2 - g);
        assert!(text(g).encodings().any(|e| e == encoding));
    }
}

#[test]
fn what_the_table_does_not_declare_is_refused() {
    let ids = [1i64, 2];
    let column = |values, nulls| Column::Plain { values, nulls };
    for (wrong, word) in [
        (column(Values::Int32(&[1, 2]), &[][..]), "INT32, expected INT64"),
        (column(Values::Int64(&ids), &[0][..]), "3 rows, expected 2"),
        (column(Values::Int64(&ids[..1]), &[1][..]), "1 NULLs where none is allowed"),
        (Column::Keys { keys: &[0, NULL], dictionary: Values::Int64(&ids[..1]) }, "1 NULLs"),
        (Column::SameKeys { dictionary: Values::Int64(&ids) }, "other keys"),
    ] {
        let mut encoder = encoder();
        encoder.start(2);
        let error = encoder.column(wrong).expect_err(word);
        assert!(error.causes().iter().any(|c| c.contains(word)), "{word}: {error:?}");
    }
    let mut encoder = encoder();
    encoder.start(2);
    encoder.column(column(Values::Int64(&ids), &[])).expect("ids");
    assert_eq!(encoder.finish().expect_err("too few").code(), "pages/schema");
    let group = group(&mut encoder, &[(None, None)], true);
    let other = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
    let mut file = GroupFile::new(&other).expect("a file");
    assert_eq!(file.append(group).expect_err("other columns").code(), "pages/schema");
}

proptest! {
    #[test]
    fn rows_come_back(
        rows in prop::collection::vec(
            (prop::option::of("[a-cé]{0,3}"), prop::option::of(0i32..9)), 1..200),
        plain: bool,
    ) {
        let group = group(&mut encoder(), &rows, plain);
        let read = group.read(&schema(), rows.len()).expect("rows");
        prop_assert_eq!(rows_of(&read), rows);
    }
}

#[test]
fn booleans_are_read_back() {
    let schema = Schema::new(vec![Field::new("flag", DataType::Boolean, true)]);
    let mut encoder = Encoder::new(columns(&schema).expect("columns")).expect("an encoder");
    // more than one page, and pages that end within a byte
    for count in [1, 7, 8, 9, 70_003] {
        let rows: Vec<Option<bool>> =
            (0..count).map(|i| (i % 5 != 0).then_some(i % 3 == 0 || i % 7 == 2)).collect();
        let present: Vec<bool> = rows.iter().flatten().copied().collect();
        encoder.start(rows.len());
        let values = Values::Bools(&present);
        encoder.column(Column::Plain { values, nulls: &nulls(&rows) }).expect("flags");
        let group = encoder.finish().expect("a row group");
        let batch = group.read(&Arc::new(schema.clone()), rows.len()).expect("rows");
        let read: Vec<Option<bool>> = batch.column(0).as_boolean().iter().collect();
        assert_eq!(read, rows);
    }
}
