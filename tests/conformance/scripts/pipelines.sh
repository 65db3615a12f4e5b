seq 1 1000 | grep 7 | sort -rn | head -5
printf 'b\na\nc\na\n' | sort | uniq -c | while read n w; do echo "$w=$n"; done
yes | head -3
echo one two three | tr ' ' '\n' | sed -n '2p'
cat <<END | wc -l
a
b
END
seq 100000 | tail -1
seq 50000 | awk '{s+=$1} END {print s}'
true | false | true; echo "status $?"
false | true; echo "status $?"
! true; echo "negated $?"
{ echo out; echo err >&2; } 2>&1 | sort
(echo sub; exit 3); echo "subshell $?"
echo a | { read x; echo "got $x"; }
echo hello > file; cat < file; cat file file | wc -c
echo more >> file; wc -l < file
seq 3 | tee copy | cat; cat copy
ls | sort | head -20
head -c 100000 /dev/zero | wc -c
head -c 300000 /dev/zero | md5sum
seq 20000 | sort | sort -n | md5sum
for i in 1 2 3 4 5 6 7 8; do echo $i; done | cat | cat | cat | cat | wc -l
exec 3> fd3; echo through >&3; exec 3>&-; cat fd3
