/** wait options and id types (Linux: include/uapi/linux/wait.h). */
export const __WNOTHREAD = 0x20000000;
export const __WALL = 0x40000000;
export const __WCLONE = 0x80000000;
export const P_ALL = 0;
export const P_PID = 1;
export const P_PGID = 2;
export const P_PIDFD = 3;
export const WCONTINUED = 8;
export const WEXITED = 4;
export const WNOHANG = 1;
export const WNOWAIT = 0x1000000;
export const WSTOPPED = 2;
export const WUNTRACED = 2;
