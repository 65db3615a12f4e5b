/** POSIX message queues (Linux: include/uapi/linux/mqueue.h). */
import { i64, struct, type StructOf } from '../base/struct.js';

export const MQ_PRIO_MAX = 32768;

export const MQ_ATTR = struct(
  'mq_attr',
  { flags: i64, maxmsg: i64, msgsize: i64, curmsgs: i64, reserved1: i64, reserved2: i64, reserved3: i64, reserved4: i64 },
  64,
);
export type MqAttr = StructOf<typeof MQ_ATTR>;
