# Trees, renames, mappings, locks and limits as programs use them.
import fcntl
import os
import resource
import stat
import subprocess
import shutil
import mmap

from attempts import attempt, show

top = os.path.realpath('.')
d = top + '/work-files'
os.mkdir(d)
os.chdir(d)
# *at family through symlinked dirs, deep trees, rename over
for i in range(50): os.makedirs('t/%d/%d'%(i%7,i)); open('t/%d/%d/f'%(i%7,i),'w').write(str(i))
show(sum(len(f) for _,_,f in os.walk('t')), sorted(os.listdir('t')))
os.rename('t/1','t/x'); show(os.path.exists('t/1'), len(os.listdir('t/x')))
shutil.copytree('t','u'); show(subprocess.run(['diff','-r','t','u']).returncode)
show(subprocess.run("find t -type f | sort | xargs cat | md5sum; ls -R t | md5sum; du -s --apparent-size t | cut -f2; tar cf - t | tar tf - | sort | md5sum",shell=True,capture_output=True).stdout.decode())
# getdents resume w/ seek
fd=os.open('t',os.O_RDONLY); a=os.listdir(fd); b=os.listdir(fd); show(sorted(a)==sorted(b))
# rename open file, unlink, link count
f=open('f1','w+'); f.write('abc'); f.flush(); os.rename('f1','f2'); show(os.readlink('/proc/self/fd/%d'%f.fileno())==d+'/f2'); os.unlink('f2'); show(os.fstat(f.fileno()).st_nlink, os.readlink('/proc/self/fd/%d'%f.fileno())==d+'/f2 (deleted)'); f.seek(0); show(f.read())
# mmap shared with write
import mmap
m=open('mm','w+b'); m.truncate(8192); mm=mmap.mmap(m.fileno(),8192); mm[0:5]=b'hello'; mm[5000:5003]=b'xyz'; mm.flush(); show(open('mm','rb').read(5), open('mm','rb').read()[5000:5003]); os.pwrite(m.fileno(),b'J',0); show(mm[0:5]); 
show(attempt(os.posix_fallocate,m.fileno(),0,20000), os.fstat(m.fileno()).st_size)
# flock, fcntl
show(attempt(fcntl.flock,m,fcntl.LOCK_EX|fcntl.LOCK_NB), attempt(fcntl.lockf,m,fcntl.LOCK_EX|fcntl.LOCK_NB))
# sendfile, copy_file_range
s=open('src','w+b'); s.write(b'z'*100000); s.flush(); dd=open('dst','w+b'); show(attempt(os.sendfile,dd.fileno(),s.fileno(),0,100000), os.fstat(dd.fileno()).st_size, attempt(os.copy_file_range,s.fileno(),dd.fileno(),5000,0,100000))
# readv many, writev>1024
show(attempt(os.writev,dd.fileno(),[b'a']*1024), attempt(os.writev,dd.fileno(),[b'a']*1025))
# O_APPEND atomicity, O_TRUNC
show(os.system('echo one > ap; echo two >> ap; cat ap; : > ap; wc -c < ap'))
# rlimit fsize
show(os.system("ulimit -f 1; (head -c 5000 /dev/zero > big) 2>/dev/null; echo $?; wc -c < big"))
# umask & modes
show(os.system("umask 077; touch um; mkdir umd; stat -c %a um umd; chmod u=rwx,g+s,o+t umd; stat -c %a umd; cp -p um um2; stat -c %a um2; install -m 644 um um3; stat -c %a um3; ln um hard; ln -s um soft; stat -c '%h %F' um soft; mv um um4; cat soft 2>&1; readlink -f soft | xargs basename; realpath .//umd/../um4 | xargs basename"))
show(os.system("mkfifo ff; (echo through > ff &) ; cat ff; test -p ff && echo fifo; truncate -s 1M tr; stat -c %s tr; dd if=/dev/zero of=tr bs=1k seek=2000 count=1 conv=notrunc 2>/dev/null; stat -c %s tr; fallocate -l 4M fa; stat -c %s fa; fallocate -p -o 0 -l 1M fa; stat -c %s fa"))
show(os.system("touch -d '2001-02-03 04:05:06.789' tt; stat -c %y tt; touch -r tt t2; stat -c %Y t2; cp -a tt t3; stat -c %y t3; chmod 000 tt; cat tt >/dev/null && echo rootreads; rm -f tt"))
show(os.system("rm -rf t u; ls -A | sort | tr '\\n' ' '"))
show(os.system("cd /; rm -rf "+d+"; test -e "+d+" || echo gone"))
# limits of fds
import resource
resource.setrlimit(resource.RLIMIT_NOFILE,(20,20)); fds=[]
while True:
    r=attempt(os.open,'/dev/null',0)
    if type(r) is not int: show(r, len(fds)>5); break
    fds.append(r)
show(attempt(os.dup,0), attempt(os.dup2,0,19)==19, attempt(os.dup2,0,20), attempt(os.pipe))
