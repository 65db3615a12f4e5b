# Extended attributes, links, pipes, sparse files and owners through tar; dpkg-deb builds a package and unpacks it.
# needs: tar setfattr getfattr dpkg-deb
# timeout: 120
mkdir a b
echo hi >a/f
setfattr -n user.key -v value a/f
ln a/f a/hard
ln -s f a/soft
mkfifo a/pipe
truncate -s 10M a/sparse
tar --xattrs -S -cf t.tar a
tar --xattrs -xpf t.tar -C b
getfattr -d b/a/f
find b -printf '%P %y %m %n %s\n' | sort | grep -v '^a d\|^ d'
diff a/sparse b/a/sparse && echo same
mkdir -p p/DEBIAN p/usr/share/x
printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: x\n' >p/DEBIAN/control
echo text >p/usr/share/x/file
dpkg-deb -b p x.deb >/dev/null
dpkg -x x.deb q
find q -type f -exec cat {} +
dpkg -I x.deb | grep Package
