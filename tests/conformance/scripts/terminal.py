"""An interactive bash on a pseudo-terminal: keys that send signals, job control, window size, hang-up; then script(1)."""
import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios


class Session:
    def __init__(self, argv):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvp(argv[0], argv)
        self.seen = ''

    def awaits(self, pattern):
        while not re.search(pattern, self.seen, re.S):
            if not select.select([self.master], [], [], 30)[0]:
                print('never came:', pattern, repr(self.seen))
                os.kill(self.pid, signal.SIGKILL)
                sys.exit(9)
            try:
                self.seen += os.read(self.master, 4096).decode()
            except OSError as error:
                print('ended:', error.strerror, repr(self.seen))
                return
        print('saw', repr(pattern))
        self.seen = ''

    def type(self, text):
        os.write(self.master, text.encode())


shell = Session(['bash', '--norc', '--noprofile', '--noediting', '-i'])
fcntl.ioctl(shell.master, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 99, 0, 0))
shell.type("PS1='P'; PS1=$PS1'> '; stty -echo\n")
shell.awaits(r'P> $')
shell.type('stty size; echo $((20+3))\n')
shell.awaits(r'33 99\r\n23\r\nP> $')
job = """perl -e '$| = 1; $SIG{CONT} = sub { print "cont\\n" }; $SIG{INT} = sub { print "int\\n"; exit 3 }; print "started\\n"; sleep 1 while 1'
"""
shell.type(job)
shell.awaits(r'started\r\n$')
shell.type('\x03')
shell.awaits(r'int\r\nP> $')
shell.type(job)
shell.awaits(r'started\r\n$')
shell.type('\x1a')
shell.awaits(r'Stopped.*P> $')
shell.type('jobs -p | wc -l\n')
shell.awaits(r'1\r\nP> $')
shell.type('fg\n')
shell.awaits(r'cont\r\n$')
shell.type('\x03')
shell.awaits(r'int\r\nP> $')
# A background job that reads is stopped.
shell.type('cat & wait $!; jobs -s | grep -c "cat$"; kill %1; wait\n')
shell.awaits(r'1\r\n.*P> $')
shell.type('cat\n')
shell.type('a line\n\x04')
shell.awaits(r'a line\r\n.*P> $')
# More than any buffer holds, into a program that reads late.
shell.type('stty raw; echo go; sleep 0.1; head -c 100000 | sha256sum; stty -raw\n')
shell.awaits(r'go\n$')
sent = 0
text = (b'0123456789abcdef' * 6250)
os.set_blocking(shell.master, False)
while sent < len(text):
    select.select([shell.master], [shell.master], [], 30)
    try:
        sent += os.write(shell.master, text[sent:sent + 1000])
    except BlockingIOError:
        pass
os.set_blocking(shell.master, True)
shell.awaits(hashlib.sha256(text).hexdigest() + r'.*P> $')
shell.type('trap "exit 5" HUP; echo ready\n')
shell.awaits(r'ready\r\nP> $')
os.close(shell.master)
# By its trap, or at the end of its input: which comes first is nobody's promise.
print('ended', os.waitstatus_to_exitcode(os.waitpid(shell.pid, 0)[1]) in (0, 5))
done = subprocess.run(['script', '-qec', 'tty | tr -d 0-9; stty size; exit 4', 'typescript'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
print(done.returncode, done.stdout.replace(b'\r', b''))
