-- Companies that supply products
--
-- What: the suppliers among pres.dim_company, under a name of their own, so that an order line can
-- be joined to its supplier and to its seller at once. Bound late: the table may be made anew.
-- Grain: one row per company that is a supplier.
-- Keys: supplier_key is the company_key of the company. Row -1 is the unknown supplier: also that
-- of order lines whose company is known, but not as a supplier.
create schema if not exists pres;

create or replace view pres.dim_supplier as
select
    company_key as supplier_key,
    company_id as supplier_id,
    company_name as supplier_name,
    country,
    is_deleted
from pres.dim_company
where is_supplier
with no schema binding;
