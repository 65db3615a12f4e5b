/**
 * The namespaces that hold little or nothing of their own (namespaces(7)): host names, control groups, clocks. In Linux
 * each belongs to the subsystem that it divides.
 */
import { Namespace } from '../vfs/namespace.js';
import type { UserNamespace } from '../vfs/user-namespace.js';

/** Linux: struct uts_namespace. */
export class UtsNamespace extends Namespace {
  readonly kind = 'uts';
  constructor(
    owner: UserNamespace,
    isFirst: boolean,
    public hostname: string,
    public domainname: string,
  ) {
    super('uts', owner, isFirst);
  }
}

/** Linux: struct cgroup_namespace. There is one control group, so all namespaces show the same. */
export class CgroupNamespace extends Namespace {
  readonly kind = 'cgroup';
  constructor(owner: UserNamespace, isFirst: boolean) {
    super('cgroup', owner, isFirst);
  }
}

/** Linux: struct time_namespace. Offsets stay zero: the clocks of the vDSO are the machine's. */
export class TimeNamespace extends Namespace {
  readonly kind = 'time';
  constructor(owner: UserNamespace, isFirst: boolean) {
    super('time', owner, isFirst);
  }
}
