import os, signal, subprocess, sys, tempfile
print(subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout, end='')
r = subprocess.run('echo err >&2; exit 3', shell=True, stderr=subprocess.PIPE)
print(r.returncode, r.stderr)
p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.communicate(b'x' * 200000)[0].count(b'x'))
try:
    subprocess.run(['sleep', '10'], timeout=0.1)
except subprocess.TimeoutExpired:
    print('timed out')
p = subprocess.Popen(['sleep', '10'])
p.terminate()
print(p.wait())
try:
    subprocess.run(['/no/such/program'])
except FileNotFoundError as e:
    print(e.errno)
print(subprocess.check_output(['env'], env={'ONLY': 'this'}).decode(), end='')
print(subprocess.run(['pwd'], cwd='/', capture_output=True).stdout)
p1 = subprocess.Popen(['seq', '1000'], stdout=subprocess.PIPE)
p2 = subprocess.Popen(['tail', '-1'], stdin=p1.stdout, stdout=subprocess.PIPE)
p1.stdout.close()
print(p2.communicate()[0])
pid = os.fork()
if pid == 0:
    os._exit(42)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.signal(signal.SIGALRM, lambda *a: print('alarm'))
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
r, w = os.pipe()
if os.fork() == 0:
    os.write(w, b'from child')
    os._exit(0)
print(os.read(r, 100))
os.wait()
with tempfile.NamedTemporaryFile(dir='.') as f:
    f.write(b'temp')
    f.flush()
    print(open(f.name).read())
print(sorted(os.listdir('/proc/self/fd'))[:3])
print(sum(1 for _ in os.scandir('/usr/bin')) > 50)
import pty
pid, fd = pty.fork()
if pid == 0:
    print('in pty', os.isatty(0), os.get_terminal_size(1).columns >= 0)
    os._exit(0)
out = b''
try:
    while True:
        d = os.read(fd, 1000)
        if not d:
            break
        out += d
except OSError as e:
    pass
print(out, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
