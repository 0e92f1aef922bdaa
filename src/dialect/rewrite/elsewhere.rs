//! Functions that Redshift has and the local engine does not run, each with the reason or the way round. It approximates none.

const SUPER: &str = "there is no SUPER locally; use the JSON functions on text \
                     (JSON_EXTRACT_PATH_TEXT, JSON_EXTRACT_ARRAY_ELEMENT_TEXT, JSON_ARRAY_LENGTH)";
const SKETCH: &str = "there is no HLLSKETCH locally; use COUNT(DISTINCT ...)";
const SPATIAL: &str = "there is no GEOMETRY locally; run it on Redshift";
const CATALOG: &str = "the local warehouse has one user and no system catalog; run it on Redshift";
const HASH: &str = "the manual does not say enough of its values; use FNV_HASH, MD5 or SHA2";

const NAMES: &[(&str, &[&str])] = &[
    (
        SUPER,
        &[
            "array",
            "array_concat",
            "array_contains",
            "array_distinct",
            "array_except",
            "array_flatten",
            "array_intersection",
            "array_position",
            "array_positions",
            "array_sort",
            "array_union",
            "arrays_overlap",
            "get_array_length",
            "get_number_attributes",
            "is_array",
            "is_bigint",
            "is_boolean",
            "is_char",
            "is_decimal",
            "is_float",
            "is_integer",
            "is_object",
            "is_scalar",
            "is_smallint",
            "is_varchar",
            "json_parse",
            "json_serialize",
            "json_serialize_to_varbyte",
            "json_size",
            "json_typeof",
            "lower_attribute_names",
            "object",
            "object_transform",
            "split_to_array",
            "subarray",
            "upper_attribute_names",
            "dict",
        ],
    ),
    (
        SKETCH,
        &["hll", "hll_create_sketch", "hll_cardinality", "hll_combine", "hll_combine_sketches"],
    ),
    (
        CATALOG,
        &[
            "change_query_priority",
            "change_session_priority",
            "change_user_priority",
            "current_aws_account",
            "current_namespace",
            "current_schemas",
            "current_session_arn",
            "current_setting",
            "default_iam_role",
            "get_ddl",
            "has_assumerole_privilege",
            "has_database_privilege",
            "has_schema_privilege",
            "has_table_privilege",
            "last_user_query_id",
            "pg_cancel_backend",
            "pg_get_cols",
            "pg_get_grantee_by_iam_role",
            "pg_get_iam_role_by_user",
            "pg_get_late_binding_view_cols",
            "pg_get_session_roles",
            "pg_get_viewdef",
            "pg_last_copy_count",
            "pg_last_copy_id",
            "pg_last_query_id",
            "pg_last_unload_count",
            "pg_last_unload_id",
            "pg_terminate_backend",
            "pg_timezone_abbrevs",
            "pg_timezone_names",
            "role_is_member_of",
            "set_config",
            "slice_num",
            "user_is_member_of",
        ],
    ),
    (HASH, &["checksum", "farmfingerprint64", "murmur3_32_hash"]),
    ("write CURRENT_DATE, or GETDATE()::time for a time without zone", &["current_time"]),
    ("use DATEDIFF or MONTHS_BETWEEN (Date_functions_header)", &["age", "isfinite"]),
    ("TIMETZ is not kept locally; use TIME", &["time_cmp", "timetz_cmp"]),
    (
        "it is of the leader node only and deprecated",
        &["get_byte", "set_bit", "set_byte", "to_ascii"],
    ),
    ("it runs on Redshift's machine learning", &["explain_model", "ai_generate"]),
];

/// Why a function of Redshift does not run here; `None` for any other name.
pub fn why(name: &str) -> Option<&'static str> {
    let listed = NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(why, _)| *why);
    let spatial = name.starts_with("st_") || name.starts_with("h3_") || name == "geometrytype";
    listed.or(spatial.then_some(SPATIAL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::rewrite::table::find;

    #[test]
    fn a_function_that_runs_is_not_refused() {
        for (_, names) in NAMES {
            for name in *names {
                assert!(find(name).is_none(), "{name} runs");
            }
        }
        assert!(why("st_area").is_some() && why("upper").is_none());
    }
}
