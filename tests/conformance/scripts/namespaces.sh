# The tools of namespaces. Run by root or not: all of it happens in user namespaces of its own.
set -u
run() { echo "== $*" | sed "s/-t [0-9]*/-t PID/"; "$@" 2>&1; echo "-> $?"; }

run unshare -r id -u
run unshare -r sh -c 'cat /proc/self/setgroups; id -g; chown 1 /proc/self/fd/0 2>/dev/null; echo $?'
run unshare -U sh -c 'id -u; cat /proc/self/uid_map'
run unshare -Urpf --mount-proc sh -c 'echo $$; set -- /proc/[0-9]*; echo $#; ps -o pid=,ppid=,comm= -C sh; grep -c NSpid /proc/self/status'
run unshare -Urpf sh -c 'sleep 100 & kill $!; wait $!; echo $?; (sh -c "sleep 0.1; exit 3" &); sh -c "exit 7"; echo $?'
run unshare -Urm sh -c 'mount -t tmpfs none /mnt && echo x > /mnt/f && cat /mnt/f; mount --bind /mnt /tmp && cat /tmp/f; umount /tmp; umount /mnt; [ -e /mnt/f ] || echo gone'
run unshare -Urm sh -c 'mount -t tmpfs -o size=64k none /mnt; head -c 100000 /dev/zero > /mnt/f; echo $?; stat -c %s /mnt/f'
run unshare -Ur --uts sh -c 'hostname inner; hostname; unshare --uts sh -c "hostname innermost; hostname"; hostname'
run unshare -Ur --ipc sh -c 'ipcmk -M 4096 > /dev/null; ipcs -m | grep -c 0x; unshare --ipc sh -c "ipcs -m | grep -c 0x"'
run unshare -Urmpf sh -c 'mount -t tmpfs r /mnt; mkdir /mnt/old /mnt/proc; cd /mnt; pivot_root . old; cd /; echo *; /old/bin/umount -l /old 2>/dev/null || echo busy'

# Enter the namespaces of another process.
mkfifo fifo.out fifo.in
unshare -Urpf --uts --mount-proc sh -c 'hostname target; echo ready > fifo.out; read line < fifo.in' &
read -r ready < fifo.out
target=$(pgrep -P $! -x sh | head -1)
run nsenter -t "$target" -U -u --preserve-credentials hostname
run nsenter -t "$target" -U -u -p -m --preserve-credentials sh -c 'id -u; echo $(($$ > 1)); ls -d /proc/1'
run nsenter -t "$target" -n --preserve-credentials true
echo go > fifo.in
wait

run bwrap --ro-bind / / --unshare-user --unshare-pid --unshare-uts --unshare-ipc --hostname boxed --proc /proc --dev /dev --tmpfs /tmp \
  --die-with-parent sh -c 'hostname; set -- /proc/[0-9]*; echo $#; ls /dev | sort | tr "\n" " "; touch /tmp/x && ls /tmp; touch /x 2>/dev/null || echo read-only; [ -e /dev/pts/ptmx ] && echo terminals'
run bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --unshare-user --unshare-pid \
  --dir /work --chdir /work --uid 12 --gid 34 sh -c 'pwd; id -u; id -g; ls /'
run bwrap --ro-bind / / --bind . /mnt --chdir /mnt sh -c 'echo out > from-inside; cat from-inside'
cat from-inside
run bwrap --ro-bind / / --cap-drop ALL --unshare-user sh -c 'grep CapEff /proc/self/status; mount -t tmpfs x /mnt 2>/dev/null || echo denied'
