# needs: busybox
# timeout: 120
for a in 'seq 5' 'expr 2 + 3' 'basename /a/b' 'dirname /a/b' 'sh -c "echo $((3*4))"' 'printf %05d 42' 'md5sum /etc/passwd' 'sha256sum /etc/group' \
  'cut -d: -f1 /etc/passwd' 'sort -t: -k3n /etc/passwd' 'uniq -c /etc/group' 'grep -c : /etc/passwd' 'sed -n 1,3p /etc/passwd' 'id -u' 'uname -sm' \
  'find /usr/share/perl5 -name *.pm' 'du -s /nonexistent' 'stat -c %a /etc/passwd' 'head -c 20 /etc/passwd' 'tail -n 2 /etc/passwd' 'wc /etc/passwd' \
  'od -c /etc/hostname' 'base64 /etc/group' 'cmp /etc/passwd /etc/passwd' 'test -f /etc/passwd' 'env -i A=1 busybox env' 'nproc' 'readlink -f /bin' \
  'tr a-z A-Z' 'tac /etc/group' 'fold -w 10 /etc/group' 'rev /etc/group' 'crc32 /etc/passwd' 'realpath /usr/../etc' 'timeout 1 sleep 0' 'ls -ln /etc/passwd'; do
  eval "busybox $a" </etc/group 2>/dev/null | cksum
  echo "$a ${PIPESTATUS[0]}"
done
mkdir t
echo one >t/a
busybox tar czf t.tgz t && busybox tar tzf t.tgz
busybox gzip -c t/a | busybox gunzip -c
busybox cpio -o -H newc 2>/dev/null <<<t/a | busybox cpio -t 2>/dev/null
busybox sh -c 'for i in 1 2 3; do (exit $i) & done; wait; trap "echo trapped" USR1; kill -USR1 $$; echo end'
