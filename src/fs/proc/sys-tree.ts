/**
 * /proc/sys (Linux: fs/proc/proc_sysctl.c; sysctl(8)): what programs read and what administrators set. A value that this kernel
 * acts upon lives in kernel/sysctl.ts; another that can be written is kept and shown again.
 */
import { EINVAL, EPERM } from '../../abi/errno.js';
import { CAP_SYS_ADMIN } from '../../abi/capability.js';
import { PAGE_SIZE } from '../../base/page.js';
import { MMAP_MIN_ADDR } from '../../mm/address-space-map.js';
import type { Machine } from '../../kernel/machine.js';
import { PID_MAX } from '../../kernel/pids.js';
import type { Sysctl } from '../../kernel/sysctl.js';
import { capableIn } from '../../vfs/credentials.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { MAX_CAPACITY } from '../pipe.js';
import { ipcSettings, mqueueSettings } from './ipc-files.js';
import { keySettings } from './key-files.js';
import { kept, line, numberKnob, type Knob, type Tree } from './knobs.js';
import type { TextSink } from './nodes.js';
import { netDirectory } from './sys-net.js';
import { isBranch, settingsDirectory } from './sys-nodes.js';
import { keptSettings } from './sys-kept.js';

function uuid(machine: Machine): string {
  const bytes = new Uint8Array(16);
  machine.randomBytes(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

type NumberSetting = { [K in keyof Sysctl]: Sysctl[K] extends number ? K : never }[keyof Sysctl];

/** A member of machine.sysctl. */
function bound(machine: Machine, name: NumberSetting, min: number, max: number): Knob {
  const { sysctl } = machine;
  return numberKnob(
    () => sysctl[name],
    (value) => (sysctl[name] = value),
    min,
    max,
  );
}

/** fs.pipe-max-size: a power of two, at least a page (Linux: round_pipe_size). */
function pipeMaxSize({ sysctl }: Machine): Knob {
  return numberKnob(
    () => sysctl.pipeMaxSize,
    (value) => (sysctl.pipeMaxSize = Math.max(PAGE_SIZE, 2 ** Math.ceil(Math.log2(Math.max(1, value))))),
    1,
    MAX_CAPACITY,
  );
}

/** kernel.core_pattern: one line. */
function corePattern({ sysctl }: Machine): Knob {
  return {
    read: () => `${sysctl.corePattern}\n`,
    write: (given) => ((sysctl.corePattern = given.replace(/\n.*$/s, '').slice(0, 127)), 0),
  };
}

/** A file that only takes orders (vm.drop_caches, vm.compact_memory). */
function order(min: number, max: number): Knob {
  return kept(0, min, max);
}

function tree(machine: Machine): Tree {
  const bootId = uuid(machine);
  const setName =
    (store: (name: string) => void): TextSink =>
    (text) => {
      if (!capableIn(machine.current.cred, machine.current.nsproxy.uts.owner!, CAP_SYS_ADMIN)) return EPERM;
      const name = text.replace(/\n$/, '');
      if (name.length > 64) return EINVAL;
      store(name);
      return 0;
    };
  return {
    kernel: {
      ostype: line('Linux'),
      osrelease: () => `${machine.release}\n`,
      version: () => `${machine.version}\n`,
      hostname: {
        read: () => `${machine.current.nsproxy.uts.hostname}\n`,
        write: setName((name) => (machine.current.nsproxy.uts.hostname = name)),
      },
      domainname: {
        read: () => `${machine.current.nsproxy.uts.domainname}\n`,
        write: setName((name) => (machine.current.nsproxy.uts.domainname = name)),
      },
      pid_max: bound(machine, 'pidMax', 301, PID_MAX),
      'threads-max': () => `${machine.config.maxProcesses}\n`,
      cap_last_cap: line(40),
      ngroups_max: line(65536),
      overflowuid: line(65534),
      overflowgid: line(65534),
      random: {
        boot_id: line(bootId),
        uuid: () => `${uuid(machine)}\n`,
        entropy_avail: line(256),
        poolsize: line(256),
        urandom_min_reseed_secs: line(60),
        write_wakeup_threshold: line(256),
      },
      core_pattern: corePattern(machine),
      core_uses_pid: bound(machine, 'coreUsesPid', 0, 1),
      randomize_va_space: line(2),
      printk: line('4\t4\t1\t7'),
      panic: kept(0),
      ...ipcSettings(machine),
      keys: keySettings(machine),
      perf_event_paranoid: line(4),
      unprivileged_bpf_disabled: line(2),
      kptr_restrict: line(1),
      dmesg_restrict: line(1),
      seccomp: { actions_avail: line('kill_process kill_thread trap errno user_notif trace log allow') },
      tainted: line(0),
      sched_child_runs_first: line(0),
      sched_rr_timeslice_ms: kept(100, -1),
      sched_rt_period_us: kept(1000000, 1),
      sched_rt_runtime_us: kept(950000, -1),
      yama: { ptrace_scope: line(0) },
      pty: { max: line(4096), nr: line(0), reserve: line(1024) },
    },
    vm: {
      overcommit_memory: kept(0, 0, 2),
      overcommit_ratio: kept(50),
      max_map_count: kept(65530, 0, 65530),
      swappiness: kept(60, 0, 200),
      mmap_min_addr: line(machine.platform.lowestAddress ?? MMAP_MIN_ADDR),
      // As on a machine that has no memory to spare for them.
      nr_hugepages: numberKnob(
        () => 0,
        () => {},
        0,
        2 ** 31 - 1,
      ),
      drop_caches: order(1, 4),
      compact_memory: order(1, 1),
      vfs_cache_pressure: kept(100),
      stat_refresh: { read: () => '', write: () => 0 as const },
      panic_on_oom: kept(0, 0, 2),
      dirty_ratio: kept(20, 0, 100),
      min_free_kbytes: kept(67584),
    },
    fs: {
      'file-max': line(9223372036854775807n.toString()),
      'file-nr': line('0\t0\t9223372036854775807'),
      nr_open: bound(machine, 'nrOpen', 64, 1048576),
      'pipe-max-size': pipeMaxSize(machine),
      'pipe-user-pages-hard': kept(0),
      'pipe-user-pages-soft': kept(16384),
      'aio-max-nr': bound(machine, 'aioMaxNr', 0, 2 ** 20),
      'aio-nr': () => `${machine.aioEvents}\n`,
      'lease-break-time': bound(machine, 'leaseBreakTime', 0, 2 ** 31 - 1),
      suid_dumpable: kept(0, 0, 2),
      protected_hardlinks: line(0),
      protected_symlinks: line(0),
      protected_fifos: line(0),
      protected_regular: line(0),
      'inode-nr': line('0\t0'),
      inotify: {
        max_queued_events: bound(machine, 'inotifyMaxQueuedEvents', 1, 16384),
        max_user_instances: bound(machine, 'inotifyMaxUserInstances', 0, 65536),
        max_user_watches: bound(machine, 'inotifyMaxUserWatches', 0, 65536),
      },
      fanotify: { max_queued_events: line(16384), max_user_groups: line(128), max_user_marks: line(8192) },
      epoll: { max_user_watches: line(1048576) },
      mqueue: mqueueSettings(machine),
    },
  };
}

/** The directory /proc/sys. Its nodes are made when somebody first looks. */
export function sysDirectory(fs: FileSystem, machine: Machine, parentIno: number): Inode {
  const settings = (): Tree => merge(keptSettings(), tree(machine));
  return settingsDirectory(fs, settings, parentIno, { net: (ino) => netDirectory(fs, machine, ino) });
}

/** `over` on top of `under`, directory by directory. */
function merge(under: Tree, over: Tree): Tree {
  const merged: Record<string, Tree[string]> = { ...under };
  for (const [name, item] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isBranch(item) && isBranch(below) ? merge(below, item) : item;
  }
  return merged;
}
