//! Tests of landing: what is in the files, what is refused, and what is left after a failure.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, DictionaryArray, Int32Array, Int64Array,
    RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use futures::stream;
use object_store::memory::InMemory;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, LogicalType, PageType, TimeUnit, Type};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;
use crate::error::Place;
use crate::pages::{self, Column, Encoder, RowGroup, Values};
use crate::rows::Reject;
use crate::tables::{ColumnSpec, Extract, TableName};
use crate::types::SqlType;

fn spec() -> TableSpec {
    let column = |name: &str, ty: &str, not_null| ColumnSpec {
        name: name.into(),
        source_name: None,
        ty: SqlType::parse(ty).expect(ty),
        not_null,
    };
    TableSpec {
        source: "mysql".into(),
        name: "orders".into(),
        from: "orders".into(),
        columns: vec![
            column("order_no", "integer", true),
            column("country", "varchar(2)", false),
            column("amount", "decimal(10,2)", false),
            column("placed_at", "timestamp", false),
        ],
        filter: None,
        extract: Extract::Full,
        landing: TableName::new("landing_mysql", "orders"),
        store: TableName::new("store_mysql", "orders"),
        key: vec!["order_no".into()],
        version: None,
        place: Place::new("landfall.toml", 1, 1),
    }
}

/// Rows `from..to`; the text column as a dictionary, as the log extract yields it.
fn rows(from: i32, to: i32) -> RecordBatch {
    let countries: DictionaryArray<Int32Type> =
        (from..to).map(|n| (n % 3 != 0).then_some(if n % 3 == 1 { "US" } else { "AU" })).collect();
    let fields: Vec<Field> = spec()
        .landing_schema()
        .fields()
        .iter()
        .map(|f| match f.name().as_str() {
            "country" => Field::new("country", countries.data_type().clone(), true),
            _ => f.as_ref().clone(),
        })
        .collect();
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![
            Arc::new(Int32Array::from_iter_values(from..to)),
            Arc::new(countries),
            Arc::new(
                Decimal128Array::from_iter_values((from..to).map(i128::from))
                    .with_precision_and_scale(10, 2)
                    .expect("decimal"),
            ),
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                (from..to).map(|n| i64::from(n) * 1_000_000),
            )),
        ],
    )
    .expect("batch")
}

fn reject(n: u64, raw: &[u8]) -> Reject {
    Reject {
        position: format!("row {n}"),
        offset: n,
        reason: "row/null_key",
        detail: "order_no is NULL".into(),
        raw: raw.to_vec(),
    }
}

async fn land_items(
    store: &Arc<InMemory>,
    items: Vec<Result<Extracted>>,
) -> (Result<Landed>, Vec<Progress>) {
    let seen = std::sync::Mutex::new(Vec::new());
    let result = land(
        Arc::clone(store) as Arc<dyn ObjectStore>,
        &spec(),
        Sequence(3),
        Box::pin(stream::iter(items)),
        &|read| seen.lock().expect("lock").push(read),
    )
    .await;
    (result, seen.into_inner().expect("lock"))
}

async fn object(store: &Arc<InMemory>, path: &str) -> bytes::Bytes {
    let got = store.get(&Path::from(path)).await.expect("object");
    got.bytes().await.expect("bytes")
}

async fn objects(store: &Arc<InMemory>) -> Vec<String> {
    let listed: Vec<_> = store.list(None).try_collect().await.expect("list");
    listed.into_iter().map(|o| o.location.to_string()).collect()
}

#[tokio::test]
async fn rows_and_rejects_are_each_in_one_place() {
    let store = Arc::new(InMemory::new());
    let (landed, progress) = land_items(
        &store,
        vec![
            Ok(Extracted::Rows(rows(0, 10))),
            Ok(Extracted::Rejects(vec![reject(1, b"{\"a\":1}"), reject(2, b"\xff\x00")])),
            Ok(Extracted::Warning("column `x` is new".into())),
            Ok(Extracted::Passed(500)),
            Ok(Extracted::Warning("column `x` is new".into())),
            Ok(Extracted::Passed(400)),
            Ok(Extracted::Rows(rows(10, 25))),
        ],
    )
    .await;
    let landed = landed.expect("landed");
    assert_eq!((landed.read, landed.landed(), landed.quarantined()), (27, 25, 2));
    assert_eq!(landed.reasons, [("row/null_key", 2)]);
    assert_eq!(landed.warnings, ["column `x` is new"]);
    assert_eq!(progress.last(), Some(&Progress { rows: 27, bytes: 900 }));

    let file = &landed.files[0];
    assert!(file.path.starts_with("landing/mysql/orders/execution_sequence=3/part-"), "{file:?}");
    let bytes = object(&store, &file.path).await;
    assert_eq!(bytes.len() as u64, file.bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("parquet").build();
    let read: Vec<RecordBatch> = reader.expect("reader").collect::<Result<_, _>>().expect("rows");
    let batch = arrow::compute::concat_batches(&read[0].schema(), &read).expect("one");
    assert_eq!(batch.schema().fields(), spec().landing_schema().fields());
    assert_eq!(
        batch.column(0).as_primitive::<Int32Type>().values()[..],
        (0..25).collect::<Vec<_>>()
    );
    let country = batch.column(1).as_string::<i32>();
    assert_eq!((country.is_null(3), country.value(1), country.value(2)), (true, "US", "AU"));

    let quarantine = &landed.quarantine[0];
    assert!(quarantine.path.starts_with("quarantine/mysql/orders/execution_sequence=3/part-"));
    let bytes = object(&store, &quarantine.path).await;
    let mut reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes).expect("parquet").build().expect("reader");
    let batch = reader.next().expect("rows").expect("rows");
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().values()[..], [1, 2]);
    let raw: &StringArray = batch.column(4).as_string();
    let coded: &BooleanArray = batch.column(5).as_boolean();
    assert_eq!((raw.value(0), coded.value(0)), ("{\"a\":1}", false));
    assert_eq!((raw.value(1), coded.value(1)), ("/wA=", true));
}

#[tokio::test]
async fn a_file_is_what_spectrum_reads() {
    let store = Arc::new(InMemory::new());
    let items = (0..4).map(|n| Ok(Extracted::Rows(rows(n * 50_000, (n + 1) * 50_000)))).collect();
    let landed = land_items(&store, items).await.0.expect("landed");
    let bytes = object(&store, &landed.files[0].path).await;
    let reader = SerializedFileReader::new(bytes).expect("parquet");
    let metadata = reader.metadata();
    let schema = metadata.file_metadata();
    assert!(
        schema.key_value_metadata().is_none_or(|kv| kv.iter().all(|k| k.key != "ARROW:schema")),
        "Arrow's schema must not be in the file"
    );
    let physical: BTreeMap<&str, Type> =
        schema.schema_descr().columns().iter().map(|c| (c.name(), c.physical_type())).collect();
    assert_eq!(
        physical,
        BTreeMap::from([
            ("order_no", Type::INT32),
            ("country", Type::BYTE_ARRAY),
            ("amount", Type::INT64),
            ("placed_at", Type::INT64),
        ])
    );
    assert_eq!(
        schema.schema_descr().column(3).logical_type_ref(),
        Some(&LogicalType::timestamp(false, TimeUnit::MICROS))
    );
    let groups: Vec<i64> = metadata.row_groups().iter().map(|g| g.num_rows()).collect();
    assert_eq!(groups, [122_880, 77_120]);
    for (g, group) in metadata.row_groups().iter().enumerate() {
        for (c, column) in group.columns().iter().enumerate() {
            assert!(matches!(column.compression(), Compression::ZSTD(_)));
            assert!(column.statistics().is_some(), "column {c} has no statistics");
            let pages = reader.get_row_group(g).expect("group");
            for page in pages.get_column_page_reader(c).expect("pages") {
                assert_ne!(page.expect("page").page_type(), PageType::DATA_PAGE_V2);
            }
        }
    }
}

/// Rows `from..to` as [`rows`], encoded.
fn group(from: i32, to: i32) -> RowGroup {
    let mut encoder =
        Encoder::new(pages::columns(&spec().landing_schema()).expect("columns")).expect("encoder");
    encoder.start((to - from) as usize);
    let keys: Vec<u32> = (from..to)
        .map(|n| match n % 3 {
            0 => pages::NULL,
            1 => 0,
            _ => 1,
        })
        .collect();
    let countries = Values::Texts { bytes: b"\x02\0\0\0US\x02\0\0\0AU", count: 2 };
    let numbers: Vec<i32> = (from..to).collect();
    let amounts: Vec<i64> = (from..to).map(i64::from).collect();
    let times: Vec<i64> = (from..to).map(|n| i64::from(n) * 1_000_000).collect();
    for column in [
        Column::Plain { values: Values::Int32(&numbers), nulls: &[] },
        Column::Keys { keys: &keys, dictionary: countries },
        Column::Plain { values: Values::Int64(&amounts), nulls: &[] },
        Column::Plain { values: Values::Int64(&times), nulls: &[] },
    ] {
        encoder.column(column).expect("a column");
    }
    encoder.finish().expect("a row group")
}

#[tokio::test]
async fn row_groups_land_as_the_same_rows_as_batches() {
    let store = Arc::new(InMemory::new());
    let items = vec![
        Ok(Extracted::Group(group(0, 7))),
        Ok(Extracted::Group(group(7, 20))),
        Ok(Extracted::Rejects(vec![reject(1, b"x")])),
        Ok(Extracted::Rows(rows(20, 25))),
        Ok(Extracted::Group(group(25, 28))),
    ];
    let landed = land_items(&store, items).await.0.expect("landed");
    assert_eq!((landed.read, landed.landed(), landed.quarantined()), (29, 28, 1));
    assert_eq!(landed.files.iter().map(|f| f.rows).collect::<Vec<_>>(), [20, 5, 3]);
    let mut from = 0;
    for file in &landed.files {
        let bytes = object(&store, &file.path).await;
        assert_eq!(bytes.len() as u64, file.bytes);
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("parquet");
        assert_eq!(builder.schema().fields(), spec().landing_schema().fields());
        let read = builder.build().expect("reader").next().expect("rows").expect("rows");
        let to = from + read.num_rows() as i32;
        let want = rows(from, to);
        for (read, want) in read.columns().iter().zip(want.columns()) {
            let want = arrow::compute::cast(want, read.data_type()).expect("plain");
            assert_eq!(read, &want, "rows {from} to {to}");
        }
        from = to;
    }
}

#[tokio::test]
async fn row_groups_of_other_columns_are_refused_and_leave_nothing() {
    let store = Arc::new(InMemory::new());
    let one = Schema::new(vec![Field::new("order_no", DataType::Int32, true)]);
    let mut encoder = Encoder::new(pages::columns(&one).expect("columns")).expect("encoder");
    encoder.start(1);
    encoder.column(Column::Plain { values: Values::Int32(&[1]), nulls: &[] }).expect("a column");
    let other = encoder.finish().expect("a row group");
    let items = vec![Ok(Extracted::Group(group(0, 9))), Ok(Extracted::Group(other))];
    let error = land_items(&store, items).await.0.expect_err("must fail");
    assert_eq!(error.code(), "pages/schema");
    assert_eq!(objects(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_extract_leaves_one_empty_file() {
    let store = Arc::new(InMemory::new());
    let landed = land_items(&store, vec![Ok(Extracted::Rows(rows(0, 0)))]).await.0.expect("landed");
    assert_eq!((landed.read, landed.files.len(), landed.quarantine.len()), (0, 1, 0));
    let bytes = object(&store, &landed.files[0].path).await;
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("parquet");
    assert_eq!(builder.schema().fields(), spec().landing_schema().fields());
    assert_eq!(builder.metadata().file_metadata().num_rows(), 0);
}

#[tokio::test]
async fn a_second_landing_never_touches_the_first() {
    let store = Arc::new(InMemory::new());
    let first = land_items(&store, vec![Ok(Extracted::Rows(rows(0, 5)))]).await.0.expect("first");
    let before = object(&store, &first.files[0].path).await;
    let second = land_items(&store, vec![Ok(Extracted::Rows(rows(0, 9)))]).await.0.expect("second");
    assert_ne!(first.files[0].path, second.files[0].path);
    assert_eq!(object(&store, &first.files[0].path).await, before);
}

#[tokio::test]
async fn a_failure_leaves_nothing_behind() {
    let store = Arc::new(InMemory::new());
    let (result, _) = land_items(
        &store,
        vec![
            Ok(Extracted::Rows(rows(0, 200_000))),
            Ok(Extracted::Rejects(vec![reject(1, b"x")])),
            Err(Error::failed("extract/cut", "the source went away")),
        ],
    )
    .await;
    let error = result.expect_err("must fail");
    assert_eq!((error.code(), error.subject()), ("extract/cut", Some("land.mysql.orders")));
    assert_eq!(objects(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn rejects_fail_the_task_only_beyond_both_limits() {
    let rejects = |n: u64| Ok(Extracted::Rejects((0..n).map(|i| reject(i, b"x")).collect()));
    // (good rows, rejects, fails)
    for (good, bad, fails) in
        [(0, 1_000, false), (99_000, 1_001, true), (100_100, 1_001, false), (0, 1_001, true)]
    {
        let store = Arc::new(InMemory::new());
        let items = vec![Ok(Extracted::Rows(rows(0, good))), rejects(bad)];
        let (result, _) = land_items(&store, items).await;
        assert_eq!(result.is_err(), fails, "{good} good, {bad} bad");
        if let Err(error) = result {
            assert_eq!(error.code(), "land/too_many_rejects");
            assert!(error.message().contains("first row 0: order_no is NULL"), "{error}");
            assert!(objects(&store).await.is_empty());
        }
    }
}

#[tokio::test]
async fn batches_that_are_not_the_spec_are_refused() {
    let good = rows(0, 4);
    let swap = |index: usize, name: &str, column: arrow::array::ArrayRef| {
        let mut columns = good.columns().to_vec();
        let mut fields: Vec<Field> =
            good.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        fields[index] = Field::new(name, column.data_type().clone(), true);
        columns[index] = column;
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("batch")
    };
    for (batch, word) in [
        (good.project(&[0, 1]).expect("two"), "2 columns, expected 4"),
        (swap(1, "land", Arc::new(StringArray::from(vec!["a"; 4]))), "`land`, expected `country`"),
        (swap(0, "order_no", Arc::new(Int64Array::from(vec![1; 4]))), "Int64, expected Int32"),
        (
            swap(0, "order_no", Arc::new(Int32Array::from(vec![None, Some(1), Some(2), None]))),
            "`order_no` is declared not null but has 2 NULLs",
        ),
    ] {
        let store = Arc::new(InMemory::new());
        let (result, _) = land_items(&store, vec![Ok(Extracted::Rows(batch))]).await;
        let error = result.expect_err(word);
        assert_eq!(error.code(), "land/schema");
        assert!(error.message().contains(word), "{error}");
    }
    let store = Arc::new(InMemory::new());
    let view = swap(1, "country", Arc::new(StringViewArray::from(vec!["NZ"; 4])));
    assert!(land_items(&store, vec![Ok(Extracted::Rows(view))]).await.0.is_ok());
}

/// A store whose n-th call fails, to show that every failure is told and nothing stays.
#[derive(Debug)]
struct Failing {
    inner: Arc<InMemory>,
    left: AtomicU64,
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Failing")
    }
}

impl Failing {
    fn spend(&self) -> object_store::Result<()> {
        let spent =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        spent.map(|_| ()).map_err(|_| object_store::Error::Generic {
            store: "failing",
            source: "no room on the device".into(),
        })
    }
}

#[async_trait::async_trait]
impl ObjectStore for Failing {
    async fn put_opts(
        &self,
        location: &Path,
        payload: object_store::PutPayload,
        options: object_store::PutOptions,
    ) -> object_store::Result<object_store::PutResult> {
        self.spend()?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: object_store::PutMultipartOptions,
    ) -> object_store::Result<Box<dyn object_store::MultipartUpload>> {
        self.spend()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: object_store::GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: stream::BoxStream<'static, object_store::Result<Path>>,
    ) -> stream::BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&Path>,
    ) -> stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&Path>,
    ) -> object_store::Result<object_store::ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: object_store::CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn every_write_may_fail_and_is_told() {
    let mut failures = 0;
    for allowed in 0.. {
        let inner = Arc::new(InMemory::new());
        let store: Arc<dyn ObjectStore> =
            Arc::new(Failing { inner: Arc::clone(&inner), left: AtomicU64::new(allowed) });
        let items =
            vec![Ok(Extracted::Rows(rows(0, 10))), Ok(Extracted::Rejects(vec![reject(1, b"x")]))];
        let stream: ExtractStream = Box::pin(stream::iter(items));
        match land(store, &spec(), Sequence::FIRST, stream, &|_| ()).await {
            Ok(landed) => {
                assert_eq!(landed.read, 11);
                break;
            }
            Err(error) => {
                failures += 1;
                assert_eq!(error.code(), "land/write");
                assert!(error.causes().iter().any(|c| c.contains("no room")), "{error:?}");
                assert!(objects(&inner).await.is_empty());
            }
        }
    }
    assert_eq!(failures, 2, "one landing put and one quarantine put");
}
