//! Selectors: the words that pick tasks. Pure.
//!
//! ```text
//! store.mysql.orders   one task           +pres.sales   it and everything it waits for
//! store.*              a pattern          pres.sales+   it and everything that waits for it
//! state:failed         how the last attempt ended: failed, blocked
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use crate::error::{Error, Result, nearest};
use crate::task::{Status, TaskName};

/// The positions that `selectors` pick; all of them when there are no selectors.
///
/// `states` says how each task ended in the last attempt. Errors: a selector that picks nothing
/// (`usage/selector`), with the nearest name; all at once.
pub fn select(
    graph: &Graph,
    states: &BTreeMap<TaskName, Status>,
    selectors: &[String],
) -> Result<BTreeSet<usize>> {
    if selectors.is_empty() {
        return Ok((0..graph.len()).collect());
    }
    let mut picked = BTreeSet::new();
    let mut errors = Vec::new();
    for selector in selectors {
        match one(graph, states, selector) {
            Ok(found) => picked.extend(found),
            Err(error) => errors.push(error),
        }
    }
    match Error::all(errors) {
        Some(error) => Err(error),
        None => Ok(picked),
    }
}

fn one(
    graph: &Graph,
    states: &BTreeMap<TaskName, Status>,
    selector: &str,
) -> Result<BTreeSet<usize>> {
    let (up, rest) = match selector.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, selector),
    };
    let (down, word) = match rest.strip_suffix('+') {
        Some(word) => (true, word),
        None => (false, rest),
    };
    let found = match word.strip_prefix("state:") {
        Some(state) => by_state(graph, states, state)?,
        None => by_name(graph, word)?,
    };
    let mut picked = found.clone();
    if up {
        picked.extend(graph.upstream(&found));
    }
    if down {
        picked.extend(graph.downstream(&found));
    }
    Ok(picked)
}

fn by_name(graph: &Graph, word: &str) -> Result<BTreeSet<usize>> {
    let found: BTreeSet<usize> = graph
        .nodes()
        .iter()
        .enumerate()
        .filter(|(_, node)| matches(word, node.task.as_str()))
        .map(|(position, _)| position)
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let error = Error::config("usage/selector", format!("no task is called `{word}`"));
    let names = graph.nodes().iter().map(|node| node.task.as_str());
    // People leave out the layer more often than they mistype a whole name.
    let tail = |name: &&str| name.split_once('.').is_some_and(|(_, rest)| rest.ends_with(word));
    let near = names.clone().find(|name| !word.is_empty() && tail(name));
    Err(match near.or_else(|| nearest(word, names)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`landfall plan` lists the tasks"),
    })
}

fn by_state(
    graph: &Graph,
    states: &BTreeMap<TaskName, Status>,
    state: &str,
) -> Result<BTreeSet<usize>> {
    let wanted = match state {
        "failed" => Status::Failed,
        "blocked" => Status::Blocked,
        _ => {
            return Err(Error::config("usage/selector", format!("`state:{state}` is no selector"))
                .hint("use state:failed or state:blocked"));
        }
    };
    let found: BTreeSet<usize> = graph
        .nodes()
        .iter()
        .enumerate()
        .filter(|(_, node)| states.get(&node.task) == Some(&wanted))
        .map(|(position, _)| position)
        .collect();
    if found.is_empty() {
        return Err(Error::config(
            "usage/selector",
            format!("no task is {state} in the last attempt"),
        ));
    }
    Ok(found)
}

/// Whether `name` fits `pattern`: `*` stands for any text, `?` for one character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stood, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::sample;
    use super::*;

    fn picked(selectors: &[&str]) -> Result<Vec<String>> {
        let graph = sample();
        let states = BTreeMap::from([
            (TaskName::pres("flat"), Status::Failed),
            (TaskName::report("sales"), Status::Blocked),
        ]);
        let selectors: Vec<String> = selectors.iter().map(|s| s.to_string()).collect();
        let found = select(&graph, &states, &selectors)?;
        Ok(found.iter().filter_map(|i| graph.task(*i)).map(ToString::to_string).collect())
    }

    #[test]
    fn selectors_pick_what_they_say() {
        for (selectors, expected) in [
            (vec!["pres.flat"], "pres.flat"),
            (vec!["store.*"], "store.m.a store.m.b"),
            (vec!["*.m.?"], "land.m.a land.m.b store.m.a store.m.b"),
            (vec!["+pres.log"], "land.m.b store.m.b pres.log"),
            (vec!["pres.flat+"], "pres.flat report.sales"),
            (vec!["+store.m.a+"], "land.m.a store.m.a pres.flat report.sales"),
            (vec!["state:failed"], "pres.flat"),
            (vec!["state:failed+"], "pres.flat report.sales"),
            (vec!["state:blocked", "land.m.a"], "land.m.a report.sales"),
        ] {
            assert_eq!(picked(&selectors).expect("picks").join(" "), expected, "{selectors:?}");
        }
        assert_eq!(picked(&[]).expect("all").len(), 7);
    }

    #[test]
    fn what_picks_nothing_is_an_error_with_the_nearest_name() {
        for (selector, hint) in [
            ("pres.flatt", Some("did you mean `pres.flat`?")),
            ("m.a", Some("did you mean `land.m.a`?")),
            ("zebra.*", Some("`landfall plan` lists the tasks")),
            ("", Some("`landfall plan` lists the tasks")),
            ("state:odd", Some("use state:failed or state:blocked")),
        ] {
            let error = picked(&[selector]).expect_err("nothing");
            assert_eq!((error.code(), error.advice()), ("usage/selector", hint), "{selector}");
        }
        let graph = sample();
        let none = select(&graph, &BTreeMap::new(), &["state:failed".to_string()]);
        assert_eq!(none.expect_err("none failed").code(), "usage/selector");
        assert_eq!(picked(&["nope.a", "nope.b"]).expect_err("both").others().len(), 1);
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abcd", false),
            ("**b*", "aabaa", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
