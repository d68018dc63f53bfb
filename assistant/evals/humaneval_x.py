"""HumanEval-X: the tasks of HumanEval in other languages, each with files that run its tests.

A program is compiled where its language is, and leaves with ``NOT_COMPILED`` where that fails.
What runs is sent as text.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.evals.go_imports import go_file
from assistant.evals.in_files import MARK, Files
from assistant.functions.solutions import entry_of

NOT_COMPILED = 251
SECONDS = 60.0
"""Compilers of Java, Go and Rust take seconds by themselves."""
_HIDDEN = "exec 3< .exam.sh && rm .exam.sh && exec bash <(exec cat <&3) 3<&-"
"""The program that compiles and runs is gone from the disk before a solution runs."""

_NODE = f"""\
console.assert = (ok, ...words) => {{
  if (!ok) throw new Error("AssertionError: " + words.join(" "));
}};
const __end = ((print) => () => print("\\n{MARK}"))(console.log);
"""
_CPP_END = f"""
#include <stdio.h>
int main() {{ exam_of_task(); printf("\\n{MARK}\\n"); return 0; }}
"""
_CPP_RUN = f"""\
g++ -std=c++17 -O1 -w -o exam exam.cpp -lcrypto || exit {NOT_COMPILED}
rm exam.cpp
exec ./exam
"""
_GO_END = f"""
func TestMain(m *testing.M) {{
    code := m.Run()
    if code == 0 {{
        examfmt.Println("\\n{MARK}")
    }}
    examos.Exit(code)
}}
"""
_GO_RUN = f"""\
# Go does not see how few processors and processes a container may use.
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(mktemp -d) GOMAXPROCS=2
cp -rs /opt/humaneval-x/go/. "$GOCACHE" 2>/dev/null
go test -c -vet=off -o exam answer.go exam_test.go || exit {NOT_COMPILED}
rm exam_test.go
exec ./exam
"""
_JAVA_END = f"""
class Exam {{
    public static void main(String[] words) throws Throwable {{
        java.io.PrintStream out = System.out;
        ExamOfTask.main(words);
        out.println("\\n{MARK}");
        out.flush();
        Runtime.getRuntime().halt(0);
    }}
}}
"""
_JAVA_RUN = f"""\
javac -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -J-Xmx1g -nowarn -proc:none -d out \\
    Solution.java Exam.java || exit {NOT_COMPILED}
rm Exam.java
exec java -XX:+UseSerialGC -Xmx1g -cp out Exam
"""
_RUST_RUN = f"""\
crates=/opt/humaneval-x/rust
rustc --edition 2021 --test -C debuginfo=0 -o exam exam.rs -L dependency=$crates \\
    --extern rand=$crates/librand.rlib --extern regex=$crates/libregex.rlib \\
    --extern md5=$crates/libmd5.rlib || exit {NOT_COMPILED}
rm exam.rs
./exam tests_{MARK} --test-threads=1 >told 2>&1
status=$?
cat told
[ $status = 0 ] || exit $status
grep -q '^test tests_{MARK}::[A-Za-z_0-9]* \\.\\.\\. ok$' told || exit 1
printf '\\n%s\\n' '{MARK}'
"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a task's row comes to, in its language."""

    prompt: str
    entry_point: str
    definition: str
    """What the prompt has before the function that is asked for."""
    tests: Files
    mended: Callable[[str], str] = str
    """A program as it is put into its file."""


def translated(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of HumanEval-X in another language than Python, as the fields of a task."""
    language = _LANGUAGES[row["task_id"].partition("/")[0]]
    parts = _SHAPES[language](row)
    return {
        "entry_point": parts.entry_point,
        "prompt": parts.prompt,
        "tests": parts.tests,
        "reference": parts.mended(parts.prompt + row["canonical_solution"]),
        "definition": parts.definition,
        "language": language,
        "family": family(row),
    }


def python_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of HumanEval-X for Python as one of HumanEval; its test calls ``check`` itself."""
    test = re.sub(r"^check\(.*\)\s*$", "", row["test"], flags=re.MULTILINE)
    kept = {name: value for name, value in row.items() if name != "declaration"}
    return {**kept, "entry_point": entry_of(row["prompt"]), "test": test, "family": family(row)}


def family(row: Mapping[str, Any]) -> str:
    """The task that is the same one in all languages."""
    return f"HumanEval/{row['task_id'].rpartition('/')[2]}"


def _javascript(row: Mapping[str, Any]) -> _Parts:
    lines = row["declaration"].strip().splitlines()
    name = re.match(r"(?:const|let|var|function)\s+(\w+)", lines[-1])
    after = f"\n{row['test']}\n__end();\n"
    tests = Files("exam.js", {}, "node exam.js", _NODE, after, needs="node", toolchain="node")
    return _Parts(row["prompt"], name[1] if name else "", "\n".join(lines[:-1]), tests)


def _cpp(row: Mapping[str, Any]) -> _Parts:
    name, helpers = _asked(row["prompt"], r"^[A-Za-z_][\w<>:,*& ]*?\b(\w+)\s*\([^;{}]*\)\s*\{")
    includes = _lines(r"^\s*(?:#include.*|using namespace .*;)$", row["declaration"], row["prompt"])
    # Programs have a main of their own, and the one that counts is the tests'.
    before = f"{includes}\n#define main not_this_main\n"
    test = row["test"].replace("int main(", "static void exam_of_task(", 1)
    tests = Files(
        "exam.cpp",
        {".exam.sh": _CPP_RUN},
        _HIDDEN,
        before,
        f"\n#undef main\n{test}\n{_CPP_END}",
        SECONDS,
        needs="g++",
        toolchain="cpp",
    )
    return _Parts(row["prompt"], name, helpers, tests)


def _go(row: Mapping[str, Any]) -> _Parts:
    name, helpers = _asked(row["prompt"], r"^func (\w+)\(")
    aliases = 'import examfmt "fmt"\nimport examos "os"\n'
    exam = go_file(f"{row['test_setup']}\n{aliases}\n{row['test']}\n{_GO_END}")
    files = {"exam_test.go": exam, ".exam.sh": _GO_RUN}
    tests = Files("answer.go", files, _HIDDEN, seconds=SECONDS, needs="go", toolchain="go")
    return _Parts(row["prompt"], name, helpers, tests, go_file)


def _java(row: Mapping[str, Any]) -> _Parts:
    name, helpers = _asked(row["prompt"], r"^    public [\w<>\[\], ?]+ (\w+)\(")
    test = re.sub(r"\bMain\b", "ExamOfTask", row["test"].replace("public class Main", "class Main"))
    imports = _lines(r"^import .*;$", row["prompt"])
    files = {"Exam.java": f"{imports}\n{test}\n{_JAVA_END}", ".exam.sh": _JAVA_RUN}
    tests = Files("Solution.java", files, _HIDDEN, seconds=SECONDS, needs="javac", toolchain="java")
    return _Parts(row["prompt"], name, helpers, tests)


def _rust(row: Mapping[str, Any]) -> _Parts:
    name, helpers = _asked(row["declaration"], r"^\s*(?:pub )?fn (\w+)")
    uses = _lines(r"^use [^;]*;$", row["declaration"])
    test = row["test"].replace("mod tests {", f"mod tests_{MARK} {{\n{uses}", 1)
    tests = Files(
        "exam.rs",
        {".exam.sh": _RUST_RUN},
        _HIDDEN,
        "#![allow(warnings)]\n",
        f"\n{test}\n",
        SECONDS,
        needs="rustc",
        toolchain="rust",
    )
    return _Parts(row["prompt"] + row["declaration"], name, helpers, tests)


def _asked(text: str, signature: str) -> tuple[str, str]:
    """The name of the last function that begins in a text, and all that stands before it."""
    found: Sequence[re.Match[str]] = list(re.finditer(signature, text, re.MULTILINE))
    return (found[-1][1], text[: found[-1].start()]) if found else ("", "")


def _lines(wanted: str, *texts: str) -> str:
    """The lines of texts that match, each once."""
    found = [line for text in texts for line in re.findall(wanted, text, re.MULTILINE)]
    return "\n".join(dict.fromkeys(found))


_LANGUAGES = {
    "CPP": "cpp",
    "Go": "go",
    "Java": "java",
    "JavaScript": "javascript",
    "Rust": "rust",
}
_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], _Parts]] = {
    "cpp": _cpp,
    "go": _go,
    "java": _java,
    "javascript": _javascript,
    "rust": _rust,
}
