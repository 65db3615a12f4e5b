# Users and passwords of a Debian tree: useradd, chpasswd, passwd, su, sudo, PAM, runuser, sg, with and without a terminal.
exec 2>&1
cd /
useradd -m -s /bin/bash -G users joe
useradd -r -s /usr/sbin/nologin service
id joe; getent passwd joe | cut -d: -f1-4,6-
echo joe:secret | chpasswd
passwd -S joe | cut -d' ' -f1,2
printf 'other\nother\n' | passwd joe; echo "passwd $?"
echo root:top | chpasswd
ls -l /etc/shadow /usr/bin/passwd /usr/bin/su /usr/bin/sudo | cut -d' ' -f1-4
su joe -c 'id; pwd; cat /etc/shadow; touch /etc/x; kill 1; echo own >mine; ls -l mine | cut -d" " -f1-4'
su - joe -c 'pwd; echo $HOME $LOGNAME $0; umask'
su joe -c 'echo other | su joe -c "id -un"; echo wrong | su root -c id; echo "su $?"; echo top | su root -c "id -u"; echo "su $?"'
su service -s /bin/sh -c 'id -un'; su service; echo "nologin $?"
runuser -u joe -- sh -c 'id -un; echo $$ >/dev/null; exit 7'; echo "runuser $?"
su joe -c 'sg users -c "id -gn"; printf "other\nnew-Pass1\nnew-Pass1\n" | passwd; echo "passwd $?"; echo new-Pass1 | su joe -c "echo changed"'
su joe -c 'chsh -s /bin/sh </dev/null; chfn -f x joe </dev/null; echo "chfn $?"; sudo -n true; echo "sudo $?"'
cat >/etc/sudoers.d/joe <<'END'
joe ALL = (root) NOPASSWD: /usr/bin/id, (service) NOPASSWD: ALL, (root) PASSWD: /usr/bin/whoami
Defaults env_keep += KEPT
Defaults !lecture
END
chmod 440 /etc/sudoers.d/joe
visudo -c | sed 's/: parsed/ parsed/'
su joe -c '
  KEPT=a GONE=b sudo -n id
  sudo -n whoami; echo "sudo $?"
  echo new-Pass1 | sudo -S whoami; echo; echo "sudo $?"
  echo wrong | sudo -S -k whoami; echo "sudo $?"
  KEPT=a GONE=b sudo -n -u service sh -c "id; echo \$KEPT \$GONE \$SUDO_USER; exit 5"; echo "sudo $?"
  sudo -n -u service sh -c "kill -TERM \$\$"; echo "sudo $?"
  sudo -n -u service -i; echo "sudo $?"
  sudo -n -l | tail -3
'
# A terminal of its own.
script -qec "su joe -c 'tty >/dev/null && echo terminal; sudo -n -u service sh -c \"tty >/dev/null && echo terminal\"'" /dev/null | tr -d '\r'
cp /usr/bin/id /tmp/id
chown joe /tmp/id
chmod 4755 /tmp/id
mount -o remount,suid /tmp
runuser -u service -- /tmp/id | cut -d' ' -f1-3
cat /proc/self/loginuid; echo
usermod -L joe
su service -s /bin/sh -c 'echo new-Pass1 | su joe -c id; echo "locked $?"'
userdel -r joe; id joe; ls /home
groupadd -g 4321 crowd; getent group crowd; groupdel crowd; echo "groupdel $?"
pwck -r >/dev/null; echo "pwck $?"
