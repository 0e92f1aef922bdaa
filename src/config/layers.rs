//! Layers of settings: files, environment and flags to one draft. Reads nothing.

use std::collections::BTreeMap;

use super::schema::{self, Keys, Shape};
use super::settings::{Draft, Flag, Found, Origin, Settings, Value};
use crate::error::{Error, nearest};

/// The environment variables that are settings, and the project key each sets.
pub(super) const VARIABLES: [(&str, &str); 7] = [
    ("LANDFALL_TARGET", "target"),
    ("LANDFALL_JOBS", "jobs"),
    ("LANDFALL_MEMORY_LIMIT", "memory_limit"),
    ("LANDFALL_FSYNC", "fsync"),
    ("LANDFALL_LANDING", "landing"),
    ("LANDFALL_STATE_DIR", "state"),
    ("LANDFALL_CATALOG", "catalog"),
];

/// Puts the layers over each other, the later over the earlier.
///
/// The target is decided first, since its section is a layer of its own. `[target.X]` in a file
/// stands over `[project]` in the same file, and a whole file over the one before it.
pub(super) fn merge(
    tracked: Draft,
    local: Draft,
    environment: &BTreeMap<String, String>,
    flags: &[Flag],
    errors: &mut Vec<Error>,
) -> Draft {
    let mut named = Draft::default();
    variables(environment, &mut named.project, errors);
    for flag in flags {
        set_flag(flag, &tracked, &local, &mut named, errors);
    }
    let target = [&named.project, &local.project, &tracked.project]
        .into_iter()
        .find_map(|project| match project.get("target").map(|found| &found.value) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        })
        .unwrap_or_else(|| "local".to_string());

    let mut merged = Draft::default();
    for mut layer in [tracked, local, named] {
        merged.project.extend(layer.project);
        merged.project.extend(layer.targets.remove(target.as_str()).unwrap_or_default());
        if let Some(sample) = layer.sample {
            merged.sample.get_or_insert_default().extend(sample);
        }
        for source in layer.sources {
            match merged.sources.iter_mut().find(|s| s.name == source.name) {
                Some(known) => known.settings.extend(source.settings),
                None => merged.sources.push(source),
            }
        }
    }
    merged
}

/// Words for variables that look like slips of known ones.
pub(super) fn suspicious(environment: &BTreeMap<String, String>, known: &[&str]) -> Vec<String> {
    environment
        .keys()
        .filter(|name| name.starts_with("LANDFALL_") && !known.contains(&name.as_str()))
        .filter_map(|name| {
            let near = nearest(name, known.iter().copied())?;
            Some(format!("environment: {name} is not a setting; did you mean {near}?"))
        })
        .collect()
}

fn variables(
    environment: &BTreeMap<String, String>,
    project: &mut Settings,
    errors: &mut Vec<Error>,
) {
    for (name, key) in VARIABLES {
        // Set but empty means unset, as for every other variable of a shell.
        let Some(text) = environment.get(name).filter(|text| !text.is_empty()) else { continue };
        if let Some((key, shape)) = schema::find(schema::PROJECT, key) {
            put(project, key, shape, name, text, errors);
        }
    }
}

fn set_flag(
    flag: &Flag,
    tracked: &Draft,
    local: &Draft,
    named: &mut Draft,
    errors: &mut Vec<Error>,
) {
    let mut unknown = |what: &str, known: &[&'static str]| {
        let message = format!("unknown setting `{}`", flag.key);
        let error = Error::config("config/unknown-key", message).about(flag.name.clone());
        errors.push(error.hint(schema::advice(what, known)));
    };
    let (section, rest) = flag.key.split_once('.').unwrap_or(("project", &flag.key));
    let (keys, key, source): (Keys, &str, Option<&str>) = match section {
        "project" => (schema::PROJECT, rest, None),
        "sample" => (schema::SAMPLE, rest, None),
        "source" => match rest.split_once('.') {
            Some((source, key)) => (schema::SOURCE, key, Some(source)),
            None => return unknown(rest, &[]),
        },
        _ => return unknown(section, &schema::SECTIONS),
    };
    let Some((key, shape)) = schema::find(keys, key) else {
        let known: Vec<&'static str> = keys.iter().map(|(key, _)| *key).collect();
        return unknown(key, &known);
    };
    let settings = match (section, source) {
        ("sample", _) => named.sample.get_or_insert_default(),
        (_, Some(name)) => {
            let declared = tracked.sources.iter().chain(&local.sources).find(|s| s.name == name);
            let Some(declared) = declared else { return unknown(name, &[]) };
            if !named.sources.iter().any(|s| s.name == name) {
                let mut source = declared.clone();
                source.settings.clear();
                source.tables.clear();
                named.sources.push(source);
            }
            match named.sources.iter_mut().find(|s| s.name == name) {
                Some(source) => &mut source.settings,
                None => return,
            }
        }
        _ => &mut named.project,
    };
    put(settings, key, shape, &flag.name, &flag.value, errors);
}

fn put(
    settings: &mut Settings,
    key: &'static str,
    shape: Shape,
    name: &str,
    text: &str,
    errors: &mut Vec<Error>,
) {
    let value = match shape {
        Shape::Text => Some(Value::Text(text.to_string())),
        Shape::Integer => text.trim().parse().ok().map(Value::Integer),
        Shape::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Some(Value::Boolean(false)),
            _ => None,
        },
        // Lists have no spelling on a command line that everyone would guess.
        Shape::Texts => None,
    };
    match value {
        Some(value) => {
            let origin = Origin::Named(name.to_string());
            settings.insert(key, Found { value, origin });
        }
        None => errors.push(
            Error::config("config/wrong-type", format!("`{key}` must be {}", shape.words()))
                .about(name.to_string()),
        ),
    }
}
