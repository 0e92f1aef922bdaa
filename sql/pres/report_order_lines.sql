-- Order lines with their order, seller, supplier, customer and product
--
-- One row per order line that is in force: deleted lines and lines of deleted orders are left
-- out, and so is a line whose order has not arrived yet. What an order line refers to may be
-- missing or deleted at its source; the line stays, since it was sold.
create schema if not exists pres;

create table if not exists pres.report_order_lines (
    order_no varchar(16) not null,
    order_line_no varchar(4) not null,
    order_date date,
    product_code varchar(50),
    product_name varchar(100),
    product_default_price decimal(10,2),
    supplier_company_id varchar(46),
    supplier_company_name varchar(255),
    supplier_company_country varchar(100),
    seller_company_id varchar(46),
    seller_company_name varchar(255),
    seller_company_country varchar(100),
    customer_document_no varchar(8),
    customer_name varchar(100),
    customer_username varchar(50),
    customer_date_of_birth date,
    customer_country varchar(50),
    unit_price decimal(10,2),
    quantity integer,
    line_total decimal(20,4),
    order_total decimal(20,4)
)
diststyle key
distkey (order_no)
sortkey (order_date);

delete from pres.report_order_lines;

insert into pres.report_order_lines (
    order_no, order_line_no, order_date,
    product_code, product_name, product_default_price,
    supplier_company_id, supplier_company_name, supplier_company_country,
    seller_company_id, seller_company_name, seller_company_country,
    customer_document_no, customer_name, customer_username,
    customer_date_of_birth, customer_country,
    unit_price, quantity, line_total, order_total
)
select
    line.order_no, line.order_line_no, line.order_date,
    line.product_code, product.product_name, product.default_price,
    line.supplier_id, supplier.company_name, supplier.country,
    header.company_id, seller.company_name, seller.country,
    header.customer_document_no, customer.customer_full_name, customer.username,
    customer.date_of_birth, customer.country,
    line.unit_price, line.quantity, line.line_total, header.total
from store_mysql.order_lines as line
join store_mysql.order_headers as header
    on header.order_no = line.order_no
left join store_mysql.companies as supplier
    on supplier.company_id = line.supplier_id
left join store_mysql.companies as seller
    on seller.company_id = header.company_id
left join store_mysql.customers as customer
    on customer.customer_document_no = header.customer_document_no
left join store_mysql.products as product
    on product.product_code = line.product_code
where coalesce(line.is_deleted, false) = false
    and coalesce(header.is_deleted, false) = false;
