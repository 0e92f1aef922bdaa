-- Top 5 devices of 2021 by requests
select device, count(*) as requests
from pres.report_weblog_access
where request_timestamp_converted >= timestamp '2021-01-01 00:00:00'
    and request_timestamp_converted < timestamp '2022-01-01 00:00:00'
group by device
order by requests desc, device
limit 5;
