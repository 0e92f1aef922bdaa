//! What each declared type accepts and refuses.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};

use super::*;

fn column(ty: &str) -> Column {
    let ty = SqlType::parse(ty).expect(ty);
    let spec = ColumnSpec { name: "c".into(), source_name: None, ty, not_null: false };
    Column::new(&spec, false, Tz::UTC)
}

fn verdict(ty: &str, value: Value<'_>) -> Result<(), &'static str> {
    let mut column = column(ty);
    let verdict = column.push(value).map(|_| ()).map_err(|f| f.reason);
    assert_eq!(column.finish().len(), usize::from(verdict.is_ok()), "{ty} {value:?}");
    verdict
}

#[test]
fn a_value_fits_its_type_or_is_refused_with_a_reason() {
    use Value::*;
    for (ty, value, want) in [
        ("smallint", Integer(32_767), Ok(())),
        ("smallint", Integer(32_768), Err(reason::OUT_OF_RANGE)),
        ("integer", Unsigned(u64::MAX), Err(reason::OUT_OF_RANGE)),
        ("bigint", Text(b"abc"), Err(reason::WRONG_TYPE)),
        ("bigint", Text(b"42"), Ok(())),
        ("bigint", Real(2.0), Ok(())),
        ("bigint", Real(2.5), Err(reason::WRONG_TYPE)),
        ("bigint", Time(-3_020_399_000_000), Ok(())),
        ("bigint", Bytes(b"x"), Err(reason::WRONG_TYPE)),
        ("decimal(20,0)", Unsigned(u64::MAX), Ok(())),
        ("decimal(5,2)", Digits(b"999.99"), Ok(())),
        ("decimal(5,2)", Digits(b"1000.00"), Err(reason::OUT_OF_RANGE)),
        ("decimal(5,2)", Digits(b"1.999"), Err(reason::SCALE)),
        ("decimal(5,2)", Digits(b"1.9900"), Ok(())),
        ("decimal(5,2)", Decimal { unscaled: 19_900, scale: 4 }, Ok(())),
        ("varchar(4)", Text("añb".as_bytes()), Ok(())),
        ("varchar(3)", Text("añb".as_bytes()), Err(reason::TOO_LONG)),
        ("varchar(9)", Text(&[0x61, 0xff]), Err(reason::NOT_UTF8)),
        ("varchar(9)", Text(b"a\0b"), Ok(())),
        ("varchar(9)", Integer(-7), Ok(())),
        ("char(9)", Text("ñ".as_bytes()), Err(reason::NOT_ASCII)),
        ("varbyte(2)", Bytes(b"abc"), Err(reason::BYTES_TOO_LONG)),
        ("boolean", Integer(1), Ok(())),
        ("boolean", Integer(2), Err(reason::BAD_BOOLEAN)),
        ("boolean", Integer(-1), Err(reason::BAD_BOOLEAN)),
        ("boolean", Text(b"True"), Ok(())),
        ("boolean", Text(b"yes"), Err(reason::BAD_BOOLEAN)),
        ("date", Text(b"2021-02-29"), Err(reason::BAD_DATE)),
        ("date", Text(b"2021-02-28 00:00:00"), Ok(())),
        ("date", Local(1), Err(reason::WRONG_TYPE)),
        ("timestamp", Integer(1_600_000_000), Err(reason::WRONG_TYPE)),
        ("timestamp", Real(2_459_000.5), Err(reason::WRONG_TYPE)),
        ("timestamp", Text(b"2021-02-28 10:11:12.1234567"), Err(reason::PRECISION)),
        ("timestamp", Text(b"0000-00-00 00:00:00"), Ok(())),
        ("time", Time(86_399_999_999), Ok(())),
        ("time", Time(86_400_000_000), Err(reason::OUT_OF_RANGE)),
        ("time", Time(-1), Err(reason::OUT_OF_RANGE)),
        ("time", Text(b"10:11:12.5"), Ok(())),
        ("real", Real(1e300), Err(reason::OUT_OF_RANGE)),
        ("double precision", Integer((1 << 53) + 1), Err(reason::OUT_OF_RANGE)),
        ("double precision", Unfit(reason::BAD_DATE, "x"), Err(reason::BAD_DATE)),
    ] {
        assert_eq!(verdict(ty, value), want, "{ty} {value:?}");
    }
}

#[test]
fn null_is_refused_only_where_declared() {
    let ty = SqlType::BigInt;
    let spec = ColumnSpec { name: "c".into(), source_name: None, ty, not_null: true };
    let refused = |key| {
        Column::new(&spec, key, Tz::UTC).push(Value::Null).map_err(|f| f.reason).expect_err("NULL")
    };
    assert_eq!(refused(true), reason::NULL_KEY);
    assert_eq!(refused(false), reason::NULL);
    assert_eq!(verdict("bigint", Value::Null), Ok(()));
}

#[test]
fn values_arrive_as_they_are() {
    let mut amounts = column("decimal(10,2)");
    amounts.push(Value::Real(12.5)).expect("fits");
    amounts.push(Value::Integer(-3)).expect("fits");
    amounts.push_filler();
    let array = amounts.finish();
    let array = array.as_primitive::<Decimal128Type>();
    assert_eq!((array.value(0), array.value(1), array.is_null(2)), (1250, -300, true));

    let mut times = column("bigint");
    times.push(Value::Time(-1)).expect("fits");
    assert_eq!(times.finish().as_primitive::<Int64Type>().value(0), -1);
}

#[test]
fn wall_clock_times_become_utc_and_doubt_is_counted() {
    let spec = ColumnSpec {
        name: "at".into(),
        source_name: None,
        ty: SqlType::Timestamp,
        not_null: false,
    };
    let mut column = Column::new(&spec, false, Tz::America__New_York);
    column.push(Value::Text(b"2021-11-07 01:30:00")).expect("a time");
    column.push(Value::Text(b"2021-11-07 01:30:00Z")).expect("a time");
    column.push(Value::Void("zero date")).expect("becomes NULL");
    assert_eq!((column.doubtful, column.voids, column.void), (1, 1, "zero date"));
    let array = column.finish();
    let array = array.as_primitive::<TimestampMicrosecondType>();
    let hours = (array.value(0) - array.value(1)) / 3_600_000_000;
    assert_eq!((hours, array.is_null(2)), (4, true));
}

#[test]
fn minus_zero_is_zero_in_a_key() {
    let spec =
        ColumnSpec { name: "k".into(), source_name: None, ty: SqlType::Double, not_null: true };
    let mut column = Column::new(&spec, true, Tz::UTC);
    column.push(Value::Real(-0.0)).expect("a number");
    let array = column.finish();
    let value = array.as_primitive::<arrow::datatypes::Float64Type>().value(0);
    assert!(value.is_sign_positive());
}
