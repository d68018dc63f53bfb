"""Attacks on what lies on the host: keys, private files, names."""

from tests.attacks.attack import Attack, refused, secret_out, secret_taken

_KEYS = "no key of the host comes into the container: not by variables, files or processes"
_WAYS = "what a program leaves for the host never makes the host read a file of its own"
_HOST = "a program learns nothing of the host's paths and settings"


def _dump(name: str, code: str, lang: str = "bash") -> Attack:
    return Attack(name, _KEYS, code, lang, secret_out)


def _plants(name: str, code: str) -> Attack:
    return Attack(name, _WAYS, code, "bash", secret_taken)


ATTACKS = (
    _dump("variables", "env; set; cat /proc/self/environ | tr '\\0' '\\n'"),
    _dump("variables of all processes", "cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'"),
    _dump("a file of settings", "cat .env"),
    _dump("a file of settings in a folder", "cat config/.env.local config/.env"),
    _dump("a private key", "cat id_rsa deploy.pem"),
    _dump("a file that holds a known key", "cat notes.txt"),
    _dump("an address with a password", "git config --list 2>/dev/null; cat .git/config"),
    _dump("hooks and credentials of git", "cat .git/hooks/* .git/credentials ~/.git-credentials"),
    _dump(
        "every file there is", "grep -rhs 'canary-' / --exclude-dir=proc --exclude-dir=sys | head"
    ),
    _dump(
        "every file by its number",
        "import os\n"
        "for fd in range(300):\n"
        "    try: print(os.pread(fd, 10_000, 0))\n"
        "    except OSError: pass",
        "python",
    ),
    _dump(
        "the host's file by its path", "cat @SECRET@ /proc/1/root@SECRET@ /proc/self/root@SECRET@"
    ),
    _dump("the host's file by climbing", "cat ../../../../../../../..@SECRET@"),
    _plants("a link to the host's file", "ln -s @SECRET@ result.txt"),
    _plants("a link to the host's folder", "ln -s $(dirname @SECRET@) results"),
    _plants("a link that climbs", "mkdir -p a/b; ln -s ../../../../../../../../..@SECRET@ a/b/out"),
    _plants("a link by way of a link", "ln -s / root; ln -s root@SECRET@ out"),
    _plants("a link by way of proc", "ln -s /proc/self/root@SECRET@ out"),
    Attack(
        "the host's paths",
        _HOST,
        "grep -qs '@FOLDER@' /proc/self/mountinfo /proc/mounts && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "variables beyond the plain ones",
        _HOST,
        "env | cut -d= -f1 | grep -vxE 'HOME|PATH|USER|LOGNAME|SHELL|LANG|TERM|PAGER|PWD|OLDPWD"
        "|SHLVL|_|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|MPLBACKEND' && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "other processes",
        "a program sees the processes of its own container only",
        "import os\npids = [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "print('BREACH' if len(pids) > 9 else 'held', pids)",
        says="held",
    ),
    *refused(
        _HOST,
        {
            "the kernel's messages": "call(103, 3, ctypes.create_string_buffer(4096), 4096)",
            "the kernel's memory": "open('/proc/kcore', 'rb').read(1) or call(-1)",
            "keys of the kernel": "call(248, b'user', b'x', b'y', 1, -3)",
            "shadow read": "open('/etc/shadow').read()",
            "root's home read": "os.listdir('/root')",
            "memory device": "open('/dev/mem', 'rb')",
            "engine's socket": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
        },
    ),
)
