#!/bin/sh
# natively.sh TREE SCRIPT: runs SCRIPT with the tree as its root on the host itself, in namespaces of its own, changing only memory.
tree=$1 script=$2
exec unshare --mount --pid --net --uts --ipc --fork --kill-child --propagation private sh -c '
  set -e
  hostname skas
  busybox ifconfig lo up
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/upper /mnt/work /mnt/root
  mount -t overlay -o lowerdir="$0",upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root 2>/dev/null || cp -a "$0/." /mnt/root
  cp "$1" /mnt/script.sh
  cd /mnt/root
  printf "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tskas\n" >etc/hosts
  mount -t proc proc proc
  mount -t tmpfs -o mode=755 tmpfs dev
  mount -t tmpfs -o mode=755 tmpfs run
  mount -t tmpfs -o mode=1777,nosuid tmpfs tmp
  for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- $device
    mknod -m 666 dev/$1 c $2 $3
  done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  mkdir -p srv
  cp /mnt/script.sh srv/script.sh
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=xterm LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC \
    chroot . bash /srv/script.sh
' "$tree" "$script"
