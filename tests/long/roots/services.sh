# Services without systemd: started, used and stopped over loopback: cron, redis, nginx, sshd with ssh, scp, sftp and a forwarded port.
exec 2>&1
until_true() { for i in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "never: $*"; }
echo '* * * * * root { id -u; echo "$SHELL $HOME"; } >/tmp/cron.part && mv /tmp/cron.part /tmp/cron.out' >/etc/cron.d/test
cron; echo "cron $?"
cron 2>&1 | sed 's/ may be .*: / /'; echo "second cron ${PIPESTATUS[0]}"

redis-server --port 7777 --daemonize yes --dir /tmp --pidfile /tmp/redis.pid --appendonly yes >/dev/null
r() { redis-cli -p 7777 "$@"; }
until_true test -n "$(until_true r ping; r ping)"
r set a b; r get a; r incr n; r lpush l 1 2 3; r lrange l 0 -1; r eval 'return redis.call("get", KEYS[1])' 1 a
(r subscribe news | head -6 >/tmp/news) &
until_true sh -c 'redis-cli -p 7777 pubsub numsub news | grep -q "^1"'
r publish news hello
redis-benchmark -p 7777 -q -n 2000 -P 4 -t set,get,lpush >/dev/null; echo "benchmark $?"
r bgsave; until_true sh -c 'redis-cli -p 7777 info persistence | grep rdb_bgsave_in_progress:0'
r shutdown; echo "redis $?"
redis-server --port 7777 --daemonize yes --dir /tmp --pidfile /tmp/redis.pid --appendonly yes >/dev/null
until_true sh -c 'redis-cli -p 7777 ping | grep PONG'
r get a; r get n; r shutdown; until_true test ! -e /tmp/redis.pid

seq 1 100000 >/var/www/html/numbers
nginx; echo "nginx $?"
get() { exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3; cat <&3; exec 3>&-; }
until_true test -s /run/nginx.pid
get / | head -1; get /numbers | sed '1,/^\r$/d' | cksum; get /none | head -1
for i in $(seq 20); do get /numbers | sed '1,/^\r$/d' | cksum & done | sort | uniq -c
nginx -s reload 2>/dev/null; echo "reload $?"
get / | head -1
nginx -t; nginx -s quit 2>/dev/null; until_true test ! -e /run/nginx.pid
get / 2>&1 | grep -o refused
grep -c 'GET /numbers' /var/log/nginx/access.log

useradd -m -s /bin/bash joe
mkdir -p /run/sshd /root/.ssh
ssh-keygen -A >/dev/null
/usr/sbin/sshd -p 2222; echo "sshd $?"
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
install -d -o joe -g joe -m 700 /home/joe/.ssh
install -o joe -g joe -m 600 /root/.ssh/id_ed25519.pub /home/joe/.ssh/authorized_keys
printf 'Host box\n HostName 127.0.0.1\n Port 2222\n User joe\n StrictHostKeyChecking no\n LogLevel ERROR\n' >/root/.ssh/config
until_true ssh box true
echo input | ssh box 'id; tty; cat; echo error >&2; exit 3'; echo "ssh $?"
ssh -tt box 'tty | sed "s/[0-9]*$//"; exit 7' </dev/null | tr -d '\r'; echo "ssh ${PIPESTATUS[0]}"
ssh box 'kill -TERM $$'; echo "ssh $?"
head -c 3000000 /dev/zero | ssh box 'wc -c; head -c 2000000 /dev/zero' | wc -c
scp -q /var/www/html/numbers box:; cksum </home/joe/numbers
printf 'ls\nget numbers /tmp/fetched\nrename numbers renamed\n' | sftp -q -b - box; cmp /tmp/fetched /home/joe/renamed; echo "sftp $?"
ssh -o ControlMaster=yes -o ControlPath=/tmp/control -fN -L 3333:127.0.0.1:2222 box
until_true ssh -p 3333 joe@box true
ssh -p 3333 box 'echo through the tunnel'
ssh -o ControlPath=/tmp/control -O exit box
ssh -o PreferredAuthentications=password -o BatchMode=yes box true; echo "refused $?"
kill $(cat /run/sshd.pid); until_true test ! -e /run/sshd.pid

until_true test -e /tmp/cron.out
cat /tmp/cron.out
kill $(cat /run/crond.pid)
until_true sh -c '! pgrep -x cron'
ps -eo comm= | sort | uniq -c | grep -v -e ' ps' -e sort -e uniq -e grep -e sed
