-- Web requests with the customer who made them
--
-- One row per line of the access log. A request has an issue when it failed, when its status is
-- missing, or when its timestamp could not be read (then it is 1900-01-01 00:00:00).
create schema if not exists pres;

create table if not exists pres.report_weblog_access (
    file_id varchar(64) not null,
    line_offset bigint not null,
    ip_address varchar(255),
    username varchar(255),
    customer_document_no varchar(8),
    customer_name varchar(100),
    customer_date_of_birth date,
    customer_country varchar(50),
    request_timestamp varchar(64),
    request_timestamp_converted timestamp,
    request_line varchar(65535),
    status_code smallint,
    bytes_sent bigint,
    referer varchar(65535),
    user_agent varchar(65535),
    device varchar(16),
    country varchar(2),
    has_issue boolean
)
diststyle even
sortkey (request_timestamp_converted);

delete from pres.report_weblog_access;

insert into pres.report_weblog_access (
    file_id, line_offset, ip_address, username,
    customer_document_no, customer_name, customer_date_of_birth, customer_country,
    request_timestamp, request_timestamp_converted, request_line,
    status_code, bytes_sent, referer, user_agent,
    device, country, has_issue
)
select
    access.file_id, access.line_offset, access.ip_address, access.username,
    customer.customer_document_no, customer.customer_full_name,
    customer.date_of_birth, customer.country,
    access.request_timestamp, access.request_timestamp_converted, access.request_line,
    access.status_code, access.bytes_sent, access.referer, access.user_agent,
    access.device, access.country,
    case
        when access.status_code is null then true
        when access.status_code >= 400 then true
        when access.request_timestamp_converted is null then true
        when access.request_timestamp_converted = timestamp '1900-01-01 00:00:00' then true
        else false
    end
from store_weblog.access as access
left join (
    -- A username may belong to several customers: the first one in force is taken, so that no
    -- request becomes two rows.
    select
        numbered.customer_document_no, numbered.customer_full_name, numbered.username,
        numbered.date_of_birth, numbered.country
    from (
        select
            customer_document_no, customer_full_name, username, date_of_birth, country,
            row_number() over (
                partition by username
                order by case when is_deleted then 1 else 0 end, customer_document_no
            ) as username_position
        from store_mysql.customers
    ) as numbered
    where numbered.username_position = 1
) as customer
    on customer.username = access.username;
