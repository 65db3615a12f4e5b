/** System call number -> definition. One line each, in the order of the numbers, nothing else. */
import { NR } from '../abi/syscall-numbers.js';
import type { SyscallDefinition } from '../kernel/syscall.js';
import * as clone from './clone.js';
import * as exec from './exec.js';
import * as processes from './processes.js';

export const SYSCALL_TABLE: Readonly<Record<number, SyscallDefinition>> = {
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
  [NR.set_tid_address]: processes.setTidAddress,
  [NR.exit_group]: processes.exitGroupCall,
  [NR.waitid]: processes.waitid,
  [NR.execveat]: exec.execveat,
  [NR.clone3]: clone.clone3,
};
