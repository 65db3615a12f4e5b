/**
 * Settings of the machine that a guest may change under /proc/sys and that this kernel acts upon (Linux: kernel/sysctl.c;
 * proc_sys(5)). fs/proc/sys-tree.ts shows them; those without effect here live there alone.
 */
export class Sysctl {
  /** kernel.pid_max: process ids stay below it. */
  pidMax = 4194304;
  /** fs.pipe-max-size: bytes that an unprivileged F_SETPIPE_SZ may ask for. */
  pipeMaxSize = 1048576;
  /** fs.nr_open: no process may raise RLIMIT_NOFILE above it. */
  nrOpen = 1048576;
  /** kernel.core_pattern and core_uses_pid: names of core files. */
  corePattern = 'core';
  coreUsesPid = 0;
  /** fs.aio-max-nr: completions that all contexts of asynchronous I/O may hold together. */
  aioMaxNr = 65536;
  /** fs.lease-break-time: seconds that the holder of a lease has to give way; 0: as long as it takes. */
  leaseBreakTime = 45;
  inotifyMaxQueuedEvents = 16384;
  inotifyMaxUserInstances = 128;
  inotifyMaxUserWatches = 65536;
}
