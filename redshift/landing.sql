{# Makes one landing partition readable on Redshift through Spectrum; rendered by src/merge.

   None of it may run inside a transaction block: send each statement by itself. CREATE EXTERNAL
   TABLE has no IF NOT EXISTS: it is for the first time only. #}
create external schema if not exists {{ landing_schema }}
from data catalog database '{{ landing_schema }}'
iam_role default
create external database if not exists;

-- once: it fails where the table exists
{% if location is not startingwith("'s3://") %}
-- Redshift reads landing from s3:// only: set its URL in landfall.toml first
{% endif %}
create external table {{ landing }} (
{% for column in columns %}
    {{ column.name }} {{ column.external }}{{ "," if not loop.last }}
{% endfor %}
)
partitioned by ({{ sequence_column }} bigint)
stored as parquet
location {{ location }};

alter table {{ landing }} add if not exists
partition ({{ sequence_column }} = {{ sequence }})
location {{ partition_location }};
