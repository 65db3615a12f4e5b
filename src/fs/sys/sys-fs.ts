/**
 * sysfs (sysfs(5); Linux: fs/sysfs, Documentation/ABI): what programs ask about CPUs, memory, block devices and network
 * interfaces. Nothing can be written. Leaves out: buses, drivers, modules and everything else that stands for hardware.
 */
import type { Machine } from '../../kernel/machine.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import type { NetNamespace } from '../../kernel/net-namespace.js';
import { systemDevices } from './cpu-tree.js';
import { networkDevices, networkLinks } from './net-tree.js';
import { LinkTo, textDirectory, type TextTree } from './text-tree.js';

const SYSFS_MAGIC = 0x62656572;

export class SysFs extends FileSystem {
  readonly type = 'sysfs';
  override readonly readOnly = true;
  /** Interfaces come and go. */
  override readonly stableNames = false;
  readonly root: Inode;

  /** Shows the interfaces of `net`: of the one who mounts it. */
  constructor(machine: Machine, net: NetNamespace) {
    super();
    this.root = textDirectory(this, () => tree(machine, net));
  }

  statistics(): FileSystemStatistics {
    return { type: SYSFS_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }
}

const MEMORY_MANAGEMENT: TextTree = {
  transparent_hugepage: {
    defrag: 'always defer defer+madvise [madvise] never',
    enabled: 'always madvise [never]',
    hpage_pmd_size: 2097152,
    khugepaged: { defrag: 1, full_scans: 0, max_ptes_none: 511, pages_collapsed: 0, pages_to_scan: 4096, scan_sleep_millisecs: 10000 },
    shmem_enabled: 'always within_size advise [never] deny force',
    use_zero_page: 1,
  },
  hugepages: {
    'hugepages-2048kB': {
      free_hugepages: 0,
      nr_hugepages: 0,
      nr_hugepages_mempolicy: 0,
      nr_overcommit_hugepages: 0,
      resv_hugepages: 0,
      surplus_hugepages: 0,
    },
  },
  ksm: { full_scans: 0, pages_shared: 0, pages_sharing: 0, pages_to_scan: 100, run: 0, sleep_millisecs: 20 },
  numa: { demotion_enabled: 'false' },
};

function tree(machine: Machine, net: NetNamespace): TextTree {
  const cpuLinks = Array.from(
    { length: machine.cpuCount },
    (_, cpu) => [`cpu${cpu}`, new LinkTo(`../../../devices/system/cpu/cpu${cpu}`)] as const,
  );
  return {
    block: {},
    bus: {
      cpu: { devices: Object.fromEntries(cpuLinks) },
      node: { devices: { node0: new LinkTo('../../../devices/system/node/node0') } },
      pci: { devices: {}, drivers: {} },
      usb: { devices: {}, drivers: {} },
    },
    class: { block: {}, net: networkLinks(net), power_supply: {}, thermal: {} },
    dev: { block: {}, char: {} },
    devices: { system: systemDevices(machine), virtual: { net: networkDevices(net) } },
    firmware: {},
    fs: { cgroup: {} },
    kernel: { mm: MEMORY_MANAGEMENT, fscaps: 1, profiling: 0, uevent_seqnum: 0, security: {}, debug: {}, tracing: {} },
    module: {},
    power: { state: '' },
  };
}
