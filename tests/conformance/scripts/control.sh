i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 3 ] && continue; echo $i; done
for f in *.txt; do echo "$f"; done
until [ $i -eq 0 ]; do i=$((i-1)); done; echo $i
case abc in a*) echo starts;; *) echo no;; esac
case "x y" in "x y") echo quoted;; esac
f() { echo "f got $1 $#"; return 7; }; f a b; echo $?
g() { local v=inner; echo $v; }; v=outer; g; echo $v
echo $((2 + 3 * 4)) $((1 << 10)) $((7 % 3)) $((0x1f))
x=hello; echo ${x#he} ${x%lo} ${#x} ${y:-default} ${x:+set}
echo "$(echo nested $(echo deep))" `echo back`
echo "a   b" a   b 'single $x' "double $x"
set -- one "two three" four; echo $# "$2"; shift; echo $1; for a in "$@"; do echo "[$a]"; done
IFS=:; for p in a:b:c; do echo $p; done; set -- $(echo x:y:z); echo $#; unset IFS
cat <<END
here $x $((1+1)) $(echo sub)
END
cat <<'END'
literal $x `cmd`
END
cat <<-END
	tabs removed
	END
[ -f file ] || echo nofile; [ -d . ] && echo dir; [ 3 -gt 2 ] && echo gt; [ a = a ] && [ ! a = b ] && echo strings
test -n "" ; echo $?
(cd / && pwd); 
umask 022; umask
eval 'echo evaluated $x'
type cd >/dev/null && echo builtin
command -v ls >/dev/null && echo found
nosuchcommand 2>/dev/null; echo "not found $?"
./notexec 2>/dev/null; echo "not executable $?"
true && echo and || echo or; false && echo and || echo or
if false; then echo a; elif true; then echo b; else echo c; fi
read a b <<END
first second third
END
echo "$a|$b"
printf '%s-%d-%x-%05d\n' str 42 255 7
export EXPORTED=yes; sh -c 'echo $EXPORTED'
VAR=temp sh -c 'echo $VAR'; echo "[$VAR]"
echo {a,b} [ab]* | head -1
n=0; for i in $(seq 200); do n=$((n+i)); done; echo $n
