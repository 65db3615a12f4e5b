/** /proc/sys (Linux: fs/proc/proc_sysctl.c; sysctl(8)): what programs read. Only host names can be written. */
import type { ByteString } from '../../base/brands.js';
import { EINVAL, EPERM } from '../../abi/errno.js';
import { CAP_SYS_ADMIN } from '../../abi/capability.js';
import type { Machine } from '../../kernel/machine.js';
import { PID_MAX } from '../../kernel/pids.js';
import { hasCapability } from '../../vfs/credentials.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { fixedIno } from './inode-numbers.js';
import { ipcSettings, mqueueSettings } from './ipc-files.js';
import { fixedDirectory, ProcDirectory, ProcText, ROOT_OWNER, type TextSink, type TextSource } from './nodes.js';

type Tree = { readonly [name: string]: Tree | TextSource | { readonly read: TextSource; readonly write: TextSink } };

function uuid(machine: Machine): string {
  const bytes = new Uint8Array(16);
  machine.randomBytes(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function line(text: string | number): TextSource {
  return () => `${text}\n`;
}

function tree(machine: Machine): Tree {
  const bootId = uuid(machine);
  const setName =
    (store: (name: string) => void): TextSink =>
    (text) => {
      if (!hasCapability(machine.current.cred, CAP_SYS_ADMIN)) return EPERM;
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
      hostname: { read: () => `${machine.hostname}\n`, write: setName((name) => (machine.hostname = name)) },
      domainname: { read: () => `${machine.domainname}\n`, write: setName((name) => (machine.domainname = name)) },
      pid_max: line(PID_MAX),
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
      core_pattern: line('core'),
      core_uses_pid: line(0),
      randomize_va_space: line(2),
      printk: line('4\t4\t1\t7'),
      panic: line(0),
      ...ipcSettings(machine),
      perf_event_paranoid: line(4),
      unprivileged_bpf_disabled: line(2),
      kptr_restrict: line(1),
      dmesg_restrict: line(1),
      seccomp: { actions_avail: line('kill_process kill_thread trap errno trace log allow') },
      tainted: line(0),
      sched_child_runs_first: line(0),
      io_uring_disabled: line(2),
      yama: { ptrace_scope: line(0) },
      pty: { max: line(4096), nr: line(0), reserve: line(1024) },
    },
    vm: {
      overcommit_memory: line(0),
      overcommit_ratio: line(50),
      max_map_count: line(65530),
      swappiness: line(60),
      mmap_min_addr: line(65536),
      nr_hugepages: line(0),
      drop_caches: line(0),
      panic_on_oom: line(0),
      dirty_ratio: line(20),
      min_free_kbytes: line(67584),
    },
    fs: {
      'file-max': line(9223372036854775807n.toString()),
      'file-nr': line('0\t0\t9223372036854775807'),
      nr_open: line(1048576),
      'pipe-max-size': line(1048576),
      'pipe-user-pages-hard': line(0),
      'pipe-user-pages-soft': line(16384),
      'aio-max-nr': line(65536),
      suid_dumpable: line(0),
      protected_hardlinks: line(0),
      protected_symlinks: line(0),
      protected_fifos: line(0),
      protected_regular: line(0),
      'inode-nr': line('0\t0'),
      inotify: { max_queued_events: line(16384), max_user_instances: line(128), max_user_watches: line(65536) },
      epoll: { max_user_watches: line(1048576) },
      mqueue: mqueueSettings(machine),
    },
    net: {
      core: {
        somaxconn: line(4096),
        rmem_max: line(212992),
        wmem_max: line(212992),
        rmem_default: line(212992),
        wmem_default: line(212992),
      },
      unix: { max_dgram_qlen: line(512) },
      ipv4: { ip_local_port_range: line('32768\t60999'), tcp_fin_timeout: line(60) },
      ipv6: { conf: { all: { disable_ipv6: line(0) } } },
    },
  };
}

/** The directory /proc/sys. */
export function sysDirectory(fs: FileSystem, machine: Machine, parentIno: number): Inode {
  return build(fs, tree(machine), parentIno);
}

function build(fs: FileSystem, branch: Tree, parentIno: number): Inode {
  const owner = (): typeof ROOT_OWNER => ROOT_OWNER;
  const ino = fixedIno();
  const nodes = new Map<ByteString, Inode>();
  for (const [name, item] of Object.entries(branch)) {
    if (typeof item === 'function') nodes.set(name, new ProcText(fs, fixedIno(), 0o444, owner, item));
    else if ('read' in item && typeof item.read === 'function') {
      nodes.set(name, new ProcText(fs, fixedIno(), 0o644, owner, item.read as TextSource, item.write as TextSink));
    } else nodes.set(name, build(fs, item as Tree, ino));
  }
  return new ProcDirectory(fs, ino, 0o555, owner, fixedDirectory(nodes, parentIno));
}
