/** An event in a group's queue, and its bytes (Linux: fs/notify/fanotify/fanotify_user.c, copy_event_to_user; fanotify(7)). */
import { bytesOf } from '../../base/bytes.js';
import type { ByteString } from '../../base/brands.js';
import {
  FAN_EVENT_INFO_TYPE_DFID,
  FAN_EVENT_INFO_TYPE_DFID_NAME,
  FAN_EVENT_INFO_TYPE_FID,
  FAN_EVENT_METADATA_LEN,
  FAN_ONDIR,
  FANOTIFY_METADATA_VERSION,
} from '../../abi/fanotify.js';
import { IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO } from '../../abi/inotify.js';
import { encodeHandle } from '../../vfs/file-handle.js';
import type { Inode } from '../../vfs/inode.js';
import type { Path } from '../../vfs/path.js';

/** What a record says of an object: its handle, taken when the event happened. */
export interface EventInfo {
  readonly type: number;
  readonly device: number;
  readonly ino: number;
  readonly handle: Uint8Array;
  readonly name: ByteString;
}

export interface FanotifyEvent {
  mask: number;
  readonly pid: number;
  /** Opened for the reader; held. */
  readonly path: Path | undefined;
  readonly info: readonly EventInfo[];
}

export function infoOf(type: number, inode: Inode, name: ByteString = ''): EventInfo {
  return { type, device: inode.fs.device, ino: inode.ino, handle: encodeHandle(inode), name };
}

/** The records for an event of `inode`, whose directory may be known, in a group that reports so much. */
export function describe(
  inode: Inode,
  parent: Inode | undefined,
  name: ByteString,
  withFid: boolean,
  withDirectory: boolean,
  withName: boolean,
): EventInfo[] {
  if (!withDirectory) return [infoOf(FAN_EVENT_INFO_TYPE_FID, inode)];
  const type = withName ? FAN_EVENT_INFO_TYPE_DFID_NAME : FAN_EVENT_INFO_TYPE_DFID;
  if (inode.isDirectory) return [infoOf(type, inode, withName ? '.' : '')];
  if (!parent) return [infoOf(FAN_EVENT_INFO_TYPE_FID, inode)];
  const info = [infoOf(type, parent, withName ? name : '')];
  if (withFid) info.push(infoOf(FAN_EVENT_INFO_TYPE_FID, inode));
  return info;
}

export function sameEvent(a: FanotifyEvent, b: FanotifyEvent): boolean {
  if (a.pid !== b.pid || a.path?.dentry !== b.path?.dentry || a.path?.mount !== b.path?.mount || a.info.length !== b.info.length)
    return false;
  return a.info.every((info, i) => {
    const other = b.info[i]!;
    return info.type === other.type && info.ino === other.ino && info.device === other.device && info.name === other.name;
  });
}

/** Events of a directory's names. */
export const DIRECTORY_EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const INFO_HEADER = 4;
const FSID_BYTES = 8;

function infoSize({ type, handle, name }: EventInfo): number {
  const text = type === FAN_EVENT_INFO_TYPE_DFID_NAME ? name.length + 1 : 0;
  return Math.ceil((INFO_HEADER + FSID_BYTES + handle.length + text) / 4) * 4;
}

export function sizeOf(event: FanotifyEvent): number {
  return event.info.reduce((sum, info) => sum + infoSize(info), FAN_EVENT_METADATA_LEN);
}

/** A directory that stands alone for a child of it is told of as an object of its own. */
function typeShown({ mask, info: all }: FanotifyEvent, { type }: EventInfo): number {
  const isOfDirectory = (mask & (DIRECTORY_EVENTS | FAN_ONDIR)) !== 0;
  return type === FAN_EVENT_INFO_TYPE_DFID && all.length === 1 && !isOfDirectory ? FAN_EVENT_INFO_TYPE_FID : type;
}

/** `fd`: the reader's descriptor, or FAN_NOFD; `pid` as the reader knows it. */
export function encode(event: FanotifyEvent, fd: number, pid: number): Uint8Array {
  const bytes = new Uint8Array(sizeOf(event));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint8(4, FANOTIFY_METADATA_VERSION);
  view.setUint16(6, FAN_EVENT_METADATA_LEN, true);
  view.setUint32(8, event.mask >>> 0, true);
  view.setInt32(16, fd, true);
  view.setInt32(20, pid, true);
  let at = FAN_EVENT_METADATA_LEN;
  for (const info of event.info) {
    view.setUint8(at, typeShown(event, info));
    view.setUint16(at + 2, infoSize(info), true);
    view.setInt32(at + INFO_HEADER, info.device, true);
    bytes.set(info.handle, at + INFO_HEADER + FSID_BYTES);
    bytes.set(bytesOf(info.name), at + INFO_HEADER + FSID_BYTES + info.handle.length);
    at += infoSize(info);
  }
  return bytes;
}
