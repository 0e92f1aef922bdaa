//! One source of a draft: a database or a web log, its place and its secrets. Reads none of them.

use std::path::PathBuf;

use url::Url;

use super::project::{Surroundings, path};
use super::reader::{Reader, Section, Text};
use super::settings::{DOTS, Found, SourceDraft, Value};
use super::{CountrySource, DatabaseSource, Secret, Source, WeblogSource};
use super::{schema, table, text, weblog};
use crate::error::{Error, Place};
use crate::tables::TableSpec;
use crate::types::SqlType;

/// Where a secret is read from, once everything else of the project is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretFrom {
    /// A file only its owner may read.
    File(PathBuf),
    /// A program and its arguments; its first line of output.
    Command(Vec<String>),
}

/// A secret of a source that is still to be read.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// Index of the source in the project.
    pub source: usize,
    pub from: SecretFrom,
    /// The setting, as the user wrote it.
    pub key: String,
    pub place: Option<Place>,
}

impl Pending {
    pub fn of(mut self, source: usize) -> Pending {
        self.source = source;
        self
    }
}

const COUNTRY_TABLE: &str = "data/countries.csv";
const IPINFO: &str = "https://ipinfo.io/";
const IPINFO_TOKEN: &str = "IPINFO_TOKEN";

/// The source, and its secret if that is still to be read; `None` after a mistake.
pub(super) fn resolve(
    reader: &mut Reader<'_>,
    draft: &SourceDraft,
    around: &Surroundings<'_>,
) -> Option<(Source, Option<Pending>)> {
    let section = Section {
        name: format!("source.{}", draft.name),
        settings: &draft.settings,
        place: Some(draft.place.clone()),
    };
    if !text::is_name(&draft.name) {
        let message = format!("source name `{}` is not lower snake case", draft.name);
        let hint = format!("call it `{}`", text::to_name(&draft.name));
        reader
            .errors
            .push(Error::config("config/name", message).at(draft.place.clone()).hint(hint));
    }
    match (draft.settings.contains_key("url"), draft.settings.contains_key("files")) {
        (true, false) => {
            refuse(reader, &section, "a database", |key| schema::WEBLOG_ONLY.contains(&key));
            let (source, pending) = database(reader, &section, draft, around);
            source.map(|source| (Source::Database(source), pending))
        }
        (false, true) => {
            refuse(reader, &section, "a web log", |key| !schema::WEBLOG_ONLY.contains(&key));
            let (source, pending) = web_log(reader, &section, draft, around);
            source.map(|source| (Source::Weblog(source), pending))
        }
        (both, _) => {
            let what = if both { "`url` or `files`, not both" } else { "`url` or `files`" };
            reader.missing(&section, what, "`url` makes it a database, `files` a web log");
            // Its tables are checked all the same, so that one pass tells everything.
            table::resolve_all(reader, draft);
            None
        }
    }
}

/// Refuses the keys that belong to the other kind of source.
fn refuse(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    kind: &str,
    wrong: impl Fn(&str) -> bool,
) {
    for (key, found) in section.settings.iter().filter(|(key, _)| wrong(key)) {
        let message = format!("`{key}` is not a setting of {kind}");
        reader.errors.push(found.error("config/unknown-key", message));
    }
}

fn database(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    draft: &SourceDraft,
    around: &Surroundings<'_>,
) -> (Option<DatabaseSource>, Option<Pending>) {
    let address = reader.text(section, "url").and_then(|text| url(reader, &text));
    let timezone = reader.text(section, "timezone").and_then(|text| {
        let zone = text.as_str().parse::<chrono_tz::Tz>();
        if zone.is_err() {
            let message = format!("there is no time zone `{}`", text.as_str());
            let hint = "write UTC or an IANA name such as Europe/Berlin";
            reader.errors.push(text.error("config/timezone", message).hint(hint));
        }
        zone.ok()
    });
    let lag = reader.measure(
        section,
        "lag",
        text::parse_duration,
        0..=86_400,
        "120s",
        "a time of 0s to 1d",
    );
    let tls_off = tls_off(reader, section, "tls");
    let in_url = address.as_ref().is_some_and(|(_, password)| password.is_some());
    let (secret, pending) = secret(reader, section, around, &PASSWORD, in_url);
    let tables = table::resolve_all(reader, draft);
    if draft.tables.is_empty() {
        reader.errors.push(
            Error::config("config/no-tables", format!("[{}] has no tables", section.name))
                .at(draft.place.clone())
                .hint("`landfall discover` proposes [[source.NAME.table]] from the database"),
        );
    }
    if !section.settings.contains_key("timezone") {
        default_timezone(reader, section, &tables);
    }
    let source = address.map(|(url, password)| DatabaseSource {
        name: draft.name.clone(),
        url,
        password: password.or(secret),
        timezone: timezone.unwrap_or(chrono_tz::UTC),
        lag_seconds: u32::try_from(lag).unwrap_or(u32::MAX),
        tls_off,
        tables,
    });
    (source, pending)
}

/// Whether a setting switches TLS off: `verify` or `off`.
pub(super) fn tls_off(reader: &mut Reader<'_>, section: &Section<'_>, key: &'static str) -> bool {
    match reader.text(section, key) {
        None => false,
        Some(text) if text.as_str() == "off" => true,
        Some(text) if text.as_str() == "verify" => false,
        Some(text) => {
            let message = format!("`{key}` must be `verify` or `off`, not `{}`", text.as_str());
            reader.errors.push(text.error("config/range", message));
            false
        }
    }
}

/// UTC, unless a window would be cut by timestamps whose zone nobody has named.
fn default_timezone(reader: &mut Reader<'_>, section: &Section<'_>, tables: &[TableSpec]) {
    let naive = |table: &&TableSpec| {
        let watermark = table.watermark().and_then(|name| table.column(name));
        // A timestamptz names its own zone.
        watermark.is_some_and(|column| column.ty == SqlType::Timestamp)
    };
    match tables.iter().find(naive) {
        Some(table) => reader.missing(
            section,
            &format!("`timezone`, since `{}` is incremental", table.name),
            "write the zone of the database's timestamps: timezone = \"UTC\"",
        ),
        None => reader.default(section, "timezone", "UTC"),
    }
}

/// The address of a database without its password, and the password if variables gave it.
fn url(reader: &mut Reader<'_>, text: &Text<'_>) -> Option<(Url, Option<Secret>)> {
    match read_url(reader, text) {
        Ok(found) => Some(found),
        Err((code, why)) => {
            let hint = match code {
                "config/secret" => "use password_env, password_file or password_command",
                _ => {
                    "write sqlite:path/to/file, mysql://user@host/database or \
                     postgres://user@host/database"
                }
            };
            reader.errors.push(text.error(code, why).hint(hint));
            None
        }
    }
}

/// A code and what is wrong.
pub(super) type UrlMistake = (&'static str, String);

/// Mistakes never quote the address, which may hold a password.
fn read_url(reader: &Reader<'_>, text: &Text<'_>) -> Result<(Url, Option<Secret>), UrlMistake> {
    let bad = |why: &str| ("config/url", format!("`url` {why}"));
    if let Some(file) = text.as_str().strip_prefix("sqlite:") {
        let file = file.strip_prefix("//").unwrap_or(file);
        if file.contains('?') || file.contains(":memory:") {
            return Err(bad("names no file: sqlite takes a path and no options"));
        }
        let path = text::resolve_path(reader.root, file).map_err(bad)?;
        let path = Url::from_file_path(path).map_err(|()| bad("is not a path"))?;
        let url = Url::parse(&format!("sqlite://{}", path.path()));
        return url.map(|url| (url, None)).map_err(|_| bad("is not a path"));
    }
    read_server(text, "url", "tls")
}

/// The address of a server in the setting `key`, as [`read_url`] gives it; `tls` is the setting
/// beside it that says how safe the way there is.
pub(super) fn read_server(
    text: &Text<'_>,
    key: &str,
    tls: &str,
) -> Result<(Url, Option<Secret>), UrlMistake> {
    let bad = |why: &str| ("config/url", format!("`{key}` {why}"));
    let secret = || ("config/secret", format!("`{key}` holds a password"));
    let mut url =
        Url::parse(text.as_str()).map_err(|cause| bad(&format!("is not one: {cause}")))?;
    let scheme = match url.scheme() {
        "mysql" | "mariadb" => "mysql",
        "postgres" | "postgresql" => "postgres",
        other => return Err(bad(&format!("has the scheme `{other}`, which is no database"))),
    };
    if url.host_str().unwrap_or_default().is_empty() || url.path().len() < 2 {
        return Err(bad("names no host and database"));
    }
    if url.query_pairs().any(|(key, _)| key.eq_ignore_ascii_case("password")) {
        return Err(secret());
    }
    if let Some((name, _)) =
        url.query_pairs().find(|(k, _)| matches!(&**k, "sslmode" | "ssl-mode" | "ssl_mode"))
    {
        return Err(bad(&format!("sets `{name}`; that is what the setting `{tls}` is for")));
    }
    let password = match url.password().filter(|p| !p.is_empty()) {
        None => None,
        Some(_) if !password_is_filled(text) => {
            return Err(secret());
        }
        Some(password) => {
            let plain = text::percent_decode(password);
            Some(plain.ok_or_else(|| bad("has a password with broken % escapes"))?)
        }
    };
    url.set_password(None).map_err(|()| bad("cannot hold a user"))?;
    if scheme != url.scheme() {
        url.set_scheme(scheme).map_err(|()| bad("has an unknown scheme"))?;
    }
    Ok((url, password.map(Secret::new)))
}

/// True when the password of a URL came from variables to the last byte.
fn password_is_filled(text: &Text<'_>) -> bool {
    let all = text.as_str();
    let start = all.find("://").map_or(0, |at| at + 3);
    let end = all[start..].find(['/', '?', '#']).map_or(all.len(), |at| start + at);
    let Some(end) = all[start..end].rfind('@').map(|at| start + at) else { return false };
    let Some(colon) = all[start..end].find(':').map(|at| start + at) else { return false };
    text.expanded.is_filled(colon + 1..end)
}

fn web_log(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    draft: &SourceDraft,
    around: &Surroundings<'_>,
) -> (Option<WeblogSource>, Option<Pending>) {
    let files = reader.texts(section, "files").unwrap_or_default();
    if let Some(found) = section.settings.get("files").filter(|_| files.is_empty()) {
        let message = "`files` names no file";
        let hint = "write a path or a glob: files = [\"data/access.log*\"]";
        reader.errors.push(found.error("config/files", message).hint(hint));
    }
    for (file, place) in &files {
        if let Err(why) = text::resolve_path(reader.root, file) {
            let message = format!("a path of `files` {why}");
            reader.errors.push(Error::config("config/path", message).at(place.clone()));
        }
    }
    for table in &draft.tables {
        let message = "a web log has one table of its own, `access`";
        let hint = "remove this table; `files` is all a web log needs";
        let error = Error::config("config/weblog-table", message);
        reader.errors.push(error.at(table.place.clone()).hint(hint));
    }
    let formats = reader.texts(section, "formats").unwrap_or_default();
    let (formats, format_places) = formats.into_iter().unzip();
    let require_files = reader.boolean(section, "require_files", true);
    let (secret, pending) = secret(reader, section, around, &TOKEN, false);
    let country = country(reader, section, secret);
    let devices = weblog::devices(reader, section);
    let extra = weblog::extra(reader, section);
    let mut spec = weblog::access_spec(&draft.name, draft.place.clone());
    weblog::add_extra(&mut spec, &extra);
    for (name, layer) in [(&spec.landing, "landing"), (&spec.store, "store")] {
        reader.targets.push(table::Target {
            name: name.clone(),
            layer,
            table: format!("{}.{}", spec.source, spec.name),
            place: spec.place.clone(),
        });
    }
    let source = country.map(|country| WeblogSource {
        name: draft.name.clone(),
        files: files.into_iter().map(|(file, _)| file).collect(),
        country,
        formats,
        format_places,
        devices,
        extra,
        require_files,
        table: spec,
    });
    (source, pending)
}

/// `table`, `table:path`, `mmdb:path` or `ipinfo`.
fn country(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    token: Option<Secret>,
) -> Option<CountrySource> {
    if !section.settings.contains_key("country") {
        reader.default(section, "country", format!("table:{COUNTRY_TABLE}"));
        return Some(CountrySource::Table(reader.root.join(COUNTRY_TABLE)));
    }
    let text = reader.text(section, "country")?;
    let (kind, file) = text.as_str().split_once(':').unwrap_or((text.as_str(), ""));
    if matches!(kind, "table" | "mmdb") && !file.is_empty() {
        let mut inner = text.clone();
        inner.expanded.text = file.to_string();
        let path = path(reader, "country", &inner, text::resolve_path)?;
        return Some(match kind {
            "table" => CountrySource::Table(path),
            _ => CountrySource::Mmdb(path),
        });
    }
    match text.as_str() {
        "table" => Some(CountrySource::Table(reader.root.join(COUNTRY_TABLE))),
        "ipinfo" => {
            let url = ipinfo(reader, section)?;
            let from_environment = reader.environment.get(IPINFO_TOKEN).cloned().map(Secret::new);
            Some(CountrySource::Ipinfo { url, token: token.or(from_environment) })
        }
        other => {
            let message = format!("`country` cannot be `{other}`");
            let hint = "write \"table\", \"table:path.csv\", \"mmdb:path.mmdb\" or \"ipinfo\"";
            reader.errors.push(text.error("config/country", message).hint(hint));
            None
        }
    }
}

fn ipinfo(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Url> {
    let Some(text) = reader.text(section, "ipinfo_url") else {
        reader.default(section, "ipinfo_url", IPINFO);
        return Url::parse(IPINFO).ok();
    };
    let url = Url::parse(text.as_str()).ok().filter(|url| {
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        // The token goes with every request.
        url.username().is_empty()
            && url.password().is_none()
            && (url.scheme() == "https" || url.scheme() == "http" && loopback)
    });
    if url.is_none() {
        let message = "`ipinfo_url` is not an https:// address without credentials";
        reader.errors.push(text.error("config/url", message));
    }
    url
}

/// The keys of a secret: written out, by variable, by file, by command.
struct SecretKeys([&'static str; 4]);

const PASSWORD: SecretKeys =
    SecretKeys(["password", "password_env", "password_file", "password_command"]);
const TOKEN: SecretKeys = SecretKeys(["token", "token_env", "token_file", "token_command"]);

/// The secret if it is at hand, or what is to be read for it.
fn secret(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    around: &Surroundings<'_>,
    keys: &SecretKeys,
    in_url: bool,
) -> (Option<Secret>, Option<Pending>) {
    let given: Vec<(&'static str, &Found)> =
        keys.0.iter().filter_map(|key| Some((*key, section.settings.get(key)?))).collect();
    let [literal, _, file, _] = keys.0;
    let Some((key, found)) = given.first().copied() else { return (None, None) };
    if given.len() > 1 || in_url {
        let names: Vec<String> = given.iter().map(|(key, _)| format!("`{key}`")).collect();
        let also = if in_url { " and a password in `url`" } else { "" };
        let message = format!("{}{also} are set: one is enough", names.join(" and "));
        reader.errors.push(found.error("config/secret", message));
    }
    if key == literal {
        reader.hidden(section, key);
        return (written_out(reader, found, keys, around.local_is_private), None);
    }
    if let Value::Texts(_) = &found.value {
        let origin = found.origin.to_string();
        let program = reader.texts(section, key).unwrap_or_default();
        let argv: Vec<String> = program.into_iter().map(|(word, _)| word).collect();
        if let Some(note) = reader.origins.last_mut().filter(|note| note.origin == origin) {
            // Arguments may name more than they should; the program is enough to recognise it.
            note.value = argv.iter().take(1).cloned().collect::<Vec<_>>().join("") + " " + DOTS;
        }
        if argv.first().is_none_or(|program| program.is_empty()) {
            reader.errors.push(found.error("config/secret", format!("`{key}` names no program")));
            return (None, None);
        }
        return (None, Some(pending(key, found, SecretFrom::Command(argv))));
    }
    let Some(text) = reader.text(section, key) else { return (None, None) };
    if key == file {
        let Some(path) = path(reader, key, &text, text::resolve_path) else { return (None, None) };
        return (None, Some(pending(key, found, SecretFrom::File(path))));
    }
    (from_variable(reader, &text, key, around.read_secrets), None)
}

fn pending(key: &str, found: &Found, from: SecretFrom) -> Pending {
    Pending { source: 0, from, key: key.to_string(), place: found.place().cloned() }
}

/// A secret written out: only in the file that is not committed, and only if that is private.
fn written_out(
    reader: &mut Reader<'_>,
    found: &Found,
    keys: &SecretKeys,
    local_is_private: bool,
) -> Option<Secret> {
    let [literal, variable, file, command] = keys.0;
    let problem = if found.in_tracked_file() {
        Some((format!("`{literal}` stands in a file that is shared"), None))
    } else if found.place().is_none() {
        Some((format!("`{literal}` stands on the command line, where everyone sees it"), None))
    } else if !local_is_private {
        let fix = "chmod 600 landfall.local.toml";
        Some((format!("`{literal}` stands in a file that others may read"), Some(fix)))
    } else {
        None
    };
    if let Some((message, fix)) = problem {
        let hint = match fix {
            Some(fix) => fix.to_string(),
            None => format!("use {variable}, {file} or {command}"),
        };
        reader.errors.push(found.error("config/secret", message).hint(hint));
        return None;
    }
    reader.expand(found).map(|text| Secret::new(text.as_str()))
}

fn from_variable(
    reader: &mut Reader<'_>,
    text: &Text<'_>,
    key: &str,
    read_secrets: bool,
) -> Option<Secret> {
    let name = text.as_str();
    if !text::is_variable(name) {
        // The value itself is often put here by mistake, so it is not repeated.
        let message = format!("`{key}` must be the name of an environment variable");
        reader.errors.push(text.error("config/variable", message));
        return None;
    }
    if !read_secrets {
        return None;
    }
    match reader.environment.get(name).filter(|value| !value.is_empty()) {
        Some(value) => Some(Secret::new(value.clone())),
        None => {
            let message = format!("the environment variable {name} is not set");
            let hint = format!("`{key}` reads the secret from it; set {name}");
            reader.errors.push(text.error("config/variable", message).hint(hint));
            None
        }
    }
}
