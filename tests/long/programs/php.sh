# PHP: processes, signals, sockets, System V IPC, its own web server.
# needs: php curl
# timeout: 120
cat >t.php <<'X'
<?php
$p = proc_open(['cat'], [['pipe','r'],['pipe','w']], $pipes); fwrite($pipes[0], "through\n"); fclose($pipes[0]); echo stream_get_contents($pipes[1]); echo proc_close($p), "\n";
$pid = pcntl_fork(); if (!$pid) { exit(5); } pcntl_waitpid($pid, $st); echo pcntl_wexitstatus($st), "\n";
pcntl_async_signals(true); pcntl_signal(SIGUSR1, function() { echo "usr1\n"; }); posix_kill(posix_getpid(), SIGUSR1);
$a = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0); fwrite($a[0], "pair\n"); echo fgets($a[1]);
$s = stream_socket_server('tcp://127.0.0.1:0'); $c = stream_socket_client('tcp://' . stream_socket_get_name($s, false)); $d = stream_socket_accept($s); fwrite($c, "tcp\n"); echo fgets($d);
echo md5_file('/etc/passwd') == md5(file_get_contents('/etc/passwd')) ? "same\n" : "differs\n";
file_put_contents('x', str_repeat('y', 100000), LOCK_EX); echo filesize('x'), "\n"; $id = shm_attach(1234, 10000); shm_put_var($id, 1, [1,2,3]); echo array_sum(shm_get_var($id, 1)), "\n"; shm_remove($id);
$sem = sem_get(77); sem_acquire($sem); sem_release($sem); sem_remove($sem); $q = msg_get_queue(99); msg_send($q, 1, 'msg'); msg_receive($q, 0, $t, 100, $m); echo $m, "\n"; msg_remove_queue($q);
echo gethostbyname('localhost'), ' ', posix_getpwuid(0)['name'], ' ', PHP_OS, "\n"; echo iterator_count(new RecursiveIteratorIterator(new RecursiveDirectoryIterator('/etc/apt'))) > 3 ? "files\n" : "none\n";
X
php t.php; echo $?
echo '<?php echo "served ", $_SERVER["REQUEST_URI"], "\n";' >index.php
port=$((20000 + $$ % 10000))
php -S 127.0.0.1:$port >/dev/null 2>&1 & for i in $(seq 100); do curl -s 127.0.0.1:$port/a && break; sleep 0.1; done; kill $!; wait
