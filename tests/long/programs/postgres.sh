# PostgreSQL: a cluster of its own as an unprivileged user, four writers at once, parallel workers, pgbench, a crash and its recovery.
# needs: /usr/lib/postgresql/15/bin/postgres setpriv
# timeout: 180
exec 2>&1
PATH=/usr/lib/postgresql/15/bin:$PATH
# The working folder may lie where only its owner may go.
cd "$(mktemp -d)" || exit 9
export HOME=$PWD PGUSER=joe PGDATABASE=postgres PGPORT=5433 PGHOST=$PWD/s
chmod 755 .
mkdir s db
as=()
[ "$(id -u)" = 0 ] && chown 65534:65534 s db && as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
q() { psql -XAtc "$1"; }
start() { "${as[@]}" pg_ctl -D db -w -l s/log -o "-k $PGHOST -c listen_addresses=127.0.0.1" start >/dev/null; echo "start $?"; }
"${as[@]}" initdb -A trust -D db -U joe >/dev/null && echo initdb
start
PGHOST=127.0.0.1 q 'select 1 + 1'
q 'create table t(a int primary key, b text); insert into t select i, md5(i::text) from generate_series(1, 20000) i'
q "select count(*), md5(string_agg(b, ',' order by a)) from t"
for i in 1 2 3 4; do q "begin; update t set b = b || '$i' where a % 4 = $i - 1; select pg_sleep(0.01); commit" >/dev/null & done
wait $(jobs -p)
q 'vacuum full t'
q "select sum(length(b)), md5(string_agg(b, ',' order by a)) from t"
q 'set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
  explain (costs off) select sum(a) from t; select sum(a) from t'
pgbench -i -q >/dev/null 2>&1
pgbench -n -c 4 -j 2 -t 50 2>/dev/null | grep processed
"${as[@]}" pg_ctl -D db -m immediate stop >/dev/null; echo "crash $?"
start
q 'select count(*) from pgbench_history'
q 'select count(*) from t'
"${as[@]}" pg_ctl -D db -m fast stop >/dev/null; echo "stop $?"
rm -rf "$PWD"
