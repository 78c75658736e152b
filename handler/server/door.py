"""Keeping those out who come when the house is about to be closed.

Whoever connected and was not greeted yet is cut off when a listening socket is closed, and between the
last greeting and the closing somebody may always come. Linux can be told to overlook whoever knocks from
now on: they knock again a second later, at whoever listens by then.
"""

import ctypes
import socket
import struct
from contextlib import suppress

_SO_ATTACH_FILTER = 26

#: If the packet's TCP header, at byte 13, has SYN (2), nothing of it is taken, else all.
#: https://www.kernel.org/doc/html/latest/networking/filter.html
_NO_SYN = b"".join(
    struct.pack("HBBI", *step)
    for step in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
)


def shut(listening: socket.socket) -> None:
    """Let nobody new come to a socket; without a word where the system has no such thing."""
    steps = ctypes.create_string_buffer(_NO_SYN)
    program = struct.pack("HP", len(_NO_SYN) // 8, ctypes.addressof(steps))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
