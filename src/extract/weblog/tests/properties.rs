//! What holds for any log: no line is lost, none is misread, and how it is cut changes nothing.

use proptest::prelude::*;

use super::reference::Reference;
use super::*;

/// Lines of every kind named in the catalogue, good and broken.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let address = prop_oneof![
        6 => "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        1 => "[0-9a-f:]{2,40}", 1 => "[a-z.]{1,30}", 1 => "1.2.3.4, 5.6.7.8", 1 => Just("-".to_string()),
        1 => "www[.]x[.]com:(80|x) 1[.]2[.]3[.]4", 1 => "", 1 => "[a,]{1,3},? ?[b,]{0,2}"
    ];
    let name = prop_oneof![6 => Just("-".to_string()), 2 => "[a-zé\"\\[\\]]{1,20}", 1 => "", 1 => "[a-z]{1,5} [a-z]{1,5}"];
    let stamp = prop_oneof![
        6 => "[0-3][0-9]/(Jan|Feb|Oct)/20[0-9]{2}:[0-2][0-9]:[0-9]{2}:[0-9]{2} [+-][01][0-9](00|30)",
        1 => "[0-9]/oct/2020:[0-9]:[0-9]:[0-9] \\+0000", 1 => "[^\\]\n]{0,70}", 1 => "[0-9/ :\\]a-z]{26}"
    ];
    let text = prop_oneof![
        6 => "[A-Za-z /?=%.;()0-9]{0,60}", 2 => "([a-z]|\\\\\"|\\\\\\\\|\\\\x[0-9a-f]{2}){0,12}",
        1 => "[a-z\"\\\\]{0,12}", 1 => Just("-".to_string()), 1 => "[\\x00-\\x09\\x0b-\\x7fä]{0,20}"
    ];
    let status = prop_oneof![8 => "[1-5][0-9]{2}", 1 => "-", 1 => "[0-9a]{0,4}"];
    let size = prop_oneof![8 => "[0-9]{1,7}", 2 => "-", 1 => "[0-9-]{0,21}"];
    let end = prop_oneof![12 => "", 2 => "\r", 1 => "[ \"a]{1,3}"];
    let whole = (
        address,
        name.clone(),
        name,
        stamp,
        text.clone(),
        status,
        size,
        (text.clone(), text),
        end,
        0..12u8,
    )
        .prop_map(|(a, i, u, t, r, s, b, (f, g), e, kind)| match kind {
            0 => format!("{a} {i} {u} [{t}] \"{r}\" {s} {b}{e}"),
            1 => format!("{a} {i} {u} {t} {r} {s} {b}{e}"),
            2 => format!("vhost:443 {a} {i} {u} [{t}] \"{r}\" {s} {b} \"{f}\" \"{g}\"{e}"),
            _ => format!("{a} {i} {u} [{t}] \"{r}\" {s} {b} \"{f}\" \"{g}\"{e}"),
        })
        .prop_map(|line| line.replace('\n', " ").into_bytes());
    prop_oneof![
        8 => whole.clone(),
        // a usual line with one byte changed or cut off
        3 => (whole, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(mut line, at, byte, cut)| {
            let at = at.index(line.len());
            if cut { line.truncate(at) } else { line[at] = byte }
            line.retain(|b| *b != b'\n');
            line
        }),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(|mut line| { line.retain(|b| *b != b'\n'); line }),
        1 => Just(Vec::new()),
    ]
}

/// Parses a whole text at once.
pub fn parse(text: &[u8]) -> (Landed, Parsed) {
    parse_as(&[], text)
}

/// Parses a whole text in declared formats.
pub fn parse_as(formats: &[&str], text: &[u8]) -> (Landed, Parsed) {
    let schema = access_spec("weblog", Place::new("x", 1, 1)).landing_schema();
    let table = Arc::new(Table::embedded().expect("a table"));
    let formats: Vec<String> = formats.iter().map(|format| format.to_string()).collect();
    let formats = Arc::new(Formats::compile(&formats).expect("formats"));
    let resolver = Arc::new(Resolver::new(table));
    let mut parser = Parser::new(formats, &schema, resolver).expect("a parser");
    let mut parsed = parser.parse("id", 0, text).expect("columns that fit");
    let mut landed = Landed::default();
    if let Some(group) = parsed.group.take() {
        let rows = group.rows() as usize;
        landed.add_batch(&group.read(&schema, rows).expect("rows"));
    }
    (landed, parsed)
}

pub fn joined(lines: &[impl AsRef<[u8]>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.as_ref().iter().copied().chain([b'\n'])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn rows_and_rejects_are_those_of_the_reference(lines in prop::collection::vec(any_line(), 0..40)) {
        let (landed, parsed) = parse(&joined(&lines));
        Reference::new().check(&lines, &landed, &parsed).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_bytes_are_rows_rejects_or_empty_lines(text in prop::collection::vec(prop_oneof![6 => any::<u8>(), 1 => Just(b'\n'), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => Just(b' ')], 0..3000)) {
        let (landed, parsed) = parse(&text);
        let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty() && *l != b"\r").count();
        prop_assert_eq!(landed.rows.len() + parsed.rejected.len(), lines);
    }

    #[test]
    fn a_made_line_read_and_written_again_is_the_same(
        address in "[0-9a-f.:]{1,30}", identity in "[a-z-]{1,9}", username in "[a-z-]{1,9}",
        stamp in "[0-9A-Za-z/: +-]{0,30}", request in "([A-Za-z /]|\\\\\"|\\\\\\\\){0,40}",
        status in 100..1000u16, size in any::<u32>(), referer in "([a-z:/]|\\\\\"){0,30}", agent in "([A-Za-z() ;]|\\\\x22){0,90}"
    ) {
        let line = format!(r#"{address} {identity} {username} [{stamp}] "{request}" {status} {size} "{referer}" "{agent}""#);
        let formats = Formats::compile(&[]).expect("formats");
        let fields = formats.read(line.as_bytes()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let text = |field: Option<&[u8]>| String::from_utf8_lossy(field.unwrap_or_default()).into_owned();
        let written = format!(
            r#"{} {} {} [{}] "{}" {} {} "{}" "{}""#,
            text(fields.address), text(fields.identity), text(fields.username), text(fields.timestamp),
            text(fields.request), fields.status.unwrap_or_default(), fields.bytes_sent.unwrap_or_default(),
            text(fields.referer), text(fields.user_agent)
        );
        prop_assert_eq!(written, line);
    }

    #[test]
    fn a_file_read_in_parts_gives_the_same_rows(lines in prop::collection::vec(any_line(), 1..60), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4), jobs in 1..4usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let text = joined(&lines);
        let (whole, Parsed { rejected, .. }) = parse(&text);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        ends.sort();
        ends.push(text.len());
        let mut logs = Logs::new(&["access.log"]);
        let mut parts = Landed::default();
        let mut written = 0;
        for end in ends {
            logs.append("access.log", &text[written..end]);
            written = end;
            let (window, _) = logs.plan().expect("a plan");
            let landed = runtime.block_on(land_window(&logs.source, logs.folder.path(), &window, jobs, 0)).expect("landed");
            parts.rows.extend(landed.rows);
            parts.rejects.extend(landed.rejects);
            logs.remember(window.ended(&landed.ends).unwrap_or(window));
        }
        prop_assert_eq!(parts.rows.len(), whole.rows.len());
        prop_assert_eq!(parts.rejects.len(), rejected.len());
        for (part, whole) in parts.rejects.iter().zip(&rejected) {
            prop_assert_eq!((part.offset, &part.raw), (whole.offset, &whole.raw));
        }
        for (part, whole) in parts.rows.iter().zip(&whole.rows) {
            for (column, value) in whole {
                prop_assert!(column == "file_id" || part.get(column) == Some(value), "{}", column);
            }
        }
    }
}

#[tokio::test]
async fn any_number_of_workers_gives_the_same_rows_in_the_same_order() {
    let text: String = (0..60_000)
        .map(|i| match i % 1000 {
            7 => format!("broken {i}\n"),
            8 => "\n".to_string(),
            _ => with_agent(&format!("agent {} of {}", i % 977, "x".repeat(i % 50))) + "\n",
        })
        .collect();
    let logs = Logs::new(&["access.log", "second.log"]);
    logs.write("access.log", &text);
    logs.write("second.log", &text[text.len() / 2..]);
    let (window, _) = logs.plan().expect("a plan");
    let land = |jobs| land_window(&logs.source, logs.folder.path(), &window, jobs, 0);
    let one = land(1).await.expect("landed");
    assert!(one.rows.len() > 80_000);
    assert!(one == land(4).await.expect("landed"), "4 workers give other rows than one");
    assert_eq!(one.rejects[0].position, "access.log:8");
}
