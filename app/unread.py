"""Answers that nobody reads: the kernel ends their connections, which the HTTP server would keep for ever."""

import os
import socket
import stat
import sys
from contextlib import suppress


def limit_unread(port: int, limit_s: int) -> bool:
    """End each connection to `port` of which the client takes nothing of what was sent for so many seconds.

    Connections inherit this from the socket that listens, so that once is enough. It is the HTTP server's own, and is
    found among the descriptors of this process.

    returns  whether something listens there; elsewhere than on Linux nothing can be done, and it is True
    source   tcp(7), TCP_USER_TIMEOUT; it counts as well while the client's window is closed
    """
    if sys.platform != "linux":
        return True
    listens = False
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile, as that of the listing itself
            own = os.dup(int(name))  # another thread may close the other, and open something in its place
            if stat.S_ISSOCK(os.fstat(own).st_mode):
                with socket.socket(fileno=own) as found:
                    listens |= _limit(found, port, limit_s)
            else:
                os.close(own)
    return listens


def _limit(found: socket.socket, port: int, limit_s: int) -> bool:
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        return False
    if found.getsockname()[1] != port:
        return False
    with suppress(OSError):  # a kernel that does not know it, as some sandboxes have
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_s * 1000)
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
