echo 'line one
line two
third' > t.txt
sed 's/line/LINE/; 2d' t.txt
sed -i 's/third/fourth/' t.txt; cat t.txt
awk -F' ' '{print NF, $2}' t.txt
awk 'BEGIN { for (i = 0; i < 100000; i++) a[i % 1000] += i; for (i = 0; i < 1000; i++) s += a[i]; print s }'
awk '{ print | "sort -r" }' t.txt
perl -ne 'print scalar reverse' t.txt; echo
perl -e 'my %h; $h{$_ % 7}++ for 1..100000; print join(",", map {"$_=$h{$_}"} sort keys %h), "\n"'
perl -e 'open(my $p, "-|", "seq 5") or die; my $s = 0; $s += $_ while <$p>; print "$s\n"; my $pid = fork; if (!$pid) { exit 7 } waitpid $pid, 0; print $? >> 8, "\n"; $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 3; print "woke\n"'
mkdir -p tree/a/b tree/c; touch tree/a/1 tree/a/b/2 tree/c/3; ln -s a tree/link
find tree | sort; find tree -type f -name '[12]' -exec echo found {} \; | sort; find tree -type l
tar cf t.tar tree; tar tf t.tar | sort; mkdir x; tar xf t.tar -C x; diff -r tree x/tree && echo same
tar czf t.tgz tree; gzip -t t.tgz && echo ok; seq 100000 | gzip -9 | gunzip | md5sum; seq 50000 | xz | xz -d | md5sum
cp -r tree copy; rm -rf tree; ls copy; mv copy moved; ls -d moved
stat -c '%a %s %F' t.txt; chmod 600 t.txt; stat -c '%a' t.txt; touch -d '2001-02-03 04:05:06' t.txt; stat -c '%Y %y' t.txt
du -s --apparent-size moved >/dev/null && echo du
dd if=/dev/zero of=dd bs=1k count=100 2>/dev/null; wc -c < dd; dd if=dd bs=10 count=3 skip=1 2>/dev/null | od -c | head -2
sort -u t.txt; cut -c1-3 t.txt; paste t.txt t.txt; join t.txt t.txt; comm t.txt t.txt | wc -l
md5sum t.txt; sha256sum t.txt; cksum t.txt; od -A x -t x1 t.txt | head -3; base64 t.txt; xargs -n1 echo < t.txt
seq 30 | xargs -P 4 -n 3 echo | sort -n | head -3
split -l 2 t.txt part; ls part*; cat part* | cmp - t.txt && echo identical
date -d @1000000000 -u; env -i A=b env; expr 6 \* 7; printf '%s\n' "$(basename /a/b.c .c)"; id -u | grep -c '^[0-9]*$'; echo 'scale=20; 4*a(1)' | bc -l
tr a-z A-Z < t.txt; rev t.txt; tac t.txt; nl t.txt; fold -w 3 t.txt; expand t.txt; head -c 5 t.txt; tail -c 5 t.txt
yes x | head -100000 | md5sum; shuf -i 1-100 | sort -n | md5sum; seq 5 | factor; numfmt --to=iec 1048576
ls -l --time-style=+%s t.txt | cut -c1-10; df . >/dev/null && echo df; test -e /proc/self/exe && echo proc
find . -newer t.txt -name 'part*' | sort; readlink -f ./moved/../t.txt | sed 's/.*\///'; mktemp -d tmp.XXXXXX >/dev/null && ls -d tmp.* | wc -l; truncate -s 1M big; stat -c %s big; install -m 755 t.txt inst; stat -c %a inst; ln t.txt hard; stat -c %h t.txt; sync t.txt; flock t.txt echo locked; nice -n 3 sh -c nice; stdbuf -oL echo buffered
