/**
 * The namespaces that hold little or nothing of their own (namespaces(7)): host names, control groups. In Linux
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
