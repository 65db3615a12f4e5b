/**
 * System calls that this kernel knows and refuses, with the answer of a Linux that was built or configured without them.
 * Programs ask for these and go on without.
 */
import { ENOSYS, EOPNOTSUPP, EPERM } from '../abi/errno.js';
import { stub } from '../kernel/syscall.js';

const ABSENT = 'not in this kernel';
const PRIVILEGED = "the host's machine is not the guest's to change";

export const rseq = stub(
  'rseq',
  ENOSYS,
  'the host moves and interrupts guest threads without telling, so no critical section can be kept whole: libraries do without',
);
export const ioUringSetup = stub('io_uring_setup', ENOSYS, ABSENT);
export const ioUringEnter = stub('io_uring_enter', ENOSYS, ABSENT);
export const ioUringRegister = stub('io_uring_register', ENOSYS, ABSENT);
export const bpf = stub('bpf', EPERM, 'no programs in this kernel');
export const perfEventOpen = stub('perf_event_open', ENOSYS, 'no counters of the host for guests');
export const userfaultfd = stub('userfaultfd', ENOSYS, ABSENT);
export const quotactl = stub('quotactl', ENOSYS, 'no quotas');
export const quotactlFd = stub('quotactl_fd', ENOSYS, 'no quotas');
export const modifyLdt = stub('modify_ldt', ENOSYS, 'flat segments only');
export const setThreadArea = stub('set_thread_area', ENOSYS, '32-bit only');
export const getThreadArea = stub('get_thread_area', ENOSYS, '32-bit only');
export const mapShadowStack = stub('map_shadow_stack', EOPNOTSUPP, 'no shadow stacks');
export const lsmGetSelfAttr = stub('lsm_get_self_attr', EOPNOTSUPP, 'no security modules');
export const lsmSetSelfAttr = stub('lsm_set_self_attr', EOPNOTSUPP, 'no security modules');
export const lsmListModules = stub('lsm_list_modules', EOPNOTSUPP, 'no security modules');
export const acct = stub('acct', EPERM, PRIVILEGED);
export const swapon = stub('swapon', EPERM, PRIVILEGED);
export const swapoff = stub('swapoff', EPERM, PRIVILEGED);
export const initModule = stub('init_module', EPERM, PRIVILEGED);
export const finitModule = stub('finit_module', EPERM, PRIVILEGED);
export const kexecLoad = stub('kexec_load', EPERM, PRIVILEGED);
export const kexecFileLoad = stub('kexec_file_load', EPERM, PRIVILEGED);
export const uselib = stub('uselib', ENOSYS, ABSENT);
export const sysctl = stub('_sysctl', ENOSYS, ABSENT);
export const createModule = stub('create_module', ENOSYS, 'gone from Linux long ago');
export const getKernelSyms = stub('get_kernel_syms', ENOSYS, 'gone from Linux long ago');
export const queryModule = stub('query_module', ENOSYS, 'gone from Linux long ago');
export const nfsservctl = stub('nfsservctl', ENOSYS, 'gone from Linux long ago');
export const getpmsg = stub('getpmsg', ENOSYS, 'never in Linux');
export const putpmsg = stub('putpmsg', ENOSYS, 'never in Linux');
export const afsSyscall = stub('afs_syscall', ENOSYS, 'never in Linux');
export const tuxcall = stub('tuxcall', ENOSYS, 'never in Linux');
export const security = stub('security', ENOSYS, 'never in Linux');
export const vserver = stub('vserver', ENOSYS, 'never in Linux');
export const lookupDcookie = stub('lookup_dcookie', ENOSYS, 'gone from Linux long ago');
export const epollCtlOld = stub('epoll_ctl_old', ENOSYS, 'gone from Linux long ago');
export const epollWaitOld = stub('epoll_wait_old', ENOSYS, 'gone from Linux long ago');
export const processMrelease = stub('process_mrelease', ENOSYS, ABSENT);
