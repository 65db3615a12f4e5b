# What the scripts that make file calls share: results with errors by name, system calls by number.
import ctypes
import errno

libc = ctypes.CDLL(None, use_errno=True)


def attempt(call, *args, **named):
    """The call's result, or the name of its error."""
    try:
        return call(*args, **named)
    except OSError as failure:
        return errno.errorcode[failure.errno]


def raw(number, *args):
    """A system call by number."""
    ctypes.set_errno(0)
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in args]
    result = libc.syscall(ctypes.c_long(number), *values)
    return result if result != -1 else errno.errorcode[ctypes.get_errno()]


def show(*values):
    print(*values, flush=True)
