"""Attacks on the kernel: rights, namespaces, calls that few programs need."""

from tests.attacks.attack import Attack, refused

_RIGHTS = "a program has an ordinary user's rights, and no way to more"
_SPACES = "a program cannot make or enter namespaces, where it would have more rights"
_CALLS = "calls that reach the machine itself, or much of the kernel, are refused"

ATTACKS = (
    *refused(
        _RIGHTS,
        {
            "root by setuid": "os.setuid(0)",
            "root by setgid": "os.setgid(0)",
            "root as it is": "os.getuid() and call(-1)",
            "groups": "os.setgroups([0])",
            "capability kept": "call(157, 47, 2, 10, 0, 0)",
            "capability of files": "os.setxattr(sys.executable, 'security.capability', b'x' * 20)",
            "priority": "os.nice(-5)",
            "real time": "os.sched_setscheduler(0, 1, os.sched_param(1))",
            "others' files": "os.open('/etc', os.O_RDONLY | os.O_NOATIME)",
            "limits raised": "__import__('resource').setrlimit(7, (1 << 30, 1 << 30))",
        },
    ),
    *refused(
        _SPACES,
        {
            "user namespace": "call(272, 0x10000000)",
            "mount namespace": "call(272, 0x20000)",
            "namespace of processes": "call(272, 0x20000000)",
            "namespace of names": "call(272, 0x4000000)",
            "namespace by clone": "call(56, 0x10000000 | 17, 0, 0, 0, 0)",
            "namespace by the new clone": (
                "call(435, (ctypes.c_ulong * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)"
            ),
            "namespace of time": "call(272, 0x80)",
            "namespace of groups": "call(272, 0x2000000)",
            "namespace of the runner": "call(308, os.open('/proc/1/ns/mnt', 0), 0)",
            "map of users": "os.write(os.open('/proc/self/uid_map', os.O_WRONLY), b'0 0 1')",
        },
    ),
    *refused(
        _CALLS,
        {
            "bpf": "call(321, 0, None, 0)",
            "perf": "call(298, None, 0, -1, -1, 0)",
            "module": "call(175, None, 0, b'')",
            "module by descriptor": "call(313, 0, b'', 0)",
            "module removed": "call(176, b'dummy', 0)",
            "another kernel": "call(246, 0, 0, None, 0)",
            "reboot": "call(169, 0xfee1dead, 672274793, 0x01234567, 0)",
            "host name": "socket.sethostname('x')",
            "domain name": "call(171, b'x', 1)",
            "clock": "import time; time.clock_settime(0, 0)",
            "ports of the machine": "call(172, 3)",
            "swap": "call(167, b'/tmp/x', 0)",
            "accounting": "call(163, b'/tmp/x')",
            "quotas": "call(179, 0, b'/dev/vda', 0, None)",
            "user faults": "call(323, 0)",
            "io_uring": "call(425, 8, ctypes.create_string_buffer(200))",
            "io_uring by the other numbers": (
                "call(0x40000000 + 425, 8, ctypes.create_string_buffer(200))"
            ),
            "memory policy": "call(279, 1, 0, None, None, None, 0)",
            "watch of all files": "call(300, 0, 0)",
            "key requested": "call(249, b'user', b'x', None, -3)",
            "personality": "call(135, 0x0400000)",
            "queue of messages": "call(68, 0, 0o1600)",
            "queue with a name": "call(240, b'q', 0o102, 0o600, None)",
            "machine under this one": "socket.socket(40, 1)",
            "ciphers of the kernel": "socket.socket(38, 5)",
            "protocol that nobody uses": "socket.socket(30, 5)",
            "keys of one's own": "call(250, 0, -3, 1)",
            "file by its number": "call(303, -100, b'/', ctypes.create_string_buffer(200), b'1')",
            "memory of another": "call(310, 1, None, 0, None, 0, 0)",
            "pages moved": "call(256, 0, 8, None, None)",
        },
    ),
    Attack(
        "capabilities",
        _RIGHTS,
        "grep Cap /proc/self/status | grep -v 0000000000000000 && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "new privileges",
        _RIGHTS,
        "grep NoNewPrivs /proc/self/status | grep -v 1 && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "filter",
        _CALLS,
        "grep Seccomp: /proc/self/status | grep -v 2 && echo BREACH; echo held",
        "bash",
        says="held",
    ),
)
