"""Which system calls a container's programs may make: the filter that it is created with.

An engine that is sent a filter leaves out its own. So this one is a list of what is allowed, as the
engines' own are, and allows nothing that theirs refuse to a program without capabilities; what is
more, it has no io_uring, no queues, and sockets of four families alone, one of them in part.
"""

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

T = TypeVar("T")
_OPTION = "seccomp="

_FILES = """
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat
    faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat
    fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate
    futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr listxattrat
    llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat
    openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat
    readv removexattr removexattrat rename renameat renameat2 rmdir sendfile setxattr setxattrat
    splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink
    unlinkat utime utimensat utimes vmsplice write writev
"""
_WAITING = """
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2
    io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit pipe pipe2 poll ppoll
    pselect6 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime
"""
_NETWORK = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair
"""
_MEMORY = """
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2
    mlockall mmap mprotect mremap mseal msync munlock munlockall munmap remap_file_pages
"""
_PROCESSES = """
    capget capset execve execveat exit exit_group fork getcpu getegid geteuid getgid getgroups
    getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid
    getuid ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
    landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease
    restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo seccomp setfsgid setfsuid setgid setgroups
    setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack
    tgkill tkill vfork wait4 waitid
"""
_THREADS = """
    futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list get_thread_area
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield set_robust_list set_thread_area set_tid_address
"""
_TIME = """
    adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday
    nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
    times
"""
_MACHINE = "getrandom sysinfo uname"
_PROCESSORS = """
    arch_prctl arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush modify_ldt
    riscv_flush_icache riscv_hwprobe set_tls swapcontext sync_file_range2 uretprobe
"""
"""What some processors have alone; an engine passes over names that its own does not know."""
_NARROW = """
    _llseek _newselect chown32 clock_adjtime64 clock_getres_time64 clock_gettime64
    clock_nanosleep_time64 fadvise64_64 fchown32 fcntl64 fstat64 fstatat64 fstatfs64 ftruncate64
    futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32
    io_pgetevents_time64 lchown32 lstat64 mmap2 ppoll_time64 pselect6_time64 recvmmsg_time64
    rt_sigtimedwait_time64 sched_rr_get_interval_time64 sendfile64 setfsgid32 setfsuid32 setgid32
    setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 sigprocmask sigreturn stat64
    statfs64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64
    ugetrlimit utimensat_time64 waitpid
"""
"""The same as above, by the names that they have for programs of 32 bits."""
_MEETING = """
    semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
"""
"""System V memory and semaphores, which databases use, and which stay when their maker ends: they
are gone with the container, so they are allowed where nobody else uses it."""
_KINDS = (_FILES, _WAITING, _NETWORK, _MEMORY, _PROCESSES, _THREADS, _TIME)
_ALLOWED = " ".join((*_KINDS, _MACHINE, _PROCESSORS, _NARROW))
_ABSENT = """
    io_uring_enter io_uring_register io_uring_setup
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd
    clone3
"""
"""Refused as a kernel does that does not have them, so that programs take another way: a large part
of the kernel that no filter sees into, queues that outlive their maker, and a call whose flags
cannot be looked at."""
_FAMILIES = {"unix": 1, "inet": 2, "inet6": 10}
_NETLINK = 16
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Linux with its usual layout, with 32 bits of addresses or another version's name, and asking."""
_NAMESPACES = 0x7E020000
"""The flags of clone that make new ones: cgroup, names, ipc, users, processes, network, mounts."""
_FAMILIES_OF_PROCESSORS = {
    "X86_64": ("X86", "X32"),
    "AARCH64": ("ARM",),
    "S390X": ("S390",),
}
_SWAPPED = ["s390", "s390x"]
"""Where clone takes its flags second."""


def own_filter(about: Mapping[str, Any], *, shared: bool) -> str | None:
    """The filter for an engine that describes itself like this (``info``), as one of the options of
    a container; None where it has a filter that its administrator chose, or can have none.

    ``shared``: other code comes into the same container later.
    """
    for said in about.get("SecurityOptions") or ():
        words = dict(word.partition("=")[::2] for word in str(said).split(","))
        if words.get("name") == "seccomp":
            plain = words.get("profile", "default") in ("default", "builtin", "unconfined")
            return _OPTION + profile(shared=shared) if plain else None
    return None


def filtered(create: Callable[[list[str]], T], option: str | None) -> tuple[T, tuple[str, ...]]:
    """What ``create`` makes with the filter among its options, and in sentences what it could not
    be given.

    Podman reads a filter from a file on its own machine, which is mostly this one.
    """
    if option is None:
        return create([]), ()
    with _but_for_refusals():
        return create([option]), ()
    with _but_for_refusals(), NamedTemporaryFile("w", prefix="assistant-", suffix=".json") as file:
        file.write(option.removeprefix(_OPTION))
        file.flush()
        return create([_OPTION + file.name]), ()
    return create([]), ("The engine takes no system call filter from here; its own is in force",)


@contextmanager
def _but_for_refusals() -> Iterator[None]:
    from docker.errors import APIError  # late: heavy

    try:
        yield
    except APIError as error:
        if "seccomp profile" not in str(error.explanation or error):
            raise


@cache
def profile(*, shared: bool) -> str:
    """The filter in JSON, as ``docker run --security-opt seccomp=FILE`` reads it."""
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": errno.EPERM,
            "archMap": list(_processors()),
            "syscalls": list(_rules(shared)),
        },
        separators=(",", ":"),
    )


def _processors() -> Iterator[dict[str, Any]]:
    for name, narrower in _FAMILIES_OF_PROCESSORS.items():
        also = [f"SCMP_ARCH_{one}" for one in narrower]
        yield {"architecture": f"SCMP_ARCH_{name}", "subArchitectures": also}


def _rules(shared: bool) -> Iterator[dict[str, Any]]:
    absent = _ABSENT + (_MEETING if shared else "")
    yield _rule(_ALLOWED if shared else _ALLOWED + _MEETING)
    yield {"names": absent.split(), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS}
    # Before this version a traced process could slip out of its filter.
    yield {**_rule("ptrace"), "includes": {"minKernel": "4.8"}}
    for family in _FAMILIES.values():
        yield _rule("socket", _equal(0, family))
    # Of netlink what tells of interfaces: others carry messages from program to program, in memory
    # that the kernel counts for nobody.
    yield _rule("socket", _equal(0, _NETLINK), _equal(2, 0))
    for value in _PERSONALITIES:
        yield _rule("personality", _equal(0, value))
    yield {**_rule("clone", _without(0, _NAMESPACES)), "excludes": {"arches": _SWAPPED}}
    yield {**_rule("clone", _without(1, _NAMESPACES)), "includes": {"arches": _SWAPPED}}


def _rule(names: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"names": names.split(), "action": "SCMP_ACT_ALLOW", "args": list(conditions)}


def _equal(argument: int, value: int) -> dict[str, Any]:
    return {"index": argument, "value": value, "op": "SCMP_CMP_EQ"}


def _without(argument: int, bits: int) -> dict[str, Any]:
    # Of the argument only these bits (value), which must be none (valueTwo).
    return {"index": argument, "value": bits, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
