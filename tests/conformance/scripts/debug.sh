# strace and gdb of a program: addresses, process ids and the words of the tools' own versions taken out.
set -u
gcc -g -O0 -fno-stack-protector -pthread -o debugged scripts/debugged.c || exit 1
normalise() { sed -E 's/0x[0-9a-f]+/ADDR/g; s/\b(process|Thread|LWP|pid) [0-9]+/\1 N/g; s/\(LWP [0-9]+\)/(LWP N)/; /libthread_db|debuginfod|^warning|^\[(New|Switching|Thread|Detaching|Inferior)/d; s/[0-9a-zA-Z_.\/-]*(nptl|sysdeps|signal)\/[^ ]*/LIBC/g' | tr -s ' '; }

echo '== strace'
strace -f -qq -e trace=execve,openat,exit_group,kill,tgkill,rt_sigaction -o trace ./debugged child
first=$(awk 'NR == 1 {print $1}' trace)
awk -v first="$first" '{sub($1, $1 == first ? "P" : "C"); print}' trace | grep -v -e SIGRT -e '<unfinished' -e 'resumed>' |
  sed -E 's/(tgkill\()[0-9]+, [0-9]+/\1N, N/; s/si_pid=[0-9]+/si_pid=N/; s/si_uid=[0-9]+/si_uid=N/; s/= [0-9]{2,}$/= N/; s/wait4\([0-9]+/wait4(N/; s/ADDR|0x[0-9a-f]+/ADDR/g; s/\/\* [0-9]+ vars \*\//VARS/; s/si_[us]time=[0-9]+/time/g' | tr -s ' ' | sort | uniq -c
echo '== strace of what does not exist'
strace -o trace ./nothing; echo "exit $?"
echo '== strace -c'
strace -c -o trace -e trace=openat ./debugged >/dev/null; awk '/openat/ {print "openat", $4}' trace
echo '== strace, injected'
strace -qq -o trace -e trace=none -e inject=getppid:retval=77 sh -c 'exit 3'; echo "exit $?"

echo '== gdb'
gdb -q -batch -nx \
  -ex 'set pagination off' -ex 'set startup-with-shell off' -ex 'break add' -ex 'run' -ex 'bt' -ex 'print *p' -ex 'print k' -ex 'next' -ex 'print p->x' \
  -ex 'finish' -ex 'continue' -ex 'up' -ex 'info locals' -ex 'down' -ex 'set var p->x = 100' -ex 'delete' -ex 'handle SIGUSR1 stop print' -ex 'continue' \
  -ex 'break onSignal' -ex 'continue' -ex 'print number' -ex 'finish' -ex 'break depth if n == 0' -ex 'continue' -ex 'bt' -ex 'info threads' \
  -ex 'thread apply all -q frame function thread' -ex 'print depth(4)' -ex 'print $_siginfo.si_signo' -ex 'delete' -ex 'continue' ./debugged 2>&1 | normalise
echo '== gdb: steps, registers, memory'
gdb -q -batch -nx -ex 'set startup-with-shell off' -ex 'break add' -ex 'run' -ex 'stepi' -ex 'stepi' -ex 'print $eflags & 0x100' -ex 'print $cs' -ex 'x/s p->name' -ex 'print $st0' \
  -ex 'set $rax = 5' -ex 'print $rax' -ex 'set can-use-hw-watchpoints 0' -ex 'watch p->y' -ex 'continue' -ex 'continue' -ex 'kill' ./debugged 2>&1 | normalise
echo '== gdb: a child, a crash'
gdb -q -batch -nx -ex 'set startup-with-shell off' -ex 'set follow-fork-mode child' -ex 'catch fork' -ex 'run child' -ex 'delete' -ex 'continue' ./debugged 2>&1 | normalise
gdb -q -batch -nx -ex 'set startup-with-shell off' -ex 'run child abort' -ex 'bt -1' -ex 'continue' ./debugged 2>&1 | normalise
echo '== gdb: attached'
sleep 100 &
until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done
gdb -q -batch -nx -p $! -ex 'print 1' -ex 'info inferiors' -ex 'kill' 2>&1 | grep -e '^\$1' -e process | normalise | tr -s ' '
wait $!
echo "exit $?"
