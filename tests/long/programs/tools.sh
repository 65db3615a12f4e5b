# Tools of everyday: ripgrep, jq, valgrind, qemu-user, socat, openssl, curl, gpg, ssh-keygen, ninja, strace, gdb, git's daemon.
# needs: rg jq valgrind qemu-x86_64 socat openssl curl gpg ssh-keygen ssh-agent ninja strace gdb git gcc
# timeout: 180
port=$((20000 + $$ % 10000))
rg -c root /etc/passwd
rg --no-ignore -l 'class \w+\(Exception\)' /usr/lib/python3.11 -g '*.py' --sort path | cksum
rg --no-ignore -j4 -c import /usr/lib/python3.11/json | sort
jq -n '[range(1000) | . * .] | add'
echo '{"a":[1,{"b":2}]}' | jq -c '.. | numbers'

valgrind -q --error-exitcode=9 /bin/echo grinded 2>&1
cat >b.c <<'END'
#include <pthread.h>
#include <stdlib.h>
static int x;
static void *f(void *a) { x++; return a; }
int main(void) {
  char *p = malloc(3);
  pthread_t t;
  p[3] = 1;
  pthread_create(&t, 0, f, 0);
  x++;
  pthread_join(t, 0);
  return 0;
}
END
gcc -g -O0 b.c -o b -lpthread
valgrind --error-exitcode=9 --leak-check=full ./b 2>&1 | grep -o -e 'Invalid write' -e 'definitely lost: [0-9]*' -e 'ERROR SUMMARY: [0-9]*'
valgrind --tool=helgrind ./b 2>&1 | grep -c 'Possible data race'
echo 'int main(void) { return 3; }' | gcc -static -x c - -o c
qemu-x86_64 ./c; echo $?
qemu-x86_64 /bin/echo emulated
qemu-x86_64 -strace /bin/true 2>&1 | grep -c exit_group

socat -u TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr - &
echo over | socat -u - TCP:127.0.0.1:$port,retry=100,interval=0.1
wait
socat - EXEC:cat,pty,raw,echo=0 <<<pty
socat UNIX-LISTEN:u.sock,fork EXEC:'tr a-z A-Z' &
listens() { for i in $(seq 200); do grep -q "$1" /proc/net/unix && return; sleep 0.05; done; }
listens u.sock
echo unix | socat -t 20 - UNIX:u.sock
kill $!
socat -u ABSTRACT-LISTEN:skas-$$ - &
listens @skas-$$
echo abstract | socat -t 20 - ABSTRACT:skas-$$
wait

openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 3 -subj /CN=localhost 2>/dev/null
openssl s_server -accept 127.0.0.1:$((port + 1)) -key k.pem -cert c.pem -www -quiet >/dev/null 2>&1 &
for i in $(seq 100); do curl -s --cacert c.pem https://localhost:$((port + 1))/ >page && break; sleep 0.1; done
grep -q TLSv1.3 page && echo TLSv1.3
kill $!
wait
openssl speed -seconds 1 -evp sha256 2>/dev/null | wc -l
echo text | openssl enc -aes-256-cbc -pbkdf2 -k p | openssl enc -d -aes-256-cbc -pbkdf2 -k p
export GNUPGHOME=$PWD/g
mkdir -m 700 g
gpg --batch --passphrase '' --quick-gen-key joe@x default default never 2>/dev/null; echo $?
echo secret | gpg -e -r joe@x --batch --trust-model always 2>/dev/null | gpg -d --batch 2>/dev/null
echo s | gpg --clearsign --batch 2>/dev/null | gpg --verify 2>&1 | grep -c 'Good signature'
gpgconf --kill all
for t in rsa ed25519 ecdsa; do ssh-keygen -q -t $t -N '' -f k$t; ssh-keygen -y -f k$t | cut -c1-7; done
eval "$(ssh-agent)" >/dev/null
ssh-add -q ked25519
ssh-add -l | wc -l
ssh-agent -k >/dev/null

mkdir n
cd n
printf 'rule c\n  command = sleep 0.05; echo $out > $out\n' >build.ninja
for i in $(seq 20); do echo "build o$i: c" >>build.ninja; done
ninja -j4 --quiet
ls | wc -l
ninja
cd ..
strace -f -o trace sh -c 'echo a | cat'
grep -c exited trace
echo 'p 1+1' >commands
gdb -q -nx -batch -x commands 2>/dev/null
git init -q r
git -C r -c user.email=a@b -c user.name=a commit -q --allow-empty -m x
git daemon --base-path=. --export-all --listen=127.0.0.1 --port=$((port + 2)) --reuseaddr 2>/dev/null &
for i in $(seq 100); do git clone -q git://127.0.0.1:$((port + 2))/r r2 2>/dev/null && break; sleep 0.1; done
git -C r2 log --format=%s
kill $!
wait
