/** System call number -> definition. One line each, in the order of the numbers, nothing else. */
import { NR } from '../abi/syscall-numbers.js';
import type { SyscallDefinition } from '../kernel/syscall.js';
import * as clone from './clone.js';
import * as epoll from './epoll.js';
import * as eventFiles from './event-files.js';
import * as exec from './exec.js';
import * as pipes from './pipes.js';
import * as poll from './poll.js';
import * as processes from './processes.js';

export const SYSCALL_TABLE: Readonly<Record<number, SyscallDefinition>> = {
  [NR.poll]: poll.poll,
  [NR.pipe]: pipes.pipe,
  [NR.select]: poll.select,
  [NR.getpid]: processes.getpid,
  [NR.clone]: clone.cloneCall,
  [NR.fork]: clone.fork,
  [NR.vfork]: clone.vfork,
  [NR.execve]: exec.execve,
  [NR.exit]: processes.exit,
  [NR.wait4]: processes.wait4,
  [NR.setpgid]: processes.setpgid,
  [NR.getppid]: processes.getppid,
  [NR.getpgrp]: processes.getpgrp,
  [NR.setsid]: processes.setsid,
  [NR.getpgid]: processes.getpgid,
  [NR.getsid]: processes.getsid,
  [NR.gettid]: processes.gettid,
  [NR.epoll_create]: epoll.epollCreate,
  [NR.set_tid_address]: processes.setTidAddress,
  [NR.exit_group]: processes.exitGroupCall,
  [NR.epoll_wait]: epoll.epollWait,
  [NR.epoll_ctl]: epoll.epollCtl,
  [NR.waitid]: processes.waitid,
  [NR.pselect6]: poll.pselect6,
  [NR.ppoll]: poll.ppoll,
  [NR.epoll_pwait]: epoll.epollPwait,
  [NR.eventfd]: eventFiles.eventfd,
  [NR.eventfd2]: eventFiles.eventfd2,
  [NR.epoll_create1]: epoll.epollCreate1,
  [NR.pipe2]: pipes.pipe2,
  [NR.execveat]: exec.execveat,
  [NR.clone3]: clone.clone3,
  [NR.epoll_pwait2]: epoll.epollPwait2,
};
