# Who may do what: mode bits, sticky and setgid directories, capabilities. Only root can play the other user.
import fcntl
import os
import resource
import stat
import subprocess
import shutil
import mmap

from attempts import attempt, raw, show

top = os.path.realpath('.')
d = top + '/work-files'
os.mkdir(d)
os.chdir(d)
if os.getuid() != 0:
    raise SystemExit(0)
for place in (top, d):
    os.chmod(place, 0o755)
os.umask(0o22)
def mk(n,m,u=0,g=0,t='x'):
    open(n,'w').write(t); os.chown(n,u,g); os.chmod(n,m)
mk('priv',0o600); mk('pub',0o644); mk('mine',0o600,1000,1000); mk('grp',0o640,0,1000); mk('noown',0o077,1000,5); mk('suid',0o6755,1000,1000); mk('exec',0o711)
os.mkdir('pd',0o700); open('pd/in','w'); os.mkdir('sticky'); os.chmod('sticky',0o1777); open('sticky/root','w'); os.mkdir('my'); os.chown('my',1000,1000); os.mkdir('sg'); os.chown('sg',1000,7); os.chmod('sg',0o2775); os.mkdir('nox',0o755); os.chmod('nox',0o644); open('nox/a','w')
os.chmod('.',0o755)
if os.fork()==0:
    os.setgroups([1000]); os.setgid(1000); os.setuid(1000)
    for n in ['priv','pub','mine','grp','noown','exec','pd/in','nox/a','nope']:
        show(n,[type(attempt(os.open,n,f)) is int or attempt(os.open,n,f) for f in (os.O_RDONLY,os.O_WRONLY,os.O_RDWR,os.O_WRONLY|os.O_TRUNC,os.O_RDONLY|os.O_NOATIME)],[os.access(n,m) for m in (0,1,2,4)], attempt(os.chmod,n,0o644) , attempt(os.chown,n,1000,1000), attempt(os.utime,n), attempt(os.utime,n,(1,1)), attempt(os.truncate,n,1), attempt(os.unlink,n), attempt(os.rename,n,'zz'), attempt(os.link,n,'my/l'))
    show('mkdir',attempt(os.mkdir,'q'), attempt(os.mkdir,'my/q'), attempt(os.mkdir,'pd/q'), attempt(os.mkdir,'nox/q'), attempt(os.listdir,'pd'), attempt(os.listdir,'nox'), attempt(os.chdir,'nox'), attempt(os.chdir,'pd'))
    show('sticky',attempt(os.unlink,'sticky/root'), attempt(os.rename,'sticky/root','sticky/r2'), attempt(os.open,'sticky/me',os.O_CREAT|os.O_RDWR,0o666)>0, attempt(os.unlink,'sticky/me'))
    fd=os.open('sg/f',os.O_CREAT|os.O_RDWR,0o2775); s=os.fstat(fd); show('sg',s.st_gid,oct(s.st_mode)); os.mkdir('sg/d'); s=os.stat('sg/d'); show(s.st_gid,oct(s.st_mode))
    show('chmod',attempt(os.chmod,'sg/f',0o2771), oct(os.stat('sg/f').st_mode), attempt(os.chown,'sg/f',-1,1000), attempt(os.chown,'sg/f',-1,8), attempt(os.chown,'sg/f',0,-1))
    f=os.open('suid',os.O_WRONLY); show('suidw',oct(os.fstat(f).st_mode), os.write(f,b'y'), oct(os.fstat(f).st_mode))
    show('caps',attempt(os.mknod,'my/n',stat.S_IFCHR|0o600,os.makedev(1,3)), attempt(os.chroot,'my'), raw(165,b'none',b'my',b'tmpfs',0,0), raw(166,b'my',0), attempt(os.mkfifo,'my/p'))
    show('rendir', attempt(os.mkdir,'my/a'), attempt(os.rename,'my/a','my/b'), attempt(os.rename,'sg/d','my/d'))
    os._exit(0)
os.wait()
show(oct(os.stat('sg').st_mode))
os.system('rm -rf '+d)
