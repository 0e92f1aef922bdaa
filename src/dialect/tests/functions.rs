//! Functions by the examples of their manual pages.

use super::values;

#[test]
fn dateadd_and_datediff() {
    values(&[
        ("dateadd(month, 18, '2008-02-28')", "2009-08-28 00:00:00"),
        ("dateadd(month, 1, '2008-01-31')", "2008-02-29 00:00:00"),
        ("dateadd(m, 30, '2008-01-05 10:00:00')", "2008-01-05 10:30:00"),
        ("dateadd('qtr', -1, date '2008-01-31')", "2007-10-31 00:00:00"),
        ("date_add('hour', 25, date '2008-01-31')", "2008-02-01 01:00:00"),
        ("datediff(week, '2009-01-01', '2009-12-31')", "52"),
        ("datediff(qtr, '1998-07-01', '2008-07-04')", "40"),
        ("datediff(year, '12-31-2008', '01-01-2009')", "1"),
        ("datediff(day, '2008-06-04 23:59:59', '2008-06-05')", "1"),
        ("datediff('hr', '2008-01-05 10:59:00', '2008-01-05 09:01:00')", "-1"),
        ("datediff(century, date '2000-12-31', date '2001-01-01')", "1"),
        ("dateadd(day, null, '2008-01-01')", "NULL"),
    ]);
}

#[test]
fn parts_of_dates() {
    values(&[
        ("date_part(w, timestamp '2008-06-17 09:44:54')", "25.0"),
        ("date_part(dow, date '2008-06-01')", "0.0"),
        ("date_part('dy', date '2008-12-31')", "366.0"),
        ("date_part(s, timestamp '2008-01-01 00:00:08.5')", "8.5"),
        ("date_part(epoch, timestamp '1970-01-02 00:00:00')", "86400.0"),
        ("extract(qtr from date '2008-06-01')", "2"),
        ("extract(epoch from timestamp '2008-01-01 00:00:08.5')", "1199145608"),
        ("extract('dayofweek' from date '2008-06-07')", "6"),
        ("extract(century from date '2000-12-31')", "20"),
        ("date_trunc('week', date '2008-06-04')", "2008-06-02 00:00:00"),
        ("date_trunc('quarter', timestamp '2008-06-04 14:23:59')", "2008-04-01 00:00:00"),
        ("date_trunc(mon, '2008-06-04')", "2008-06-01 00:00:00"),
        ("date_trunc('minute', timestamp '2008-06-04 14:23:59.9')", "2008-06-04 14:23:00"),
        ("date_trunc('century', date '2000-12-31')", "1901-01-01 00:00:00"),
        ("last_day(date '2008-02-10')", "2008-02-29"),
        ("add_months('2008-03-31', 1)", "2008-04-30 00:00:00"),
        ("add_months('2008-04-30', 1)", "2008-05-31 00:00:00"),
        ("add_months(date '2008-04-15', -2)", "2008-02-15 00:00:00"),
        ("months_between('1969-01-18', '1969-03-18')", "-2.0"),
        ("months_between('2011-02-28', '2011-01-31')", "1.0"),
        ("next_day(date '2014-08-20', 'Tuesday')", "2014-08-26"),
        ("convert_timezone('EST', timestamp '2008-08-21 07:23:54')", "2008-08-21 02:23:54"),
        (
            "convert_timezone('America/New_York', 'UTC', timestamp '2008-08-21 07:23:54')",
            "2008-08-21 11:23:54",
        ),
    ]);
}

#[test]
fn texts() {
    values(&[
        ("substring('caterpillar', 6, 4)", "pill"),
        ("substring('caterpillar', 6)", "pillar"),
        ("substring('caterpillar' from 1 for 3)", "cat"),
        ("substring('caterpillar', -1, 4)", "ca"),
        ("substring(123456, 2, 3)", "234"),
        ("left('Hello', 2)", "He"),
        ("right('Hello', 2)", "lo"),
        ("len('français')", "8"),
        ("octet_length('français')", "9"),
        ("length('')", "0"),
        ("char_length('abc')", "3"),
        ("upper('é'), lower('ABC')", "É|abc"),
        (
            "trim('  a '), btrim('xxaxx', 'x'), ltrim('2008-01', '2-80'), rtrim('abcc', 'c')",
            "a|a|1|ab",
        ),
        ("trim(both 'x' from 'xax'), trim(leading '0' from '007')", "a|7"),
        ("replace('Shows', 'Shows', 'Theatre')", "Theatre"),
        ("replace(2021, '0', '')", "221"),
        (
            "strpos('dogfish', 'fish'), charindex('fish', 'dogfish'), position('x' in 'abc')",
            "4|4|0",
        ),
        ("split_part('abc$def$ghi', '$', 2), split_part('a', ',', 3)", "def|"),
        ("lpad('cat', 7), rpad('cat', 6, '_'), lpad('caterpillar', 3, 'x')", "    cat|cat___|cat"),
        ("concat('a', null)", "NULL"),
        ("concat('a', 1)", "a1"),
        ("initcap('nibh.enim@egestas.ca')", "Nibh.Enim@Egestas.Ca"),
        (
            "reverse('abc'), repeat('ab', 2), translate('mint tea', 'inea', 'osin')",
            "cba|abab|most tin",
        ),
        ("chr(65), ascii('A')", "A|65"),
        ("strtol('abcd1234', 16), strtol('110101', 2)", "2882343476|53"),
        ("quote_ident('order'), quote_literal('it''s')", "\"order\"|'it''s'"),
    ]);
}

#[test]
fn conditions() {
    values(&[
        ("nvl(null, 'a'), coalesce(null, null, 3)", "a|3"),
        ("nvl2(null, 1, 2), nvl2('x', 1, 2)", "2|1"),
        ("decode(null, null, 'n', 'x')", "n"),
        ("decode(3, 1, 'a')", "NULL"),
        ("nullif('a', 'a'), nullif(1, 2)", "NULL|1"),
        ("greatest(1, null, 3), least('b', 'a')", "3|a"),
    ]);
}

#[test]
fn numbers() {
    values(&[
        ("abs(-38), abs(-6.66)", "38|6.66"),
        ("ceil(28.05), ceiling(-1.5), floor(28.95), floor(-1.5)", "29.00|-1.0|28.00|-2.0"),
        ("round(28.05, 1), round(2.5), round(-2.5), round(1234, -2)", "28.10|3.0|-3.0|1200"),
        ("trunc(111.86), trunc(111.86, 1), trunc(-7.9::float8)", "111.00|111.80|-7.0"),
        ("trunc(timestamp '2011-07-21 10:32:38')", "2011-07-21"),
        ("mod(10, 4), mod(-10, 4), mod(6.5, 4)", "2|-2|2.5"),
        ("power(2, 10), pow(9, 0.5), sqrt(16), cbrt(27)", "1024.0|3.0|4.0|3.0"),
        ("sign(-28.05), sign(0), sign(3.5::float8)", "-1|0|1.0"),
        ("exp(0), ln(1), log(1000), dlog10(100)", "1.0|0.0|3.0|2.0"),
        ("degrees(pi()), radians(180) = pi()", "180.0|true"),
    ]);
}

#[test]
fn dates_by_pattern() {
    values(&[
        ("to_char(date '2021-03-09', 'YYYY-MM')", "2021-03"),
        (
            "to_char(timestamp '2009-12-31 23:15:59', 'MONTH-DY-DD-YYYY HH:MIPM')",
            "DECEMBER -THU-31-2009 11:15PM",
        ),
        ("to_char(timestamp '2009-12-31 23:15:59', 'HH24:MI:SS')", "23:15:59"),
        ("to_char(date '2008-01-01', 'Month')", "January  "),
        ("to_char(date '2008-01-01', 'FMMonth')", "January"),
        ("to_char(date '2008-06-04', 'Day, DDth')", "Wednesday, 04th"),
        (
            "to_char(date '2008-06-04', 'Q IYYY IW D ID DDD W WW J CC')",
            "2 2008 23 4 3 156 1 23 2454622 21",
        ),
        ("to_char(timestamp '2008-06-04 09:05:03.25', 'HH12 MS US AM')", "09 250 250000 AM"),
        ("to_char(date '2008-06-04', '\"Year\" YYYY')", "Year 2008"),
        ("to_date('02 Oct 2001', 'DD Mon YYYY')", "2001-10-02"),
        ("to_date('20010631', 'YYYYMMDD')", "2001-07-01"),
        ("to_date('4/1/2021', 'MM/DD/YYYY')", "2021-04-01"),
        ("to_timestamp('05-12-25 11:20', 'YY-MM-DD HH24:MI')::varchar", "2005-12-25 11:20:00+00"),
        (
            "to_timestamp('2011-12-18 11:38:15 PM', 'YYYY-MM-DD HH12:MI:SS PM')::varchar",
            "2011-12-18 23:38:15+00",
        ),
        (
            "to_date('20010631', 'YYYYMMDD', true)",
            "error sql/value: date/time field value out of range: \"20010631\"",
        ),
    ]);
}

#[test]
fn numbers_by_pattern() {
    values(&[
        ("to_char(-125.8, '999D99S')", "125.80-"),
        ("to_char(125.8, '999D99')", " 125.80"),
        ("to_char(-125.8, '999D99')", "-125.80"),
        ("to_char(485, '9,999')", "   485"),
        ("to_char(1485, '9,999')", " 1,485"),
        ("to_char(22, '0000')", " 0022"),
        ("to_char(12.5, 'FM999.00')", "12.50"),
        ("to_char(1234, '99')", " ##"),
        ("to_number('12,454.8-', '99G999D9S')", "-12454.8"),
    ]);
}

#[test]
fn regular_expressions() {
    values(&[
        ("regexp_count('abcdefghijklmnopqrstuvwxyz', '[a-z]{3}')", "8"),
        ("regexp_substr('Suspendisse.tristique@nonummyac.edu', '@[^.]*')", "@nonummyac"),
        ("regexp_substr('the fox', 'fox', 1, 2)", ""),
        ("regexp_substr('a1b22', '[0-9]+', 1, 2)", "22"),
        ("regexp_substr('the fox', 'FOX', 1, 1, 'i')", "fox"),
        ("regexp_substr('key=value', 'key=(.*)', 1, 1, 'e')", "value"),
        ("regexp_replace('DonecFri@semperpretiumneque.com', '@.*\\\\.(org|gov|com)')", "DonecFri"),
        ("regexp_replace('a1b2', '[0-9]', '#')", "a#b#"),
        ("regexp_replace('the fox', 'fox', 'quick brown fox', 1, 'i')", "the quick brown fox"),
        ("regexp_instr('abc@def', '@'), regexp_instr('abc', 'x')", "4|0"),
        (
            "'abc' similar to '(b|a)%', 'abc' similar to 'b', 'a.c' not similar to 'a.c'",
            "true|false|false",
        ),
        ("'abc' ~ '^a', 'abc' !~ 'B', 'abc' ~* 'B'", "true|true|true"),
    ]);
}

#[test]
fn hashes() {
    values(&[
        ("md5('Amazon Redshift')", "f7415e33f972c03abd4f3fed36748f7a"),
        ("sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "len(sha2('Amazon Redshift', 256)), len(sha2('x', 512)), sha2('x', 0) = sha2('x', 256)",
            "64|128|true",
        ),
        (
            "fnv_hash(''), fnv_hash('a'), fnv_hash(1::int) = fnv_hash(1::bigint)",
            "-3750763034362895579|-5808556873153909620|false",
        ),
        ("crc32('abc')", "364b3fb7"),
    ]);
}

#[test]
fn json() {
    values(&[
        (
            r#"json_extract_path_text('{"f2":{"f3":1},"f4":{"f5":99,"f6":"star"}}', 'f4', 'f6')"#,
            "star",
        ),
        (r#"json_extract_path_text('{"f2":{"f3":1}}', 'f2')"#, r#"{"f3":1}"#),
        (r#"json_extract_path_text('{"a":1}', 'b')"#, "NULL"),
        (r#"json_extract_path_text('{"a":1', 'a', true)"#, "NULL"),
        (r#"json_extract_path_text('{"a":[5,6]}', 'a', '1')"#, "6"),
        ("json_extract_array_element_text('[111,112,113]', 2)", "113"),
        (r#"json_array_length('[11,12,13,{"f1":1,"f2":[5,6]},14]')"#, "5"),
        (
            r#"is_valid_json('{"a":1}'), is_valid_json('{a}'), is_valid_json_array('[]')"#,
            "true|false|true",
        ),
    ]);
}
