//! The SQL that ships inside the binary, and how a file is cut into statements. Pure.

/// A name as Redshift reads it back: quoted only where it must be.
pub fn quote_identifier(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A text as a literal; a backslash is an escape on Redshift and is doubled.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Reserved words (r_pg_keywords), in lower case.
const RESERVED: &[&str] = &[
    "aes128", "aes256", "all", "allowoverwrite", "analyse", "analyze", "and", "any", "array", "as",
    "asc", "authorization", "az64", "backup", "between", "binary", "blanksasnull", "both",
    "bytedict", "bzip2", "case", "cast", "check", "collate", "column", "connect", "constraint",
    "create", "credentials", "cross", "current_date", "current_time", "current_timestamp",
    "current_user", "current_user_id", "default", "deferrable", "deflate", "defrag", "delta",
    "delta32k", "desc", "disable", "distinct", "do", "else", "emptyasnull", "enable", "encode",
    "encrypt", "encryption", "end", "except", "explicit", "false", "for", "foreign", "freeze",
    "from", "full", "globaldict256", "globaldict64k", "grant", "group", "gzip", "having",
    "identity", "ignore", "ilike", "in", "initially", "inner", "intersect", "interval", "into",
    "is", "isnull", "join", "language", "leading", "left", "like", "limit", "localtime",
    "localtimestamp", "lun", "luns", "lzo", "lzop", "minus", "mostly16", "mostly32", "mostly8",
    "natural", "new", "not", "notnull", "null", "nulls", "off", "offline", "offset", "oid", "old",
    "on", "only", "open", "or", "order", "outer", "overlaps", "parallel", "partition", "percent",
    "permissions", "pivot", "placing", "primary", "raw", "readratio", "recover", "references",
    "rejectlog", "resort", "respect", "restore", "right", "select", "session_user", "similar",
    "snapshot", "some", "start", "sysdate", "system", "table", "tag", "tdes", "text255", "text32k",
    "then", "timestamp", "to", "top", "trailing", "true", "truncatecolumns", "union", "unique",
    "unnest", "unpivot", "user", "using", "verbose", "wallet", "when", "where", "with", "without",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        for (name, quoted) in [
            ("order_lines", "order_lines"),
            ("order", "\"order\""),
            ("a b", "\"a b\""),
            ("1a", "\"1a\""),
            ("say\"so", "\"say\"\"so\""),
            ("", "\"\""),
        ] {
            assert_eq!(quote_identifier(name), quoted);
        }
    }

    #[test]
    fn literals_keep_quotes_and_backslashes() {
        assert_eq!(quote_literal("it's a \\"), "'it''s a \\\\'");
    }
}
