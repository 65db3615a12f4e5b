# zsh, fish, mksh, busybox' shell and servers, GNU parallel.
# needs: zsh fish mksh busybox parallel
# timeout: 120
port=$((20000 + $$ % 10000))
cat >t.zsh <<'END'
setopt extendedglob
a=(1 2 3)
print $#a ${(j:-:)a} ${$(echo a b c)[2]}
print -l /etc/pass*(.N:t)
zmodload zsh/zpty
zpty p cat
zpty -w p hello
zpty -r p line
print -r -- ${line%%$'\r\n'}
zpty -d p
coproc cat
print -p x
read -p y
print $y
coproc exit
trap "print trapped" USR1
kill -USR1 $$
sleep 100 & kill $!
wait $!
print $?
diff <(seq 3) <(seq 2)
{ sleep 0.1; exit 7 } &
wait $!
print $?
exit 5
END
zsh -f t.zsh; echo $?
fish --no-config -c 'for i in (seq 3); echo $i; end; set x (echo a | string upper); echo $x; function f; return 4; end; f; echo $status
  echo a b | read -l p q; echo $q; sleep 0.1 &; wait; echo waited; string match -r "b+" abbbc; math 2^10; false | true; echo $pipestatus; exit 6'
echo $?
mksh -c 'typeset -i x=5; echo $((x*3)); (exit 3) & wait $!; echo $?; cat <<<hi; set -A a 1 2 3; echo ${#a[*]}; trap "echo trapped" EXIT
  cat |& print -p coprocess; read -p line; echo $line; exit 2'
echo $?
busybox ash -c 'for i in 1 2 3; do echo $i; done | busybox tac; busybox timeout 1 busybox sleep 5; echo $?'
mkdir www
seq 1000 >www/numbers
busybox httpd -f -p 127.0.0.1:$port -h www &
for i in $(seq 100); do busybox wget -qO- http://127.0.0.1:$port/numbers 2>/dev/null | cksum | grep -v ' 0$' && break; sleep 0.1; done
kill $!
wait
busybox nc -lp $((port + 1)) -s 127.0.0.1 -e busybox tr a-z A-Z &
for i in $(seq 100); do echo netcat | busybox nc -w 2 127.0.0.1 $((port + 1)) 2>/dev/null && break; sleep 0.1; done
wait
export PARALLEL_HOME=$PWD/parallel
parallel --will-cite -j4 -k 'echo {}; sleep 0.0{}' ::: 1 2 3 4 5 6
seq 20 | parallel --will-cite --pipe -N5 -k wc -l
parallel --will-cite -j2 'exit {}' ::: 0 1 2; echo $?
