# dpkg and apt in a Debian tree without a network: a package with scripts, configuration files and dependencies is built, unpacked,
# installed, upgraded, verified and purged; what has to be downloaded fails cleanly.
exec 2>&1
export DEBIAN_FRONTEND=noninteractive
cd /tmp
build() {
  rm -rf p
  mkdir -p p/DEBIAN p/usr/bin p/etc p/usr/share/doc/demo
  printf 'Package: demo\nVersion: %s\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: demo\n%s' "$1" "${2:+Depends: $2
}" >p/DEBIAN/control
  printf '#!/bin/sh\necho demo %s\n' "$1" >p/usr/bin/demo
  chmod 755 p/usr/bin/demo
  ln -s demo p/usr/bin/also
  ln p/usr/bin/demo p/usr/bin/hard
  echo "setting=$1" >p/etc/demo.conf
  echo /etc/demo.conf >p/DEBIAN/conffiles
  (cd p; find usr -type f | xargs md5sum >DEBIAN/md5sums)
  for script in preinst postinst prerm postrm; do
    printf '#!/bin/sh\necho "%s $*"\n' $script >p/DEBIAN/$script
    chmod 755 p/DEBIAN/$script
  done
  find p -exec touch -h -d @1700000000 {} +
  dpkg-deb --root-owner-group -b p demo_$1.deb
}
build 1.0
build 2.0
build 3.0 no-such-package
dpkg-deb -I demo_1.0.deb | grep -v size
dpkg-deb -c demo_1.0.deb
mkdir x
dpkg -x demo_1.0.deb x && (cd x; find . | sort; stat -c '%h %a' usr/bin/hard)
dpkg -i demo_1.0.deb
demo; also; hard
dpkg -l demo | tail -1 | tr -s ' '
dpkg -L demo | sort
dpkg -S /usr/bin/also
dpkg -V demo; echo "verify $?"
echo changed >>/usr/bin/demo
dpkg -V demo; echo "verify $?"
echo local >>/etc/demo.conf
apt-get install -y -q ./demo_2.0.deb -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 | grep -v -e '^Get:' -e '^Need to get' -e '^Fetched'
demo; cat /etc/demo.conf; ls /etc/demo.conf*
dpkg -i demo_3.0.deb; echo "dpkg $?"
dpkg -s demo | grep -e Status -e Version
dpkg --remove --force-depends demo; ls /etc/demo.conf
dpkg --purge demo; ls /etc/demo.conf
dpkg --audit; echo "audit $?"
echo garbage >bad.deb
dpkg -i bad.deb; echo "dpkg $?"
apt-cache policy dpkg | grep -c Installed
apt-mark showmanual | wc -l
apt-get download coreutils 2>&1 | grep -o 'Temporary failure resolving' | sort -u
apt-get download coreutils >/dev/null 2>&1; echo "download $?"
apt-get install -y no-such-package; echo "install $?"
apt-get check -q; echo "check $?"
ls /tmp/*.deb
dpkg --verify | wc -l
