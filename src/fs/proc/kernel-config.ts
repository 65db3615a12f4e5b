/**
 * /proc/config.gz (Linux: kernel/configs.c): the options of Linux's own configuration that are true of this kernel, so that
 * programs which look there before they try something decide rightly. Those that are named and not set are "not set" on purpose;
 * the rest of Linux's thousands of options is left out.
 */
import { gzipSync } from 'node:zlib';
import type { ByteString } from '../../base/brands.js';
import { byteString } from '../../base/bytes.js';

const SET = [
  ...['64BIT', 'X86_64', 'X86', 'MMU', 'SMP', 'PREEMPT_DYNAMIC', 'NO_HZ', 'HIGH_RES_TIMERS', 'POSIX_TIMERS', 'BINFMT_ELF', 'BINFMT_SCRIPT'],
  ...['MULTIUSER', 'PROC_FS', 'PROC_SYSCTL', 'SYSFS', 'DEVTMPFS', 'TMPFS', 'TMPFS_XATTR', 'SHMEM', 'OVERLAY_FS', 'UNIX98_PTYS', 'TTY'],
  ...[
    'FUTEX',
    'FUTEX_PI',
    'EPOLL',
    'SIGNALFD',
    'TIMERFD',
    'EVENTFD',
    'MEMFD_CREATE',
    'INOTIFY_USER',
    'FANOTIFY',
    'DNOTIFY',
    'FILE_LOCKING',
  ],
  ...[
    'ADVISE_SYSCALLS',
    'AIO',
    'FHANDLE',
    'CROSS_MEMORY_ATTACH',
    'NET',
    'UNIX',
    'BLOCK',
    'BLK_DEV_LOOP',
    'PRINTK',
    'INET',
    'IPV6',
    'TIME_NS',
    'SYSVIPC',
    'SYSVIPC_SYSCTL',
    'POSIX_MQUEUE',
    'POSIX_MQUEUE_SYSCTL',
    'SECCOMP',
    'SECCOMP_FILTER',
    'KEYS',
    'SECURITY_LANDLOCK',
    'BIG_KEYS',
    'MEMBARRIER',
    'KCMP',
    'IKCONFIG',
    'IKCONFIG_PROC',
  ],
];

const NOT_SET = [
  'FANOTIFY_ACCESS_PERMISSIONS',
  ...['MODULES', 'NUMA', 'SWAP', 'HUGETLBFS', 'HUGETLB_PAGE', 'TRANSPARENT_HUGEPAGE', 'KSM', 'MEMORY_FAILURE', 'IO_URING', 'BPF_SYSCALL'],
  ...['PERF_EVENTS', 'USERFAULTFD', 'KEXEC', 'QUOTA', 'BSD_PROCESS_ACCT', 'CHECKPOINT_RESTORE', 'RT_GROUP_SCHED', 'TLS'],
  ...['PREEMPT_RT', 'UBSAN_SIGNED_OVERFLOW', 'SECURITY_LOCKDOWN_LSM', 'BLK_DEV_RAM', 'BLK_DEV_INTEGRITY', 'FS_VERITY', 'X86_X32_ABI'],
  ...['POSIX_AUX_CLOCKS', 'MODULE_SIG_FORCE', 'IA32_EMULATION'],
];

let packed: ByteString | undefined;

/** The gzipped text. */
export function kernelConfig(): ByteString {
  if (packed !== undefined) return packed;
  const lines = [...SET.map((name) => `CONFIG_${name}=y`), ...NOT_SET.map((name) => `# CONFIG_${name} is not set`)];
  const bytes = gzipSync(`#\n# skas: options of Linux that are true of this kernel\n#\n${lines.join('\n')}\n`);
  packed = byteString(bytes, 0, bytes.length);
  return packed;
}
