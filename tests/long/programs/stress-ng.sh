# Every stressor verifies what it did; most run for two seconds, those of the list for longer.
# needs: stress-ng
# timeout: 600
run() { timeout 90 stress-ng --$1 2 -t $2 --verify --temp-path . >log 2>&1; echo "$1 $?"; }
for s in cpu vm fork pipe sigq futex hdd; do run $s 10; done
for s in signal mmap fault sem switch dentry epoll pthread clone exec fifo mq shm timer itimer wait poll link rename flock seek \
  mincore msync madvise eventfd inotify kill sigsegv sigfd nice yield; do run $s 2; done
