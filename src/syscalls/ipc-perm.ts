/** The head that the status structs of System V IPC share (Linux: ipc/util.c, kernel_to_ipc64_perm). */
import type { ShmidDs } from '../abi/ipc-struct.js';
import type { IpcPerm } from '../kernel/ipc/ids.js';

type PermFields = Pick<ShmidDs, 'key' | 'uid' | 'gid' | 'cuid' | 'cgid' | 'mode' | 'seq' | 'pad' | 'pad2' | 'unused1' | 'unused2'>;

export function permFields(perm: IpcPerm): PermFields {
  const { key, uid, gid, cuid, cgid, mode, sequence } = perm;
  return { key, uid, gid, cuid, cgid, mode, seq: sequence, pad: 0, pad2: 0, unused1: 0, unused2: 0 };
}
