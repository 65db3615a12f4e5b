# needs: sqlite3
# timeout: 300
sqlite3 t.db <<'X'
create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x+1 from c where x<400000) insert into t select x, hex(x*x)||printf('%0120d',x) from c;
create index i on t(b);
select count(*), sum(length(b)) from t;
vacuum;
pragma integrity_check;
select b from t where a=77777;
pragma journal_mode=wal;
update t set b=b||1 where a%7=0;
select changes();
pragma wal_checkpoint(truncate);
X
stat -c %s t.db
for i in 1 2 3 4; do (sqlite3 -cmd '.timeout 60000' t.db "begin immediate; update t set b=b||$i where a<1000; commit; select 1") & done | wc -l
wait
sqlite3 t.db 'select sum(length(b)) from t; pragma integrity_check'
