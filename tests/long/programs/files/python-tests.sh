# Sourced: runs python's own tests named in $tests, or in SKAS_PYTHON_TESTS, one process each, and prints how each case ended.
# The machine's limit of open files decides what is skipped.
ulimit -n 1024
chmod 777 .
export HOME=$PWD TMPDIR=$PWD
as=()
[ "$(id -u)" = 0 ] && as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
for name in ${SKAS_PYTHON_TESTS:-$tests}; do
  echo "== $name"
  "${as[@]}" /usr/bin/python3 -m test.regrtest --timeout=400 --junit-xml $name.xml $name >$name.log 2>&1
  "${as[@]}" /usr/bin/python3 files/python-results.py $name.xml || tail -5 $name.log
done
