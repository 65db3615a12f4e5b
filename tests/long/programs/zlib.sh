# A real source package, configured, built with four jobs and tested.
# needs: gcc make source:zlib
# timeout: 300
cp -r "$SKAS_SOURCES/zlib" z
cd z || exit 9
./configure >log 2>&1 || cat log
make -j4 >log 2>&1 || tail log
make test 2>&1 | grep OK
