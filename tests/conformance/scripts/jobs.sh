sleep 0.1 & p=$!; wait $p; echo "waited $?"
(exit 5) & wait $!; echo "status $?"
sh -c 'kill -TERM $$'; echo "TERM $?"
sh -c 'kill -KILL $$'; echo "KILL $?"
sh -c 'kill -SEGV $$' 2>/dev/null; echo "SEGV $?"
trap 'echo got USR1' USR1; kill -USR1 $$; echo after
trap 'echo exiting' EXIT
trap '' TERM; kill -TERM $$; echo survived
(trap 'echo sub exit' EXIT; echo in sub)
trap - TERM
sleep 5 & p=$!; until [ "$(cat /proc/$p/comm)" = sleep ]; do :; done; kill $p; wait $p; echo "killed $?"
for i in 1 2 3; do (sleep 0.0$i; echo "job $i" > job$i) & done; wait; cat job1 job2 job3
(sleep 0.05; kill -USR1 $$) & wait; echo "wait interrupted or not"; wait
(trap 'echo INT; exit 9' INT; kill -INT $(sh -c 'echo $PPID')); echo "int $?"
sh -c 'trap "echo t; exit 4" TERM; kill -TERM $$; sleep 1'; echo "trap exit $?"
mkfifo ff; (echo through fifo > ff) & cat ff; wait
sh -c 'sleep 0.05 & echo started; wait; echo done'
nohup echo nohup-ok 2>/dev/null
timeout 0.1 sleep 5; echo "timeout $?"
timeout -s KILL 0.1 sleep 5; echo "timeout kill $?"
set -e; false || true; echo "still here"
(set -e; false; echo never); echo "unreached natively too"
