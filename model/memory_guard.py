"""Memory guard: a file in memory that shrinks is told, and does not end the process."""

from __future__ import annotations

import ctypes
import functools
import mmap
import signal
import weakref

from .system import BUS_ERROR_LAYOUT, MAP_FIXED, SA_SIGINFO


class MemoryGuard:
    """Watch over a file in memory: one that shrinks, or cannot be read, ends the process where it is touched.

    With a guard what is missing reads as zeros, and the guard says so. Windows lets nobody shorten such a file.

    Args:
        address: Where it lies in memory, at the beginning of a page.
        n_bytes: How much of it there is.

    Attributes:
        is_broken: Whether anything was missing when it was touched.
    """

    def __init__(self, address: int, n_bytes: int) -> None:
        self.first, self.end = address, -(-(address + n_bytes) // mmap.PAGESIZE) * mmap.PAGESIZE
        self.is_broken = False
        if n_bytes and BUS_ERROR_LAYOUT is not None:
            _bus_errors().guards.add(self)


class _BusErrors:
    """What is done when memory is touched behind which there is no file any more (the signal SIGBUS).

    The signal comes in the thread that touched it, at the instruction that did, which is done again afterwards; so the
    handler may do what any function may.
    """

    def __init__(self, mask_bytes: int, address_place: int) -> None:
        class Action(ctypes.Structure):
            _fields_ = (
                ("handler", ctypes.c_void_p),
                ("mask", ctypes.c_byte * mask_bytes),
                ("flags", ctypes.c_int),
                ("restorer", ctypes.c_void_p),
            )

        self.guards: weakref.WeakSet[MemoryGuard] = weakref.WeakSet()
        self._address_place = address_place
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(self._touched)
        action, self._before = Action(), Action()
        action.handler, action.flags = ctypes.cast(self._call, ctypes.c_void_p).value, SA_SIGINFO
        self._libc.sigaction(signal.SIGBUS, ctypes.byref(action), ctypes.byref(self._before))

    def _touched(self, _number: int, information: int, _context: int) -> None:
        address = ctypes.c_size_t.from_address(information + self._address_place).value
        if any(self._is_filled(guard, address) for guard in list(self.guards) if guard.first <= address < guard.end):
            return
        # Not ours: what was to be done before is done when the instruction fails again.
        self._libc.sigaction(signal.SIGBUS, ctypes.byref(self._before), None)

    def _is_filled(self, guard: MemoryGuard, address: int) -> bool:
        """Put zeros in the place of what is missing, and tell whether that went well."""
        guard.is_broken = True
        page = address // mmap.PAGESIZE * mmap.PAGESIZE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_FIXED
        return bool(self._libc.mmap(page, guard.end - page, mmap.PROT_READ, flags, -1, 0) == page)


@functools.cache
def _bus_errors() -> _BusErrors:
    return _BusErrors(*BUS_ERROR_LAYOUT or (0, 0))
