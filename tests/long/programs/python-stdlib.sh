# Python's own tests of what it asks of a system, as an unprivileged user. What differs and why: docs/CONFORMANCE.md.
# needs: /usr/bin/python3 setpriv /usr/lib/python3.11/test/test_os.py
# timeout: 1500
tests='test_os test_subprocess test_threading test_signal test_mmap test_fcntl test_pty test_tempfile test_shutil test_select test_posix
  test_selectors test_time test_pathlib test_io test_fileio test_poll test_epoll test_resource test_pwd test_grp test_thread test_threadsignals
  test_logging test_urllib2_localnet test_socket test_wait3 test_wait4 test_fork1 test_glob test_stat test_tarfile test_zipfile test_dbm test_mailbox test_faulthandler test_cmd_line
  test_eintr test_readline test_ctypes test_gc test_openpty'
. files/python-tests.sh
