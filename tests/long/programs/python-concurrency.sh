# Python's own tests of many processes, threads and connections, as an unprivileged user.
# needs: /usr/bin/python3 setpriv /usr/lib/python3.11/test/test_os.py
# timeout: 1800
tests='test_asyncio test_concurrent_futures test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
  test_multiprocessing_main_handling'
. files/python-tests.sh
