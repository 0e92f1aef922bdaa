-- Days of 2010 to 2030
--
-- What: the calendar. Days that are there are never touched: once complete, nothing is written.
-- Grain: one row per day from 2010-01-01 to 2030-12-31.
-- Keys: date_key is the day as yyyymmdd; unlike other keys it has a meaning, so that it is the same
-- everywhere and a fact can be pruned by it without a join. Row -1 is the day of what has none, or
-- one outside these years.
create schema if not exists pres;

create table if not exists pres.dim_date (
    date_key integer not null,
    calendar_date date,
    year_number smallint,
    quarter_number smallint,
    month_number smallint,
    month_name varchar(9),
    day_of_month smallint,
    day_of_year smallint,
    iso_week_number smallint,
    iso_weekday_number smallint,
    weekday_name varchar(9),
    is_weekend boolean,
    first_day_of_month date,
    last_day_of_month date,
    primary key (date_key),
    unique (calendar_date)
)
diststyle all
sortkey (date_key);

insert into pres.dim_date (date_key)
select -1
where not exists (select 1 from pres.dim_date where date_key = -1);

-- Days are counted by four decimal digits, so the recursion is ten steps deep instead of 7,670. It
-- does not even begin when all days are there.
insert into pres.dim_date (
    date_key, calendar_date, year_number, quarter_number, month_number, month_name,
    day_of_month, day_of_year, iso_week_number, iso_weekday_number, weekday_name, is_weekend,
    first_day_of_month, last_day_of_month
)
with recursive digit (n) as (
    select 0 as n
    from (select count(calendar_date) as days from pres.dim_date) as present
    where present.days < datediff(day, date '2010-01-01', date '2031-01-01')
    union all
    select n + 1
    from digit
    where n < 9
),
counted_day (calendar_date) as (
    select cast(dateadd(
        day, 1000 * thousands.n + 100 * hundreds.n + 10 * tens.n + ones.n, date '2010-01-01'
    ) as date)
    from digit as thousands
    cross join digit as hundreds
    cross join digit as tens
    cross join digit as ones
),
missing_day (calendar_date) as (
    select counted_day.calendar_date
    from counted_day
    left join pres.dim_date as present_day
        on present_day.calendar_date = counted_day.calendar_date
    where counted_day.calendar_date <= date '2030-12-31'
        and present_day.calendar_date is null
),
part as (
    select
        calendar_date,
        extract(year from calendar_date) as year_number,
        extract(quarter from calendar_date) as quarter_number,
        extract(month from calendar_date) as month_number,
        extract(day from calendar_date) as day_of_month,
        extract(doy from calendar_date) as day_of_year,
        extract(week from calendar_date) as iso_week_number,
        -- dow counts from Sunday, 0, to Saturday, 6
        extract(dow from calendar_date) as day_of_week
    from missing_day
)
select
    year_number * 10000 + month_number * 100 + day_of_month,
    calendar_date, year_number, quarter_number, month_number,
    case month_number
        when 1 then 'January' when 2 then 'February' when 3 then 'March'
        when 4 then 'April' when 5 then 'May' when 6 then 'June'
        when 7 then 'July' when 8 then 'August' when 9 then 'September'
        when 10 then 'October' when 11 then 'November' else 'December'
    end,
    day_of_month, day_of_year, iso_week_number,
    case day_of_week when 0 then 7 else day_of_week end,
    case day_of_week
        when 0 then 'Sunday' when 1 then 'Monday' when 2 then 'Tuesday'
        when 3 then 'Wednesday' when 4 then 'Thursday' when 5 then 'Friday' else 'Saturday'
    end,
    case when day_of_week in (0, 6) then true else false end,
    cast(date_trunc('month', calendar_date) as date),
    last_day(calendar_date)
from part;
