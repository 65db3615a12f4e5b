/**
 * /proc/sys/net as the network of the one who looks has it (Linux: net/sysctl_net.c; Documentation/admin-guide/sysctl/net.rst). Root
 * of the user namespace that owns the network may set it; most values are kept and have no effect.
 */
import { EINVAL } from '../../abi/errno.js';
import type { Machine } from '../../kernel/machine.js';
import type { NetNamespace } from '../../kernel/net-namespace.js';
import type { FileSystem } from '../../vfs/file-system.js';
import type { Inode } from '../../vfs/inode.js';
import { fixedIno } from './inode-numbers.js';
import { kept, line, numberKnob, text, zeros, type Knob, type Tree } from './knobs.js';
import { ProcDirectory, ROOT_OWNER, type DirectorySource } from './nodes.js';
import { settingsSource } from './sys-nodes.js';

/** net.ipv4.ip_local_port_range: two numbers. */
function portRange(net: NetNamespace): Knob {
  return {
    read: () => `${net.ephemeralPorts.first}\t${net.ephemeralPorts.last}\n`,
    write: (given) => {
      const digits = /^\s*(\d{1,5})\s+(\d{1,5})\s*$/.exec(given);
      if (!digits) return EINVAL;
      const [first, last] = digits.slice(1).map(Number) as [number, number];
      if (first < 1 || first > last || last > 65535) return EINVAL;
      net.ephemeralPorts = { first, last };
      return 0;
    },
  };
}

function settings(net: NetNamespace): Tree {
  return {
    unix: { max_dgram_qlen: kept(512) },
    core: {
      bpf_jit_enable: kept(1),
      somaxconn: line(4096),
      rmem_max: line(212992),
      wmem_max: line(212992),
      rmem_default: line(212992),
      wmem_default: line(212992),
      default_qdisc: text('pfifo_fast', 16),
      dev_weight: kept(64),
      netdev_budget: kept(300),
      netdev_max_backlog: kept(1000),
      optmem_max: kept(131072),
      warnings: kept(0),
    },
    ipv4: {
      conf: { all: zeros('forwarding', 'rp_filter'), default: zeros('forwarding', 'rp_filter'), lo: zeros('forwarding', 'rp_filter') },
      icmp_echo_ignore_all: kept(0),
      ip_default_ttl: kept(64, 1, 255),
      ip_forward: kept(0),
      ip_nonlocal_bind: kept(0),
      ip_local_port_range: portRange(net),
      ip_unprivileged_port_start: numberKnob(
        () => net.firstFreePort,
        (port) => (net.firstFreePort = port),
        0,
        65535,
      ),
      tcp_fin_timeout: kept(60),
      ping_group_range: text('0\t2147483647', 32),
      tcp_available_congestion_control: line('reno cubic'),
      tcp_congestion_control: text('cubic', 16),
      tcp_keepalive_intvl: kept(75),
      tcp_keepalive_probes: kept(9),
      tcp_keepalive_time: kept(7200),
      tcp_max_syn_backlog: kept(512),
      tcp_rmem: text('4096\t131072\t6291456', 64),
      tcp_sack: kept(1),
      tcp_syncookies: kept(1),
      tcp_timestamps: kept(1),
      tcp_tw_reuse: kept(2),
      tcp_window_scaling: kept(1),
      tcp_wmem: text('4096\t16384\t4194304', 64),
    },
    ipv6: {
      bindv6only: kept(0),
      conf: {
        all: zeros('disable_ipv6', 'forwarding'),
        default: zeros('disable_ipv6', 'forwarding'),
        lo: zeros('disable_ipv6', 'forwarding'),
      },
    },
  };
}

/** The directory: each network has settings of its own, made when somebody first looks. */
export function netDirectory(fs: FileSystem, machine: Machine, parentIno: number): Inode {
  const ino = fixedIno();
  const sources = new WeakMap<NetNamespace, DirectorySource>();
  const current = (): DirectorySource => {
    const { net } = machine.current.nsproxy;
    let source = sources.get(net);
    if (!source) {
      const owner = (): typeof ROOT_OWNER => ({ uid: Math.max(0, net.owner!.rootUid), gid: 0 });
      source = settingsSource(fs, settingsOf(net), ino, parentIno, owner);
      sources.set(net, source);
    }
    return source;
  };
  return new ProcDirectory(fs, ino, 0o555, () => ROOT_OWNER, {
    parentIno,
    lookup: (name) => current().lookup(name),
    list: () => current().list(),
  });
}

/** The same values in every mount of /proc. */
const settingsByNet = new WeakMap<NetNamespace, Tree>();

function settingsOf(net: NetNamespace): Tree {
  let tree = settingsByNet.get(net);
  if (!tree) {
    tree = settings(net);
    settingsByNet.set(net, tree);
  }
  return tree;
}
