# Networks and overlays of one's own. Run by root or not: all of it happens in user namespaces of its own.
set -u
run() { echo "== $*"; "$@" 2>&1; echo "-> $?"; }

run bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev -- true
run bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev -- sh -c \
  'id -u; echo $$; hostname >/dev/null && ip -br addr; ip route show table all; cat /proc/net/dev /proc/net/if_inet6; ls /dev | sort | tr "\n" " "; ls /proc/self/ns | wc -l'
run bwrap --unshare-all --share-net --ro-bind / / -- sh -c 'readlink /proc/self/ns/net | tr -d 0-9'
run unshare -Urn ip -j link
run unshare -Urn sh -c 'ip addr add 10.0.0.1/24 dev lo; ip -br addr; ip link set lo up mtu 9000; ip -j addr; ip route show table local; ip addr del 10.0.0.1/24 dev lo; ip link set lo down; ip addr'
run unshare -Urn sh -c 'ip link add a type veth peer name b; ip -br link | cut -c1-17; ip link del a; ip -br link | wc -l; ip link set nothing up; ip addr add 1.2.3.4/40 dev lo'
run unshare -Urnm sh -c 'mount -t sysfs s /sys && ls /sys/class/net; cat /sys/class/net/lo/operstate /sys/class/net/lo/mtu; echo 7 > /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/sys/net/ipv4/ip_unprivileged_port_start'

cat > talk.py <<'END'
import os, socket, subprocess, sys
def outcome(text, call):
    try:
        print(text, call())
    except OSError as error:
        print(text, error.strerror)
outcome("bind", lambda: socket.socket().bind(("10.1.1.1", 0)))
outcome("connect", lambda: socket.create_connection(("127.0.0.1", 9)))
outcome("connect", lambda: socket.create_connection(("::1", 9)))
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
outcome("connect", lambda: socket.create_connection(("127.0.0.1", 9)))
outcome("connect", lambda: socket.create_connection(("10.1.1.1", 9)))
outcome("bind", lambda: socket.socket().bind(("10.1.1.1", 0)))
server = socket.create_server(("127.0.0.1", 80))
client = socket.create_connection(("localhost", 80))
peer, address = server.accept()
client.sendall(b"hello")
print(peer.recv(5), address[0])
END
run unshare -Urn python3 talk.py

run unshare -Urm sh -c 'mount -t tmpfs t /mnt; cd /mnt; mkdir lower upper work merged; echo below > lower/file; mkdir lower/dir; echo x > lower/dir/x
  mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work,userxattr merged && cd merged
  echo more >> file; cat file ../lower/file; rm -r dir; mkdir dir; ls -A dir; ln file hard; mv file moved; stat -c "%h %s" hard
  cd ..; find upper lower | sort; stat -c "%F %t,%T %n" upper/* | sort; umount merged; find merged'
