-- Ten best products by quantity and by amount in the country with most log requests in 2021
--
-- The country is where most requests of 2021 came from, requests of unknown country left out.
-- The products are those its customers ordered, at any time. Equals are told apart by name.
with country_requests as (
    select country, count(*) as requests
    from pres.report_weblog_access
    where country is not null
        and request_timestamp_converted >= timestamp '2021-01-01 00:00:00'
        and request_timestamp_converted < timestamp '2022-01-01 00:00:00'
    group by country
),
ranked_country as (
    select country, row_number() over (order by requests desc, country) as country_position
    from country_requests
),
product_sales as (
    select
        line.product_code,
        line.product_name,
        sum(line.quantity) as quantity,
        cast(sum(line.line_total) as decimal(38,4)) as amount
    from pres.report_order_lines as line
    join ranked_country as best
        on best.country = line.customer_country
    where best.country_position = 1
    group by line.product_code, line.product_name
),
ranked_product as (
    select
        product_code, product_name, quantity, amount,
        row_number() over (order by quantity desc, product_code) as quantity_position,
        row_number() over (order by amount desc, product_code) as amount_position
    from product_sales
)
select
    'quantity' as ranking,
    quantity_position as position,
    product_code as product,
    product_name,
    quantity,
    amount
from ranked_product
where quantity_position <= 10
union all
select
    'amount' as ranking,
    amount_position as position,
    product_code as product,
    product_name,
    quantity,
    amount
from ranked_product
where amount_position <= 10
order by ranking desc, position;
