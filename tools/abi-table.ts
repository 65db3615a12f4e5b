/**
 * Which C struct each struct of src/abi is, and the C member behind each field, in the order of the declaration ('-': padding or
 * a part of a member that C does not name). check-abi compares sizes and offsets with those of the C compiler.
 */
import type { StructType } from '../src/base/struct.js';
import { ELF64_EHDR, ELF64_PHDR } from '../src/abi/elf-struct.js';
import { FLOCK } from '../src/abi/flock-struct.js';
import { FUTEX_WAITV } from '../src/abi/futex-struct.js';
import { MSGINFO, MSQID_DS, SEMBUF, SEMID_DS, SEMINFO, SHMID_DS, SHMINFO, SHM_INFO_STRUCT } from '../src/abi/ipc-struct.js';
import { MQ_ATTR } from '../src/abi/mqueue.js';
import { IO_EVENT, IOCB } from '../src/abi/aio.js';
import { IN_PKTINFO, IN6_PKTINFO, SOCK_EXTENDED_ERR } from '../src/abi/inet.js';
import { LOOP_INFO, LOOP_INFO64 } from '../src/abi/loop.js';
import { MOUNT_ATTR } from '../src/abi/mount-struct.js';
import { IFADDRMSG, IFINFOMSG, NLMSGHDR, RTMSG } from '../src/abi/netlink.js';
import { OPEN_HOW } from '../src/abi/openat2.js';
import { EPOLL_EVENT, POLLFD } from '../src/abi/poll-struct.js';
import { CLONE_ARGS, RUSAGE } from '../src/abi/process-struct.js';
import type * as sigframe from '../src/abi/sigframe.js';
import { SIGACTION, STACK } from '../src/abi/signal-struct.js';
import { SIGNALFD_INFO } from '../src/abi/signalfd-struct.js';
import { CMSGHDR, LINGER, MSGHDR, UCRED } from '../src/abi/socket-struct.js';
import { SECCOMP_NOTIF, SECCOMP_NOTIF_ADDFD, SECCOMP_NOTIF_RESP, SOCK_FPROG } from '../src/abi/seccomp.js';
import { STAT, STATFS, STATX } from '../src/abi/stat-struct.js';
import { CAP_DATA, CAP_HEADER, RLIMIT, SCHED_ATTR, SCHED_PARAM, SYSINFO } from '../src/abi/system-struct.js';
import { TERMIOS, TERMIOS2, WINSIZE } from '../src/abi/termios-struct.js';
import { ITIMERSPEC, ITIMERVAL, TIMESPEC, TIMEVAL } from '../src/abi/time-struct.js';
import { TIMEX } from '../src/abi/timex.js';
import { SIGEVENT, TMS } from '../src/abi/timer-struct.js';
import { IOVEC } from '../src/abi/uio.js';
import { USER_REGS } from '../src/abi/user-regs.js';

export interface AbiEntry {
  // biome-ignore lint/suspicious/noExplicitAny: only name, size and offsets are looked at
  readonly struct: StructType<any>;
  readonly ctype: string;
  readonly headers: string;
  readonly members: string;
}

function entry(struct: AbiEntry['struct'], ctype: string, headers: string, members: string): AbiEntry {
  return { struct, ctype, headers, members };
}

export const ABI_TABLE: readonly AbiEntry[] = [
  entry(SECCOMP_NOTIF, 'struct seccomp_notif', 'linux/seccomp.h', 'id pid flags data'),
  entry(SECCOMP_NOTIF_RESP, 'struct seccomp_notif_resp', 'linux/seccomp.h', 'id val error flags'),
  entry(SECCOMP_NOTIF_ADDFD, 'struct seccomp_notif_addfd', 'linux/seccomp.h', 'id flags srcfd newfd newfd_flags'),
  entry(TIMESPEC, 'struct timespec', 'time.h', 'tv_sec tv_nsec'),
  entry(
    IOCB,
    'struct iocb',
    'linux/aio_abi.h',
    'aio_data aio_key aio_rw_flags aio_lio_opcode aio_reqprio aio_fildes aio_buf aio_nbytes aio_offset aio_reserved2 aio_flags aio_resfd',
  ),
  entry(IO_EVENT, 'struct io_event', 'linux/aio_abi.h', 'data obj res res2'),
  entry(
    TIMEX,
    'struct timex',
    'sys/timex.h',
    'modes offset freq maxerror esterror status constant precision tolerance time.tv_sec time.tv_usec tick ppsfreq jitter shift stabil ' +
      'jitcnt calcnt errcnt stbcnt tai -',
  ),
  entry(TIMEVAL, 'struct timeval', 'sys/time.h', 'tv_sec tv_usec'),
  entry(ITIMERSPEC, 'struct itimerspec', 'time.h', 'it_interval.tv_sec it_interval.tv_nsec it_value.tv_sec it_value.tv_nsec'),
  entry(ITIMERVAL, 'struct itimerval', 'sys/time.h', 'it_interval.tv_sec it_interval.tv_usec it_value.tv_sec it_value.tv_usec'),
  entry(SIGEVENT, 'struct sigevent', 'signal.h', 'sigev_value sigev_signo sigev_notify _sigev_un._tid -'),
  entry(TMS, 'struct tms', 'sys/times.h', 'tms_utime tms_stime tms_cutime tms_cstime'),
  entry(MOUNT_ATTR, 'struct mount_attr', 'linux/mount.h', 'attr_set attr_clr propagation userns_fd'),
  entry(OPEN_HOW, 'struct open_how', 'linux/openat2.h', 'flags mode resolve'),
  entry(SIGACTION, 'struct sigaction', 'asm/signal.h', 'sa_handler sa_flags - sa_restorer sa_mask -'),
  entry(STACK, 'stack_t', 'asm/signal.h', 'ss_sp ss_flags ss_size'),
  entry(FLOCK, 'struct flock', 'fcntl.h', 'l_type l_whence l_start l_len l_pid'),
  entry(
    LOOP_INFO,
    'struct loop_info',
    'linux/loop.h',
    'lo_number lo_device lo_inode lo_rdevice lo_offset lo_encrypt_type lo_encrypt_key_size lo_flags lo_name lo_encrypt_key lo_init reserved',
  ),
  entry(
    LOOP_INFO64,
    'struct loop_info64',
    'linux/loop.h',
    'lo_device lo_inode lo_rdevice lo_offset lo_sizelimit lo_number lo_encrypt_type lo_encrypt_key_size lo_flags lo_file_name ' +
      'lo_crypt_name lo_encrypt_key lo_init',
  ),
  entry(POLLFD, 'struct pollfd', 'poll.h', 'fd events revents'),
  entry(EPOLL_EVENT, 'struct epoll_event', 'sys/epoll.h', 'events data -'),
  entry(
    CLONE_ARGS,
    'struct clone_args',
    'linux/sched.h linux/types.h',
    'flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size cgroup',
  ),
  entry(
    RUSAGE,
    'struct rusage',
    'sys/resource.h',
    'ru_utime.tv_sec ru_utime.tv_usec ru_stime.tv_sec ru_stime.tv_usec ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ' +
      'ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw',
  ),
  entry(
    SIGNALFD_INFO,
    'struct signalfd_siginfo',
    'sys/signalfd.h',
    'ssi_signo ssi_errno ssi_code ssi_pid ssi_uid ssi_fd ssi_tid ssi_band ssi_overrun ssi_trapno ssi_status ssi_int ssi_ptr ssi_utime ' +
      'ssi_stime ssi_addr ssi_addr_lsb - ssi_syscall ssi_call_addr ssi_arch -',
  ),
  entry(MSGHDR, 'struct msghdr', 'sys/socket.h', 'msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags'),
  entry(CMSGHDR, 'struct cmsghdr', 'sys/socket.h', 'cmsg_len cmsg_level cmsg_type'),
  entry(IN_PKTINFO, 'struct in_pktinfo', 'netinet/in.h', 'ipi_ifindex ipi_spec_dst ipi_addr'),
  entry(IN6_PKTINFO, 'struct in6_pktinfo', 'netinet/in.h', 'ipi6_addr ipi6_ifindex'),
  entry(
    SOCK_EXTENDED_ERR,
    'struct sock_extended_err',
    'time.h linux/errqueue.h',
    'ee_errno ee_origin ee_type ee_code ee_pad ee_info ee_data',
  ),
  entry(NLMSGHDR, 'struct nlmsghdr', 'linux/netlink.h', 'nlmsg_len nlmsg_type nlmsg_flags nlmsg_seq nlmsg_pid'),
  entry(IFINFOMSG, 'struct ifinfomsg', 'linux/rtnetlink.h', 'ifi_family __ifi_pad ifi_type ifi_index ifi_flags ifi_change'),
  entry(IFADDRMSG, 'struct ifaddrmsg', 'linux/if_addr.h', 'ifa_family ifa_prefixlen ifa_flags ifa_scope ifa_index'),
  entry(
    RTMSG,
    'struct rtmsg',
    'linux/rtnetlink.h',
    'rtm_family rtm_dst_len rtm_src_len rtm_tos rtm_table rtm_protocol rtm_scope rtm_type rtm_flags',
  ),
  entry(UCRED, 'struct ucred', 'sys/socket.h', 'pid uid gid'),
  entry(LINGER, 'struct linger', 'sys/socket.h', 'l_onoff l_linger'),
  entry(
    STAT,
    'struct stat',
    'asm/stat.h',
    'st_dev st_ino st_nlink st_mode st_uid st_gid __pad0 st_rdev st_size st_blksize st_blocks st_atime st_atime_nsec st_mtime ' +
      'st_mtime_nsec st_ctime st_ctime_nsec __unused[0] __unused[1] __unused[2]',
  ),
  entry(
    STATX,
    'struct statx',
    'linux/stat.h linux/types.h',
    'stx_mask stx_blksize stx_attributes stx_nlink stx_uid stx_gid stx_mode __spare0 stx_ino stx_size stx_blocks stx_attributes_mask ' +
      'stx_atime.tv_sec stx_atime.tv_nsec stx_atime.__reserved stx_btime.tv_sec stx_btime.tv_nsec stx_btime.__reserved stx_ctime.tv_sec ' +
      'stx_ctime.tv_nsec stx_ctime.__reserved stx_mtime.tv_sec stx_mtime.tv_nsec stx_mtime.__reserved stx_rdev_major stx_rdev_minor ' +
      'stx_dev_major stx_dev_minor stx_mnt_id stx_dio_mem_align stx_dio_offset_align - - - - - - - - - - - -',
  ),
  entry(
    STATFS,
    'struct statfs',
    'asm/statfs.h',
    'f_type f_bsize f_blocks f_bfree f_bavail f_files f_ffree f_fsid - f_namelen f_frsize f_flags f_spare[0] f_spare[1] f_spare[2] f_spare[3]',
  ),
  entry(
    SYSINFO,
    'struct sysinfo',
    'linux/sysinfo.h',
    'uptime loads[0] loads[1] loads[2] totalram freeram sharedram bufferram totalswap freeswap procs pad totalhigh freehigh mem_unit -',
  ),
  entry(RLIMIT, 'struct rlimit', 'sys/resource.h', 'rlim_cur rlim_max'),
  entry(CAP_HEADER, 'struct __user_cap_header_struct', 'linux/capability.h', 'version pid'),
  entry(CAP_DATA, 'struct __user_cap_data_struct', 'linux/capability.h', 'effective permitted inheritable'),
  entry(SCHED_PARAM, 'struct sched_param', 'sched.h', 'sched_priority'),
  entry(
    SCHED_ATTR,
    'struct sched_attr',
    'linux/types.h linux/sched/types.h',
    'size sched_policy sched_flags sched_nice sched_priority sched_runtime sched_deadline sched_period sched_util_min sched_util_max',
  ),
  entry(TERMIOS, 'struct termios', 'asm/termbits.h', 'c_iflag c_oflag c_cflag c_lflag c_line c_cc'),
  entry(TERMIOS2, 'struct termios2', 'asm/termbits.h', 'c_iflag c_oflag c_cflag c_lflag c_line c_cc c_ispeed c_ospeed'),
  entry(WINSIZE, 'struct winsize', 'sys/ioctl.h', 'ws_row ws_col ws_xpixel ws_ypixel'),
  entry(FUTEX_WAITV, 'struct futex_waitv', 'linux/futex.h', 'val uaddr flags __reserved'),
  entry(IOVEC, 'struct iovec', 'sys/uio.h', 'iov_base iov_len'),
  entry(
    SHMID_DS,
    'struct shmid_ds',
    'sys/shm.h',
    'shm_perm.__key shm_perm.uid shm_perm.gid shm_perm.cuid shm_perm.cgid shm_perm.mode shm_perm.__seq - - - - shm_segsz shm_atime ' +
      'shm_dtime shm_ctime shm_cpid shm_lpid shm_nattch - -',
  ),
  entry(
    SEMID_DS,
    'struct semid_ds',
    'sys/sem.h',
    'sem_perm.__key sem_perm.uid sem_perm.gid sem_perm.cuid sem_perm.cgid sem_perm.mode sem_perm.__seq - - - - sem_otime - sem_ctime - ' +
      'sem_nsems - -',
  ),
  entry(
    MSQID_DS,
    'struct msqid_ds',
    'sys/msg.h',
    'msg_perm.__key msg_perm.uid msg_perm.gid msg_perm.cuid msg_perm.cgid msg_perm.mode msg_perm.__seq - - - - msg_stime msg_rtime ' +
      'msg_ctime __msg_cbytes msg_qnum msg_qbytes msg_lspid msg_lrpid - -',
  ),
  entry(SHMINFO, 'struct shminfo', 'sys/shm.h', 'shmmax shmmin shmmni shmseg shmall - - - -'),
  entry(SHM_INFO_STRUCT, 'struct shm_info', 'sys/shm.h', 'used_ids shm_tot shm_rss shm_swp swap_attempts swap_successes'),
  entry(SEMINFO, 'struct seminfo', 'sys/sem.h', 'semmap semmni semmns semmnu semmsl semopm semume semusz semvmx semaem'),
  entry(MQ_ATTR, 'struct mq_attr', 'mqueue.h', 'mq_flags mq_maxmsg mq_msgsize mq_curmsgs - - - -'),
  entry(MSGINFO, 'struct msginfo', 'sys/msg.h', 'msgpool msgmap msgmax msgmnb msgmni msgssz msgtql msgseg'),
  entry(SOCK_FPROG, 'struct sock_fprog', 'linux/filter.h', 'len - - filter'),
  entry(SEMBUF, 'struct sembuf', 'sys/sem.h', 'sem_num sem_op sem_flg'),
  entry(
    USER_REGS,
    'struct user_regs_struct',
    'sys/user.h',
    'r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs',
  ),
  entry(
    ELF64_EHDR,
    'Elf64_Ehdr',
    'elf.h',
    'e_ident e_type e_machine e_version e_entry e_phoff e_shoff e_flags e_ehsize e_phentsize e_phnum e_shentsize e_shnum e_shstrndx',
  ),
  entry(ELF64_PHDR, 'Elf64_Phdr', 'elf.h', 'p_type p_flags p_offset p_vaddr p_paddr p_filesz p_memsz p_align'),
];

/** Offsets of the signal frame that abi/sigframe.ts names -> C expression; the C side is glibc's view of the same memory. */
export const FRAME_OFFSETS: readonly (readonly [name: keyof typeof sigframe, expression: string])[] = [
  ['UC_FLAGS', 'offsetof(ucontext_t, uc_flags)'],
  ['UC_LINK', 'offsetof(ucontext_t, uc_link)'],
  ['UC_STACK', 'offsetof(ucontext_t, uc_stack)'],
  ['UC_MCONTEXT', 'offsetof(ucontext_t, uc_mcontext)'],
  ['UC_SIGMASK', 'offsetof(ucontext_t, uc_sigmask)'],
  ['SS_SP', 'offsetof(stack_t, ss_sp)'],
  ['SS_FLAGS', 'offsetof(stack_t, ss_flags)'],
  ['SS_SIZE', 'offsetof(stack_t, ss_size)'],
  ['SC_CS', 'offsetof(mcontext_t, gregs[REG_CSGSFS])'],
  ['SC_GS', 'offsetof(mcontext_t, gregs[REG_CSGSFS]) + 2'],
  ['SC_FS', 'offsetof(mcontext_t, gregs[REG_CSGSFS]) + 4'],
  ['SC_SS', 'offsetof(mcontext_t, gregs[REG_CSGSFS]) + 6'],
  ['SC_ERR', 'offsetof(mcontext_t, gregs[REG_ERR])'],
  ['SC_TRAPNO', 'offsetof(mcontext_t, gregs[REG_TRAPNO])'],
  ['SC_OLDMASK', 'offsetof(mcontext_t, gregs[REG_OLDMASK])'],
  ['SC_CR2', 'offsetof(mcontext_t, gregs[REG_CR2])'],
  ['SC_FPSTATE', 'offsetof(mcontext_t, fpregs)'],
  ['FP_MXCSR', 'offsetof(struct _libc_fpstate, mxcsr)'],
  ['FP_MXCSR_MASK', 'offsetof(struct _libc_fpstate, mxcr_mask)'],
  ['FXSAVE_SIZE', 'sizeof(struct _libc_fpstate)'],
  ['FRAME_UCONTEXT', 'sizeof(void *)'],
  ['FRAME_INFO', 'sizeof(void *) + offsetof(ucontext_t, uc_sigmask) + 8'],
  ['FRAME_SIZE', 'sizeof(void *) + offsetof(ucontext_t, uc_sigmask) + 8 + sizeof(siginfo_t)'],
];
