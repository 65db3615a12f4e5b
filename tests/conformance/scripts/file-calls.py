# Results and errors of the file calls, odd arguments included.
import ctypes
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
show('umask',oct(os.umask(0o22)),oct(os.umask(0o22)))
fd=os.open('f',os.O_CREAT|os.O_RDWR|os.O_EXCL,0o666)
show('fl',hex(fcntl.fcntl(fd,fcntl.F_GETFL)), fcntl.fcntl(fd,fcntl.F_GETFD))
show('excl',attempt(os.open,'f',os.O_CREAT|os.O_EXCL))
show(os.write(fd,b'hello world'), os.lseek(fd,0,1), os.pread(fd,5,6), os.pwrite(fd,b'W',6), os.lseek(fd,2,0), os.read(fd,100))
show('mode',oct(os.stat('f').st_mode), os.stat('f').st_size, os.stat('f').st_nlink)
show('readv',os.preadv(fd,[bytearray(3),bytearray(4)],0), os.pwritev(fd,[b'ab',b'cd'],20), os.stat('f').st_size)
show('dup',os.dup2(fd,50), fcntl.fcntl(fd,fcntl.F_DUPFD,60), attempt(fcntl.fcntl,fd,fcntl.F_DUPFD,-1))
show('trunc',os.ftruncate(fd,5), os.stat('f').st_size, attempt(os.truncate,'f',-1), attempt(os.truncate,'.',1), attempt(os.truncate,'nope',1))
show('seek',attempt(os.lseek,fd,-1,0), attempt(os.lseek,fd,0,9), attempt(os.lseek,0 if False else fd,1<<62,0))
show('fsync',os.fsync(fd),os.fdatasync(fd))
show('fallocate',attempt(os.posix_fallocate,fd,0,8192), os.stat('f').st_size, attempt(os.posix_fallocate,fd,-1,5), attempt(os.posix_fallocate,fd,0,0))
os.mkdir('d',0o777); os.mkdir('d/e')
show('dir',oct(os.stat('d').st_mode), os.stat('d').st_nlink, attempt(os.rmdir,'d'), attempt(os.mkdir,'d'), attempt(os.rmdir,'f'), attempt(os.unlink,'d'), attempt(os.open,'d',os.O_WRONLY))
os.symlink('f','l'); os.symlink('loop','loop'); os.symlink('nowhere','dang')
show('links',os.readlink('l'), attempt(os.open,'loop',0), attempt(os.open,'dang',0), attempt(os.open,'l',os.O_NOFOLLOW), attempt(os.readlink,'f'), os.lstat('l').st_size)
os.link('f','g'); show('nlink',os.stat('f').st_nlink, attempt(os.link,'d','dd'), attempt(os.link,'f','g'), attempt(os.link,'zz','yy'))
show('rename',attempt(os.rename,'g','d'), attempt(os.rename,'d','f'), attempt(os.rename,'d','d/e/x'), attempt(os.rename,'zz','q'), os.rename('g','h'))
show('renameat2',raw(316,-100,b'h',-100,b'f',1), raw(316,-100,b'h',-100,b'l',2), raw(316,-100,b'h',-100,b'l',3), raw(316,-100,b'h',-100,b'l',8))
show('names',sorted(os.listdir('.')), os.readlink('h') if os.path.islink('h') else 'notlink')
show('long',attempt(os.stat,'x'*256), attempt(os.stat,'x'*5000), attempt(os.stat,''), attempt(os.stat,'f/'), attempt(os.stat,'f/x'), attempt(os.mkdir,'x'*255))
show('access',os.access('f',os.X_OK), os.access('f',os.W_OK), os.access('nope',os.F_OK), attempt(os.chmod,'f',0o6755), oct(os.stat('f').st_mode), os.access('f',os.X_OK))
os.utime('f',ns=(1_000_000_001,2_000_000_002)); s=os.stat('f'); show('utime',s.st_atime_ns,s.st_mtime_ns)
show('utimensat',raw(280,-100,b'f',ctypes.byref((ctypes.c_long*4)(0,0x3ffffffe,5,6)),0), os.stat('f').st_mtime_ns, os.stat('f').st_atime_ns, raw(280,-100,b'f',ctypes.byref((ctypes.c_long*4)(0,-1,5,6)),0), raw(280,fd,0,0,0))
show('chown',attempt(os.chown,'f',-1,-1), attempt(os.lchown,'l',1,2), os.lstat('l').st_uid)
show('getcwd',os.getcwd()==d, raw(79,ctypes.create_string_buffer(3),3))
os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); show('gone',attempt(os.getcwd), attempt(os.listdir,'.'), attempt(os.open,'x',os.O_CREAT|os.O_RDWR), attempt(os.mkdir,'q')); os.chdir('..')
dfd=os.open('.',os.O_RDONLY|os.O_DIRECTORY); pfd=os.open('f',os.O_PATH)
show('at',attempt(os.open,'f',0,dir_fd=pfd), os.stat('f',dir_fd=dfd).st_size, attempt(os.read,pfd,1), attempt(os.fchmod,pfd,0o600), os.fstat(pfd).st_size, attempt(os.open,'d/../f',0,dir_fd=dfd)>0, attempt(os.open,'f',0,dir_fd=9999))
show('proc',os.readlink('/proc/self/fd/%d'%fd)==d+'/f', os.readlink('/proc/self/cwd')==d)
show('mknod',attempt(os.mkfifo,'p'), stat.filemode(os.stat('p').st_mode), attempt(os.mkfifo,'p'), attempt(os.open,'p',os.O_WRONLY|os.O_NONBLOCK), os.open('p',os.O_RDONLY|os.O_NONBLOCK)>0)
show('openat2',raw(437,-100,b'f',ctypes.byref((ctypes.c_ulong*3)(0,0,8)),24)>0, raw(437,-100,b'../f',ctypes.byref((ctypes.c_ulong*3)(0,0,8)),24), raw(437,-100,b'/etc/passwd',ctypes.byref((ctypes.c_ulong*3)(0,0,8)),24), raw(437,-100,b'f',ctypes.byref((ctypes.c_ulong*3)(0,0,64)),24), raw(437,-100,b'f',ctypes.byref((ctypes.c_ulong*3)(0,0,8)),8), raw(437,-100,b'f',ctypes.byref((ctypes.c_ulong*3)(0,0o600,0)),24))
show('bad',raw(0,fd,1,10), raw(1,fd,1,10), raw(0,9999,1,1), raw(0,fd,ctypes.create_string_buffer(1),-1), raw(20,fd,1,2), raw(20,fd,0,1025), raw(20,fd,0,0), raw(4,1,1), raw(5,fd,1), raw(262,-100,b'f',1,0), raw(262,-100,b'f',ctypes.create_string_buffer(200),0x8000), raw(217,dfd,ctypes.create_string_buffer(4),4), raw(217,fd,ctypes.create_string_buffer(400),400))
show('close_range',raw(436,70,60,0), raw(436,50,60,0), attempt(os.fstat,50), raw(436,0,9,8))
show('memfd',(lambda m:(os.write(m,b'x'),os.readlink('/proc/self/fd/%d'%m), fcntl.fcntl(m,1034), attempt(fcntl.fcntl,m,1033,2), os.fstat(m).st_nlink))(os.memfd_create('nm',0)))
show('tmpfile',(lambda m:(os.write(m,b'x'),os.fstat(m).st_nlink,attempt(os.link,'/proc/self/fd/%d'%m,'linked',follow_symlinks=True) if 0 else raw(265,-100,b'/proc/self/fd/%d'%m,-100,b'linked',0x400),os.fstat(m).st_nlink))(os.open('.',os.O_TMPFILE|os.O_RDWR)))
show('sparse',os.lseek(os.open('sp',os.O_CREAT|os.O_RDWR),0,2), raw(77,os.open('sp',os.O_RDWR),1<<20), attempt(os.lseek,os.open('sp',0),0,os.SEEK_DATA), os.lseek(os.open('sp',0),0,os.SEEK_HOLE))
show('append',(lambda m:(os.write(m,b'12'),os.lseek(m,0,0),os.write(m,b'34'),os.lseek(m,0,1)))(os.open('ap',os.O_CREAT|os.O_WRONLY|os.O_APPEND)))
show('ioctl',attempt(fcntl.ioctl,fd,0x541b,b'\0'*4), attempt(fcntl.ioctl,fd,0x5401,b'\0'*60))
show('fadvise',attempt(os.posix_fadvise,fd,0,0,3), attempt(os.posix_fadvise,fd,0,0,99), raw(187,fd,0,10), raw(277,fd,0,10,1), raw(277,fd,0,10,99))
show('setfl',fcntl.fcntl(fd,fcntl.F_SETFL,os.O_NONBLOCK|os.O_APPEND), hex(fcntl.fcntl(fd,fcntl.F_GETFL)))
show('big',attempt(os.pwrite,fd,b'x',(1<<63)-1), attempt(os.pwrite,fd,b'x',-1), attempt(os.pread,fd,1,1<<60))
show('creatdir',attempt(os.open,'nd/',os.O_CREAT|os.O_RDWR), attempt(os.open,'d',os.O_CREAT), attempt(os.open,'.',os.O_CREAT|os.O_EXCL), attempt(os.open,'d',os.O_CREAT|os.O_DIRECTORY), attempt(os.open,'d',os.O_RDWR|os.O_TRUNC), attempt(os.open, 'f', os.O_DIRECTORY), attempt(os.symlink,'','x'), attempt(os.symlink,'a','d/'), attempt(os.mkdir,'nd2/')==None, attempt(os.mkdir,'dang'), attempt(os.mkdir,'dang/'))
r,w=os.pipe(); show('pipe',attempt(os.lseek,r,0,0), attempt(os.pread,r,1,0), attempt(os.ftruncate,w,0), attempt(os.read,w,1), attempt(os.write,r,b'x'), attempt(os.fsync,r), attempt(os.fchdir,r), attempt(os.posix_fallocate,w,0,5), stat.filemode(os.fstat(r).st_mode), attempt(os.open,'/dev/fd/%d/x'%r,0))
n=0
for i in range(2000): os.close(os.open('m%d'%i,os.O_CREAT|os.O_WRONLY))
show('many',len(os.listdir('.')), sum(os.stat('m%d'%i).st_size for i in range(2000)))
os.system('rm -rf '+d); show(os.path.exists(d))
