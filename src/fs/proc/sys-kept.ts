/**
 * Settings of /proc/sys that this kernel has no use for (Documentation/admin-guide/sysctl): with Linux's values, and those that root
 * may set are kept and shown. What the kernel acts upon is in sys-tree.ts.
 */
import { kept, line, text, zeros, type Tree } from './knobs.js';

const FLAG = 1;

function namespaceLimits(): Tree {
  const names = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
  return Object.fromEntries(names.map((name) => [`max_${name}_namespaces`, kept(15661)]));
}

/** A tree of its own for each machine. */
export function keptSettings(): Tree {
  return {
    abi: { vsyscall32: kept(1, 0, FLAG) },
    debug: { 'exception-trace': kept(1, 0, FLAG) },
    fs: {
      'dentry-state': line('0\t0\t45\t0\t0\t0'),
      'dir-notify-enable': kept(1),
      fanotify: { max_queued_events: kept(16384), max_user_groups: kept(128), max_user_marks: kept(8192) },
      'inode-state': line('0\t0\t0\t0\t0\t0\t0'),
      'leases-enable': kept(1),
      'mount-max': kept(100000),
      overflowgid: kept(65534, 0, 65535),
      overflowuid: kept(65534, 0, 65535),
    },
    kernel: {
      ...zeros('acct', 'core_pipe_limit', 'ctrl-alt-del', 'latencytop', 'max_lock_depth', 'numa_balancing', 'oops_all_cpu_backtrace'),
      ...zeros('panic_on_io_nmi', 'panic_on_oops', 'panic_on_rcu_stall', 'panic_on_unrecovered_nmi', 'panic_on_warn', 'panic_print'),
      ...zeros('print-fatal-signals', 'printk_delay', 'soft_watchdog', 'softlockup_panic', 'task_delayacct', 'traceoff_on_warning'),
      ...zeros('unknown_nmi_panic', 'hung_task_panic', 'hardlockup_panic', 'nmi_watchdog'),
      arch: line('x86_64'),
      auto_msgmni: kept(0),
      bootloader_type: line(0),
      bootloader_version: line(0),
      cad_pid: kept(1, 1),
      hotplug: text('', 256),
      hung_task_check_count: kept(4194304),
      hung_task_timeout_secs: kept(120),
      hung_task_warnings: kept(10, -1),
      io_uring_group: kept(-1, -1),
      keys: {
        gc_delay: kept(300),
        maxbytes: kept(20000),
        maxkeys: kept(200),
        persistent_keyring_expiry: kept(259200),
        root_maxbytes: kept(25000000),
        root_maxkeys: kept(1000000),
      },
      modprobe: text('/sbin/modprobe', 256),
      modules_disabled: kept(1, 1, 1),
      oops_limit: kept(10000),
      perf_event_max_sample_rate: kept(100000),
      perf_event_mlock_kb: kept(516),
      poweroff_cmd: text('/sbin/poweroff', 256),
      printk_devkmsg: text('ratelimit', 16),
      printk_ratelimit: kept(5),
      printk_ratelimit_burst: kept(10),
      sched_autogroup_enabled: kept(1, 0, FLAG),
      sched_cfs_bandwidth_slice_us: kept(5000, 1),
      sched_deadline_period_max_us: kept(4194304),
      sched_deadline_period_min_us: kept(100),
      seccomp: { actions_logged: text('kill_process kill_thread trap errno trace log', 256) },
      split_lock_mitigate: kept(1, 0, FLAG),
      sysctl_writes_strict: kept(1, -1, FLAG),
      sysrq: kept(16, 0, 511),
      timer_migration: kept(1, 0, FLAG),
      unprivileged_userns_clone: kept(1, 0, FLAG),
      warn_limit: kept(0),
      watchdog: kept(0, 0, FLAG),
      watchdog_thresh: kept(10, 0, 60),
    },
    user: {
      ...namespaceLimits(),
      max_fanotify_groups: kept(128),
      max_fanotify_marks: kept(8192),
      max_inotify_instances: kept(128),
      max_inotify_watches: kept(65536),
    },
    vm: {
      ...zeros('dirty_background_bytes', 'dirty_bytes', 'hugetlb_shm_group', 'laptop_mode', 'legacy_va_layout', 'memfd_noexec'),
      ...zeros('nr_overcommit_hugepages', 'oom_kill_allocating_task', 'overcommit_kbytes', 'unprivileged_userfaultfd', 'zone_reclaim_mode'),
      admin_reserve_kbytes: kept(8192),
      compact_unevictable_allowed: kept(1, 0, FLAG),
      compaction_proactiveness: kept(20, 0, 100),
      dirty_background_ratio: kept(10, 0, 100),
      dirty_expire_centisecs: kept(3000),
      dirty_writeback_centisecs: kept(500),
      dirtytime_expire_seconds: kept(43200),
      extfrag_threshold: kept(500, 0, 1000),
      lowmem_reserve_ratio: text('256\t256\t32\t0\t0', 64),
      min_slab_ratio: kept(5, 0, 100),
      min_unmapped_ratio: kept(1, 0, 100),
      mmap_rnd_bits: kept(28, 28, 32),
      mmap_rnd_compat_bits: kept(8, 8, 16),
      nr_hugepages_mempolicy: line(0),
      numa_zonelist_order: text('Node', 16),
      oom_dump_tasks: kept(1),
      'page-cluster': kept(3, 0, 31),
      page_lock_unfairness: kept(5),
      percpu_pagelist_high_fraction: kept(0),
      stat_interval: kept(1),
      user_reserve_kbytes: kept(131072),
      watermark_boost_factor: kept(15000),
      watermark_scale_factor: kept(10, 1, 3000),
    },
  };
}
