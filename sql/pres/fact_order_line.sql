-- Order lines with the keys of their dimensions
--
-- What: what was sold, by whom, to whom and in which version of the product. Lines in force only:
-- deleted lines, lines of deleted orders and lines whose order has not arrived are not here.
-- Grain: one row per order line.
-- Keys: (order_no, order_line_no). Each foreign key is in its dimension; -1 stands for what is not.
--
-- Why everything is compared and only differences are written: a fact can change without its line.
-- A product or customer that arrives after its orders takes the place of -1, and a change of a
-- product seen today may be in force for lines loaded yesterday, so a window over new lines would
-- miss facts. DELETE and INSERT of all would be right as well, but it writes the whole table with
-- every run and loses when a fact was first written and last changed. Foreign keys are not
-- declared: they would keep a dimension from being made anew, after which facts find its new keys.
create schema if not exists pres;

create table if not exists pres.fact_order_line (
    order_no varchar(16) not null,
    order_line_no varchar(4) not null,
    order_date_key integer not null,
    seller_company_key bigint not null,
    supplier_key bigint not null,
    customer_key bigint not null,
    product_key bigint not null,
    unit_price decimal(10,2),
    quantity integer,
    line_total decimal(20,4),
    etl_created_datetime timestamp not null,
    etl_updated_datetime timestamp not null,
    primary key (order_no, order_line_no)
)
diststyle key
distkey (order_no)
sortkey (order_date_key);

delete from pres.fact_order_line
using store_mysql.order_lines, store_mysql.order_headers
where fact_order_line.order_no = order_lines.order_no
    and fact_order_line.order_line_no = order_lines.order_line_no
    and fact_order_line.order_no = order_headers.order_no
    and (order_lines.is_deleted or order_headers.is_deleted);

-- The version of a product is the one in force when the order date begins. A line without a date
-- takes its order's; one without any takes the current version, and a date before or after all
-- versions takes the first or the last, so that a known product always has exactly one.
create temp table changed_order_line
distkey (order_no)
as
select
    line.order_no,
    line.order_line_no,
    coalesce(order_day.date_key, -1) as order_date_key,
    coalesce(seller.company_key, -1) as seller_company_key,
    coalesce(supplier.supplier_key, -1) as supplier_key,
    coalesce(customer.customer_key, -1) as customer_key,
    coalesce(product.product_key, -1) as product_key,
    line.unit_price,
    line.quantity,
    line.line_total
from (
    select
        order_line.order_no, order_line.order_line_no, order_line.product_code,
        order_line.supplier_id, header.company_id, header.customer_document_no,
        order_line.unit_price, order_line.quantity, order_line.line_total,
        coalesce(order_line.order_date, header.order_date) as order_date,
        greatest(
            least(
                coalesce(order_line.order_date, header.order_date, date '9999-12-30'),
                date '9999-12-30'
            ),
            date '1900-01-01'
        ) as version_date
    from store_mysql.order_lines as order_line
    join store_mysql.order_headers as header
        on header.order_no = order_line.order_no
    where coalesce(order_line.is_deleted, false) = false
        and coalesce(header.is_deleted, false) = false
) as line
left join pres.dim_date as order_day
    on order_day.calendar_date = line.order_date
left join pres.dim_company as seller
    on seller.company_id = line.company_id
left join pres.dim_supplier as supplier
    on supplier.supplier_id = line.supplier_id
left join pres.dim_customer as customer
    on customer.customer_document_no = line.customer_document_no
left join pres.dim_product as product
    on product.product_code = line.product_code
    and line.version_date >= product.valid_from
    and line.version_date < product.valid_to
except
select
    order_no, order_line_no, order_date_key,
    seller_company_key, supplier_key, customer_key, product_key,
    unit_price, quantity, line_total
from pres.fact_order_line;

merge into pres.fact_order_line
using changed_order_line
on fact_order_line.order_no = changed_order_line.order_no
    and fact_order_line.order_line_no = changed_order_line.order_line_no
when matched then update set
    order_date_key = changed_order_line.order_date_key,
    seller_company_key = changed_order_line.seller_company_key,
    supplier_key = changed_order_line.supplier_key,
    customer_key = changed_order_line.customer_key,
    product_key = changed_order_line.product_key,
    unit_price = changed_order_line.unit_price,
    quantity = changed_order_line.quantity,
    line_total = changed_order_line.line_total,
    etl_updated_datetime = sysdate
when not matched then insert (
    order_no, order_line_no, order_date_key,
    seller_company_key, supplier_key, customer_key, product_key,
    unit_price, quantity, line_total, etl_created_datetime, etl_updated_datetime
) values (
    changed_order_line.order_no, changed_order_line.order_line_no,
    changed_order_line.order_date_key, changed_order_line.seller_company_key,
    changed_order_line.supplier_key, changed_order_line.customer_key,
    changed_order_line.product_key, changed_order_line.unit_price,
    changed_order_line.quantity, changed_order_line.line_total,
    sysdate, sysdate
);

drop table changed_order_line;
