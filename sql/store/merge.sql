{# Merges one landing partition into its store table; rendered from the table spec by src/merge.

   Read on Redshift and on the local engine byte for byte alike. What shapes it:
   - MERGE takes one WHEN MATCHED without a condition, so rows that change nothing must leave the
     stage before; they leave by DELETE, because its count is the `unchanged` of the row balance;
   - MERGE knows no WITH, no alias of its target, no qualified column on the left of SET;
   - every join is by equality on the key, and the store is read twice: DELETE, MERGE;
   - no row is unchanged beside an older version in the store: said as a conjunct of its own, it
     spares both engines the store's blocks that are older than the whole stage;
   - equality is spelled out, because Redshift has no IS DISTINCT FROM and `=` is blind to NULL;
     it ignores trailing blanks, as every comparison there: such a change is no change. #}
create schema if not exists {{ store_schema }};

create table if not exists {{ store }} (
{% for column in columns %}
    {{ column.name }} {{ column.type }}{{ " not null" if column.not_null }},
{% endfor %}
    {{ etl_created }} timestamp not null,
    {{ etl_updated }} timestamp not null,
    unique ({{ key | join(", ") }})
)
distkey ({{ key | first }})
sortkey ({{ key | join(", ") }});

-- the rows of this sequence, one for each key: the newest version wins
create temp table {{ stage }}
distkey ({{ key | first }})
as
select
{% for column in columns %}
    {{ column.name }}{{ "," if not loop.last }}
{% endfor %}
from (
    select
{% for column in columns %}
        {{ column.name }},
{% endfor %}
        row_number() over (
            partition by {{ key | join(", ") }}
            order by {{ winner | join(", ") }}
        ) as {{ rank }}
    from {{ landing }}
    where {{ sequence_column }} = {{ sequence }}
) as landed
where {{ rank }} = 1;

-- what the store has already, equal or newer, is left alone
delete from {{ stage }}
using {{ store }}
where {% for name in key %}{{ stage }}.{{ name }} = {{ store_table }}.{{ name }}{{ "\n  and " if not loop.last }}{% endfor %}

{% if values and version and version_known %}
  and {{ stage }}.{{ version }} <= {{ store_table }}.{{ version }}
{% endif %}
{% if values and version %}
  and ({{ stage }}.{{ version }} < {{ store_table }}.{{ version }} or (
{% elif values %}
  and (
{% endif %}
{% for column in values %}
{% set new = stage ~ "." ~ column.name %}
{% set old = store_table ~ "." ~ column.name %}
{% if column.not_null %}
    {{ "and " if not loop.first }}{{ new }} = {{ old }}
{% else %}
    {{ "and " if not loop.first }}({{ new }} = {{ old }} or ({{ new }} is null and {{ old }} is null))
{% endif %}
{% endfor %}
{% if values and version %}
  ))
{% elif values %}
  )
{% endif %}
;

merge into {{ store }}
using {{ stage }}
on {% for name in key %}{{ stage }}.{{ name }} = {{ store_table }}.{{ name }}{{ "\n  and " if not loop.last }}{% endfor %}

when matched then update set
{% for column in values %}
    {{ column.name }} = {{ stage }}.{{ column.name }},
{% endfor %}
    {{ etl_updated }} = sysdate
when not matched then insert (
{% for column in columns %}
    {{ column.name }},
{% endfor %}
    {{ etl_created }},
    {{ etl_updated }}
) values (
{% for column in columns %}
    {{ stage }}.{{ column.name }},
{% endfor %}
    sysdate,
    sysdate
);

drop table {{ stage }};
