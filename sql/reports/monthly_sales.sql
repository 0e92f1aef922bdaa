-- Monthly sales of 2021
select
    cast(date_trunc('month', order_date) as date) as order_month,
    count(distinct order_no) as orders,
    count(*) as order_lines,
    sum(quantity) as quantity,
    cast(sum(line_total) as decimal(38,4)) as amount
from pres.report_order_lines
where order_date >= date '2021-01-01'
    and order_date < date '2022-01-01'
group by cast(date_trunc('month', order_date) as date)
order by order_month;
