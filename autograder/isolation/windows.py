"""The processes of a worker on Windows: a job object, which ends them together and counts their time.

See https://learn.microsoft.com/windows/win32/procthread/job-objects. Nobody here has a Windows machine: where a call
fails, the processes are ended by taskkill, and time is that of the clock on the wall.
"""

import ctypes
import subprocess
from typing import Any

BASIC_ACCOUNTING, EXTENDED_LIMITS = 1, 9
KILL_ON_JOB_CLOSE = 0x2000
ACCESS = 0x0001 | 0x0100  # to end a process, and to put it into a job
TICKS = 1e7  # a second has


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("least_working_set", ctypes.c_size_t),
        ("most_working_set", ctypes.c_size_t),
        ("processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", BasicLimits),
        ("counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


class Accounting(ctypes.Structure):
    """JOBOBJECT_BASIC_ACCOUNTING_INFORMATION."""

    _fields_ = (
        ("user", ctypes.c_int64),
        ("kernel", ctypes.c_int64),
        ("period_user", ctypes.c_int64),
        ("period_kernel", ctypes.c_int64),
        ("page_faults", ctypes.c_uint32),
        ("processes", ctypes.c_uint32),
        ("active", ctypes.c_uint32),
        ("ended", ctypes.c_uint32),
    )


class Job:
    """A process and all that it starts from now on; they end when the grader does."""

    def __init__(self, pid: int):
        self._pid = pid
        self._kernel = kernel()
        self._job = self._make() if self._kernel else None

    def exceeded(self) -> str:
        """Return nothing: their memory is not watched."""
        return ""

    def computed(self) -> float | None:
        """Return what the job counts."""
        accounting = Accounting()
        if not self._job or not self._kernel.QueryInformationJobObject(
            self._job, BASIC_ACCOUNTING, ctypes.byref(accounting), ctypes.sizeof(accounting), None
        ):
            return None
        return float((accounting.user + accounting.kernel) / TICKS)

    def busy(self) -> None:
        """Return None: it is not known."""

    def close(self) -> None:
        """End whatever is left of them."""
        if self._job:
            self._kernel.CloseHandle(self._job)
        else:
            end_tree(self._pid)
        self._job = None

    def _make(self) -> Any:
        """A job with the process in it; None where the system refuses."""
        job = self._kernel.CreateJobObjectW(None, None)
        limits = ExtendedLimits()
        limits.basic.flags = KILL_ON_JOB_CLOSE
        process = self._kernel.OpenProcess(ACCESS, False, self._pid)
        done = (
            job
            and process
            and self._kernel.SetInformationJobObject(job, EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
            and self._kernel.AssignProcessToJobObject(job, process)
        )
        for handle in (process, None if done else job):
            if handle:
                self._kernel.CloseHandle(handle)
        return job if done else None


def kernel() -> Any:
    """kernel32, with the types of what is called here; None where it cannot be had."""
    try:
        library = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    except (AttributeError, OSError):
        return None
    handle, number, pointer = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p
    library.CreateJobObjectW.restype, library.CreateJobObjectW.argtypes = handle, (pointer, ctypes.c_wchar_p)
    library.OpenProcess.restype, library.OpenProcess.argtypes = handle, (number, ctypes.c_int, number)
    library.SetInformationJobObject.argtypes = (handle, ctypes.c_int, pointer, number)
    library.QueryInformationJobObject.argtypes = (handle, ctypes.c_int, pointer, number, pointer)
    library.AssignProcessToJobObject.argtypes = (handle, handle)
    library.CloseHandle.argtypes = (handle,)
    return library


def end_tree(pid: int) -> None:
    """End a process and all that it has started, as far as they can be found."""
    try:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return
