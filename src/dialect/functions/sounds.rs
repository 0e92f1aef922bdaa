//! Texts by their sound and by their bytes: SOUNDEX, DIFFERENCE, OCTETINDEX, BPCHARCMP. It knows English letters alone.
//!
//! Source: SOUNDEX, DIFFERENCE, OCTETINDEX, r_BPCHARCMP, r_BTTEXT_PATTERN_CMP.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::strings::map;
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let number = |name, run| {
        udf(Function {
            name,
            params: &[Kind::Text, Kind::Text],
            optional: 0,
            variadic: false,
            returns: |_| Ok(DataType::Int32),
            run,
        })
    };
    vec![
        udf(Function {
            name: "soundex",
            params: &[Kind::Text],
            optional: 0,
            variadic: false,
            returns: |_| Ok(DataType::Utf8View),
            run: |args| map(args, |text| Ok(soundex(text))),
        }),
        number("difference", |args| pairs(args, difference)),
        number("octetindex", |args| pairs(args, |part, whole| place(whole.find(part)))),
        number("bpcharcmp", |args| {
            pairs(args, |a, b| a.trim_end_matches(' ').cmp(b.trim_end_matches(' ')) as i32)
        }),
        number("bttext_pattern_cmp", |args| pairs(args, |a, b| a.cmp(b) as i32)),
    ]
}

fn pairs(args: &Args, f: fn(&str, &str) -> i32) -> Result<ArrayRef> {
    let (left, right) = (args.text(0)?, args.text(1)?);
    let out: Int32Array =
        (0..args.rows).map(|i| left.get(i).zip(right.get(i)).map(|(a, b)| f(a, b))).collect();
    Ok(Arc::new(out))
}

/// Bytes from 1; 0 for none.
fn place(at: Option<usize>) -> i32 {
    at.map_or(0, |at| i32::try_from(at + 1).unwrap_or(i32::MAX))
}

/// The digit of a letter; `None` for a vowel, which parts two letters of one sound.
fn sound(letter: char) -> Option<char> {
    Some(match letter {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        _ => return None,
    })
}

/// American Soundex: H and W part nothing. Empty without an English letter.
fn soundex(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase());
    let mut code = String::new();
    let mut last = None;
    for letter in letters {
        if code.is_empty() {
            code.push(letter);
            last = sound(letter);
        } else if !matches!(letter, 'H' | 'W') {
            let own = sound(letter);
            if let Some(digit) = own.filter(|_| own != last) {
                code.push(digit);
            }
            last = own;
        }
        if code.len() == 4 {
            break;
        }
    }
    while (1..4).contains(&code.len()) {
        code.push('0');
    }
    code
}

/// In how many of its four places two codes agree; 1 where neither text has a letter.
fn difference(a: &str, b: &str) -> i32 {
    let (a, b) = (soundex(a), soundex(b));
    if a.is_empty() && b.is_empty() {
        return 1;
    }
    let same = a.chars().zip(b.chars()).filter(|(a, b)| a == b).count();
    i32::try_from(same).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_between_decide_what_counts_once() {
        // the National Archives' examples: H and W part nothing, a vowel does, the first letter counts
        for (text, code) in [
            ("Ashcraft", "A261"),
            ("Tymczak", "T522"),
            ("Pfister", "P236"),
            ("Lee", "L000"),
            ("VanDeusen", "V532"),
            ("", ""),
        ] {
            assert_eq!(soundex(text), code, "{text}");
        }
    }
}
