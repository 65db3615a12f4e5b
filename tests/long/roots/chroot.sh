# chroot(8) into a Debian tree that is shown read-only, from a shell outside of it.
exec 2>&1
tree=$SKAS_TREE
[ -n "$SKAS_NATIVE" ] && mount --bind "$tree" "$tree" && mount -o remount,bind,ro "$tree"
mount -t proc proc "$tree/proc"
mount -t tmpfs tmpfs "$tree/tmp"
mount --bind /dev "$tree/dev"
chroot "$tree" bash -c '
  cat /etc/debian_version; ls /; pwd; readlink /proc/self/root; readlink /proc/self/exe; cut -d" " -f2 /proc/self/mounts | sort
  cd ../../..; pwd; ls -d "$SKAS_TREE"; echo x >/x
  echo "int main(void) { return 7; }" >/tmp/a.c && gcc -o /tmp/a /tmp/a.c && /tmp/a; echo $?
  dpkg -l | wc -l; dpkg -S /bin/ls; apt-config dump | wc -l; perl -e "print 6 * 7, qq(\n)"
  su -s /bin/sh nobody -c "id; touch /tmp/mine; stat -c %U /tmp/mine; chroot / true"; echo $?
  chroot /tmp true; echo $?
'
chroot --userspec=nobody:nogroup "$tree" id
chroot "$tree" no-such-program; echo $?
chroot "$tree/none" true; echo $?
# The way out of a chroot that root has: a descriptor from outside.
chroot "$tree" perl -e 'opendir(D, "/"); mkdir "/tmp/in"; chroot "/tmp/in"; chdir(D); print -e "etc/debian_version" ? "out\n" : "in\n"; chdir "../../../.." for 1 .. 9; print -e "etc" ? "out\n" : "in\n"'
