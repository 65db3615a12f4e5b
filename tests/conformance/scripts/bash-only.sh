a=(one two three); echo ${a[1]} ${#a[@]} "${a[@]:1}"
declare -A m; m[x]=1; m[y]=2; for k in $(printf '%s\n' "${!m[@]}" | sort); do echo "$k=${m[$k]}"; done
diff <(seq 5) <(seq 2 6)
while read -r l; do echo "<$l>"; done < <(printf 'p\nq\n')
cat <<< "here string"
[[ hello =~ h(.*)o ]] && echo ${BASH_REMATCH[1]}
set -o pipefail; false | true; echo "pipefail $?"
echo {1..5} {a..c}x
coproc cat; echo hi >&${COPROC[1]}; read -r r <&${COPROC[0]}; echo "coproc $r"; kill $COPROC_PID; wait $COPROC_PID 2>/dev/null; echo "coproc ended"
for ((i=0; i<3; i++)); do echo -n "$i "; done; echo
set -m; sleep 1 & jobs | sed 's/[0-9]\{3,\}/PID/'; fg %1 >/dev/null; echo "fg $?"
printf -v out '%03d' 7; echo $out
echo ${x:=assigned} ${x^^} ${x//s/S} ${x: -3}
mapfile -t lines < <(seq 3); echo ${lines[2]}
time_out=$( { time true; } 2>&1 | grep -c real ); echo $time_out
trap 'echo ERR at $LINENO' ERR; false; trap - ERR
exec {fd}>dyn; echo dynamic >&$fd; exec {fd}>&-; cat dyn
[ -t 0 ] || echo "no terminal"
echo $BASHPID | grep -c '^[0-9]*$'
wait -n 2>/dev/null; echo "wait -n $?"
(sleep 0.03; exit 6) & (sleep 0.3; exit 7) & wait -n; echo "first $?"; wait
ulimit -n 100; ulimit -n
