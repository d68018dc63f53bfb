"""Attacks on files: the container's system, the host's folder, what the host takes back."""

from tests.attacks.attack import Attack, folder_harmed, refused

_SYSTEM = "the container's system is read-only, and nothing can be mounted over it"
_FOLDER = "the user's own folder stays as it is until the user applies a change"


def _harms(name: str, code: str) -> Attack:
    return Attack(name, _FOLDER, code, "bash", folder_harmed)


ATTACKS = (
    *refused(
        _SYSTEM,
        {
            "root written": "open('/x', 'w')",
            "system written": "open('/usr/bin/x', 'w')",
            "passwd written": "open('/etc/passwd', 'a')",
            "loader written": "open('/etc/ld.so.preload', 'w')",
            "device folder written": "open('/dev/x', 'w')",
            "library written": "open('/usr/lib/python3/dist-packages/x.pth', 'w')",
            "device made": "os.mknod('/tmp/sda', 0o60600, os.makedev(8, 0))",
            "device made in the workspace": "os.mknod('sda', 0o60600, os.makedev(8, 0))",
            "disk opened": "os.mknod('d', 0o60600, os.makedev(254, 0)); open('d', 'rb').read(1)",
            "remounted": "call(165, b'none', b'/', b'none', 32, None)",
            "tmpfs mounted": "call(165, b'none', b'/tmp', b'tmpfs', 0, None)",
            "unmounted": "call(166, b'/workspace', 2)",
            "root pivoted": "call(155, b'/tmp', b'/tmp')",
            "chroot": "os.chroot('/tmp')",
            "owner changed": "open('own', 'w'); os.chown('own', 0, 0); os.chown('own', 1, 1)",
            "file of root": "os.stat(open('own', 'w').fileno()).st_uid and call(-1)",
            "file handles": "call(304, -100, b'x', 0)",
            "kernel settings": "open('/proc/sys/kernel/core_pattern', 'w')",
            "host name by file": "open('/proc/sys/kernel/hostname', 'w')",
            "magic requests": "open('/proc/sysrq-trigger', 'w')",
            "cgroup written": "open('/sys/fs/cgroup/cgroup.procs', 'w')",
            "limits lifted": "open('/sys/fs/cgroup/memory/memory.limit_in_bytes', 'w')",
            "release agent": "open('/sys/fs/cgroup/release_agent', 'w')",
            "firmware": "os.listdir('/sys/firmware') or call(-1)",
        },
    ),
    Attack(
        "programs of root",
        "no program in the container lends anybody's rights",
        "find / -xdev -perm /6000 -type f 2>/dev/null | grep . && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "a program that lends rights",
        "a set-uid bit that a program sets is worth nothing",
        "cp /usr/bin/id x; chmod 4755 x; ./x -u | grep -x 0 && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    _harms("all files deleted", "rm -rf /workspace/* /workspace/.??*"),
    _harms("a file overwritten", "for f in $(find . -type f); do echo owned >$f; done"),
    _harms("a hook of git", "mkdir -p .git/hooks; echo 'echo owned' >.git/hooks/pre-commit"),
    _harms("settings of an editor", "mkdir .vscode; echo '{\"x\": 1}' >.vscode/tasks.json"),
    _harms("a module that shadows another", "echo 'raise SystemExit' >json.py"),
    _harms("a program of root in the folder", "cp /bin/sh sh; chmod 6755 sh"),
    _harms("a device in the folder", "mknod null c 1 3 || true; mknod disk b 8 0 || true"),
    _harms("a pipe where a file is awaited", "rm -f main.py; mkfifo main.py"),
    _harms("a file of a terabyte", "truncate -s 60M sparse"),
    _harms("names that deceive", "touch -- '-rf' $'a\\nb' $'\\e[2Jx' $'\\u202egpj.exe' '~'"),
    _harms("modes", "chmod -R 0 . ; chmod 777 ."),
    _harms("a link in the place of a folder", "rm -rf config; ln -s /etc config"),
    _harms("times of files", "find . -exec touch -d 2000-01-01 {} +; touch new"),
)
