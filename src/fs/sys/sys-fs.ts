/**
 * sysfs (sysfs(5); Linux: fs/sysfs, Documentation/ABI): what programs ask about CPUs, memory, block devices and the loopback
 * interface. Nothing can be written. Leaves out: buses, drivers, modules and everything else that stands for hardware.
 */
import type { Machine } from '../../kernel/machine.js';
import { FileSystem, type FileSystemStatistics } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { systemDevices } from './cpu-tree.js';
import { LinkTo, textDirectory, type TextTree } from './text-tree.js';

const SYSFS_MAGIC = 0x62656572;

export class SysFs extends FileSystem {
  readonly type = 'sysfs';
  override readonly readOnly = true;
  readonly root: Inode;

  constructor(machine: Machine) {
    super();
    this.root = textDirectory(this, () => tree(machine));
  }

  statistics(): FileSystemStatistics {
    return { type: SYSFS_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0, nameMax: 255 };
  }
}

const LOOPBACK: TextTree = {
  addr_assign_type: 0,
  addr_len: 6,
  address: '00:00:00:00:00:00',
  broadcast: '00:00:00:00:00:00',
  carrier: 1,
  dev_id: '0x0',
  dev_port: 0,
  dormant: 0,
  flags: '0x9',
  ifalias: '',
  ifindex: 1,
  iflink: 1,
  link_mode: 0,
  mtu: 65536,
  name_assign_type: 2,
  netdev_group: 0,
  operstate: 'unknown',
  proto_down: 0,
  statistics: Object.fromEntries(
    ['collisions', 'multicast', ...['bytes', 'packets', 'errors', 'dropped'].flatMap((name) => [`rx_${name}`, `tx_${name}`])].map(
      (name) => [name, 0],
    ),
  ),
  tx_queue_len: 1000,
  type: 772,
  uevent: 'INTERFACE=lo\nIFINDEX=1',
};

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

function tree(machine: Machine): TextTree {
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
    class: { block: {}, net: { lo: new LinkTo('../../devices/virtual/net/lo') }, power_supply: {}, thermal: {} },
    dev: { block: {}, char: {} },
    devices: { system: systemDevices(machine), virtual: { net: { lo: LOOPBACK } } },
    firmware: {},
    fs: { cgroup: {} },
    kernel: { mm: MEMORY_MANAGEMENT, fscaps: 1, profiling: 0, uevent_seqnum: 0, security: {}, debug: {}, tracing: {} },
    module: {},
    power: { state: '' },
  };
}
