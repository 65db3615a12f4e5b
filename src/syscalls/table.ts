/** System call number -> definition. One line each, in the order of the numbers, nothing else. */
import { NR } from '../abi/syscall-numbers.js';
import type { SyscallDefinition } from '../kernel/syscall.js';
import * as clone from './clone.js';
import * as epoll from './epoll.js';
import * as eventFiles from './event-files.js';
import * as exec from './exec.js';
import * as futex from './futex.js';
import * as kill from './kill.js';
import * as memory from './memory.js';
import * as numa from './numa.js';
import * as pipes from './pipes.js';
import * as poll from './poll.js';
import * as processMemory from './process-memory.js';
import * as processes from './processes.js';
import * as signals from './signals.js';

export const SYSCALL_TABLE: Readonly<Record<number, SyscallDefinition>> = {
  [NR.poll]: poll.poll,
  [NR.mmap]: memory.mmap,
  [NR.mprotect]: memory.mprotect,
  [NR.munmap]: memory.munmap,
  [NR.brk]: memory.brk,
  [NR.rt_sigaction]: signals.rtSigaction,
  [NR.rt_sigprocmask]: signals.rtSigprocmask,
  [NR.rt_sigreturn]: signals.rtSigreturn,
  [NR.pipe]: pipes.pipe,
  [NR.select]: poll.select,
  [NR.mremap]: memory.mremap,
  [NR.msync]: memory.msync,
  [NR.mincore]: memory.mincore,
  [NR.madvise]: memory.madvise,
  [NR.pause]: signals.pause,
  [NR.getpid]: processes.getpid,
  [NR.clone]: clone.cloneCall,
  [NR.fork]: clone.fork,
  [NR.vfork]: clone.vfork,
  [NR.execve]: exec.execve,
  [NR.exit]: processes.exit,
  [NR.wait4]: processes.wait4,
  [NR.kill]: kill.kill,
  [NR.setpgid]: processes.setpgid,
  [NR.getppid]: processes.getppid,
  [NR.getpgrp]: processes.getpgrp,
  [NR.setsid]: processes.setsid,
  [NR.getpgid]: processes.getpgid,
  [NR.getsid]: processes.getsid,
  [NR.rt_sigpending]: signals.rtSigpending,
  [NR.rt_sigtimedwait]: signals.rtSigtimedwait,
  [NR.rt_sigqueueinfo]: kill.rtSigqueueinfo,
  [NR.rt_sigsuspend]: signals.rtSigsuspend,
  [NR.sigaltstack]: signals.sigaltstack,
  [NR.mlock]: memory.mlock,
  [NR.munlock]: memory.munlock,
  [NR.mlockall]: memory.mlockall,
  [NR.munlockall]: memory.munlockall,
  [NR.gettid]: processes.gettid,
  [NR.tkill]: kill.tkill,
  [NR.futex]: futex.futex,
  [NR.epoll_create]: epoll.epollCreate,
  [NR.remap_file_pages]: memory.remapFilePages,
  [NR.set_tid_address]: processes.setTidAddress,
  [NR.restart_syscall]: signals.restartSyscall,
  [NR.exit_group]: processes.exitGroupCall,
  [NR.epoll_wait]: epoll.epollWait,
  [NR.epoll_ctl]: epoll.epollCtl,
  [NR.tgkill]: kill.tgkill,
  [NR.mbind]: numa.mbind,
  [NR.set_mempolicy]: numa.setMempolicy,
  [NR.get_mempolicy]: numa.getMempolicy,
  [NR.waitid]: processes.waitid,
  [NR.migrate_pages]: numa.migratePages,
  [NR.pselect6]: poll.pselect6,
  [NR.ppoll]: poll.ppoll,
  [NR.set_robust_list]: futex.setRobustList,
  [NR.get_robust_list]: futex.getRobustList,
  [NR.move_pages]: numa.movePages,
  [NR.epoll_pwait]: epoll.epollPwait,
  [NR.eventfd]: eventFiles.eventfd,
  [NR.eventfd2]: eventFiles.eventfd2,
  [NR.epoll_create1]: epoll.epollCreate1,
  [NR.pipe2]: pipes.pipe2,
  [NR.rt_tgsigqueueinfo]: kill.rtTgsigqueueinfo,
  [NR.process_vm_readv]: processMemory.processVmReadv,
  [NR.process_vm_writev]: processMemory.processVmWritev,
  [NR.execveat]: exec.execveat,
  [NR.mlock2]: memory.mlock2,
  [NR.pkey_mprotect]: memory.pkeyMprotect,
  [NR.pkey_alloc]: memory.pkeyAlloc,
  [NR.pkey_free]: memory.pkeyFree,
  [NR.pidfd_send_signal]: kill.pidfdSendSignal,
  [NR.pidfd_open]: kill.pidfdOpen,
  [NR.clone3]: clone.clone3,
  [NR.pidfd_getfd]: kill.pidfdGetfd,
  [NR.process_madvise]: processMemory.processMadvise,
  [NR.epoll_pwait2]: epoll.epollPwait2,
  [NR.futex_waitv]: futex.futexWaitv,
  [NR.set_mempolicy_home_node]: numa.setMempolicyHomeNode,
};
