"""Programs in other languages: how a reply becomes a file, and what its end means."""

import re
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.eval_images import check_toolchains, fitted
from assistant.cli.setup import Setup
from assistant.evals.datasets import STARTER, load
from assistant.evals.extracting import completion, program, solution
from assistant.evals.file_judges import FileJudges, verdict_of
from assistant.evals.go_imports import go_file
from assistant.evals.humaneval_x import NOT_COMPILED
from assistant.evals.in_files import Files, InFiles
from assistant.evals.problems import Problem, problem_of
from assistant.evals.samples import Given
from assistant.evals.toolchains import TOOLCHAINS, needed
from assistant.events import ExecResult, SandboxError
from assistant.settings import Settings
from assistant.verdicts.task import TaskLimits

ROWS: dict[str, dict[str, Any]] = {
    "cpp": {
        "task_id": "CPP/7",
        "prompt": "#include<vector>\nusing namespace std;\nint two(){ \n    return 2;\n}\n\n"
        "/* Double it. */\nint twice(int n){\n",
        "declaration": "#include<vector>\nusing namespace std;\n#include<math.h>\n"
        "int twice(int n){",
        "canonical_solution": "    return two() * n;\n}\n",
        "test": "#include<assert.h>\nint main(){\n    assert (twice(2) == 4);\n}\n",
    },
    "go": {
        "task_id": "Go/7",
        "import": 'import (\n    "strings"\n)',
        "prompt": 'import (\n    "strings"\n)\n\nfunc Two() int {\n'
        '    return len(strings.Repeat("x", 2))'
        "\n}\n\n// Double it.\nfunc Twice(n int) int {\n",
        "declaration": "\nfunc Twice(n int) int {\n",
        "canonical_solution": "    return Two() * n\n}\n",
        "test_setup": 'package main\nimport (\n    "testing"\n    "math"\n'
        '    "github.com/stretchr/testify/assert"\n)\n',
        "test": "func TestTwice(t *testing.T) {\n    assert.New(t).Equal(4, Twice(2))\n}\n",
    },
    "java": {
        "task_id": "Java/7",
        "prompt": "import java.util.*;\n\nclass Solution {\n    /** Double it. */\n"
        "    public int twice(int n) {\n",
        "declaration": "class Solution {\n    public int twice(int n) {\n",
        "canonical_solution": "        return 2 * n;\n    }\n}\n",
        "test": "public class Main {\n    public static void main(String[] args) {\n"
        "        if (new Solution().twice(2) != 4) throw new AssertionError();\n    }\n}\n",
    },
    "rust": {
        "task_id": "Rust/7",
        "prompt": "\n/* Double it. */\n",
        "declaration": "use rand::Rng;\nfn twice(n: i32) -> i32 {\n",
        "canonical_solution": "    2 * n\n}\n",
        "test": "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn test_twice() {\n"
        "        assert_eq!(twice(2), 4);\n    }\n}\n",
    },
}


def problem(language: str) -> Problem:
    return problem_of(ROWS[language], "here")


def whole(language: str, reply: str) -> str:
    """The file of a reply's answer as it is compiled."""
    task = problem(language)
    found = solution(reply, task)
    assert found is not None
    assert isinstance(task.tests, Files)
    return task.tests.written(program(found, task), "f" * 32)[task.tests.answer]


@pytest.mark.parametrize(
    ("language", "entry", "needs"),
    [
        ("cpp", "twice", "g++"),
        ("go", "Twice", "go"),
        ("java", "twice", "javac"),
        ("rust", "twice", "rustc"),
    ],
)
def test_a_row_in_another_language(language: str, entry: str, needs: str) -> None:
    task = problem(language)
    assert (task.language, task.entry_point, task.family) == (language, entry, "HumanEval/7")
    assert isinstance(task.tests, Files)
    assert task.tests.needs == needs
    assert task.reference.rstrip().endswith(ROWS[language]["canonical_solution"].rstrip())
    assert [toolchain.purpose for toolchain in needed([task])] == ["humaneval-x"]
    rest = completion(ROWS[language]["canonical_solution"], task)
    assert rest is not None
    assert rest.split() == task.reference.split()
    given = Given(task.task_id, 1, ROWS[language]["canonical_solution"], False, "here")
    assert given.code(task).split() == task.reference.split()


def test_a_program_in_cpp() -> None:
    bare = whole("cpp", "So:\n```cpp\nint twice(int n) { return two() * n; }\nint main() {}\n```")
    assert bare.count("int two(") == 1  # The task's helper is there.
    assert bare.index("#define main not_this_main") < bare.index("int main() {}")
    assert bare.index("#undef main") < bare.index("static void exam_of_task(")
    own = whole(
        "cpp", "```c++\nint two() { return 2; }\nint twice(int n) { return two() * n; }\n```"
    )
    assert own.count("int two(") == 1  # And not there twice.
    assert own.count("#include<math.h>") == 1


def test_a_program_in_go() -> None:
    bare = whole(
        "go", "```go\nfunc Twice(n int) int { return Two() * int(math.Abs(float64(n))) }\n```"
    )
    assert bare.startswith("package main\n")
    assert sorted(re.findall(r'import "(.*)"', bare)) == ["math", "strings"]
    assert bare.count("func Two(") == 1
    full = 'package main\n\nimport (\n\t"fmt"\n\t"sort"\n)\n\nfunc Two() int { return 2 }\n'
    full += "func Twice(n int) int { fmt.Println(n); return n * Two() }\nfunc main() {}\n"
    found = whole("go", f"```golang\n{full}```")
    assert found.count("package main") == 1
    assert re.findall(r'import "(.*)"', found) == ["fmt"]
    exam = problem("go").tests
    assert isinstance(exam, Files)
    assert '"math"' not in exam.files["exam_test.go"]  # It would not compile.
    assert 'import examfmt "fmt"' in exam.files["exam_test.go"]


def test_imports_of_go_are_put_right() -> None:
    code = (
        'package x\n\nimport (\n    "math"\n    s "strings" // joins\n    _ "embed"\n)\n'
        'import "sort"\n// math.Abs, here\n'
        'func F(time T) string { x := "fmt.Print"; rand := 3; rand.X(); return s.Join(nil, x) +'
        " strconv.Itoa(3) + time.Now() + `sort.Ints` }\n"
    )
    found = go_file(code)
    assert re.findall(r"^import .*$", found, re.MULTILINE) == [
        *('import s "strings"', 'import _ "embed"', 'import "strconv"')
    ]
    assert go_file(found).split() == found.split()


def test_a_program_in_java() -> None:
    full = "package a;\nimport java.math.BigInteger;\npublic class Solution {\n"
    full += "    public int twice(int n) { return 2 * n; }\n}\n"
    found = whole("java", f"```java\n{full}```")
    assert "package" not in found
    assert "public class" not in found
    assert found.startswith("import java.util.*;\nimport java.math.BigInteger;\n")
    bare = whole("java", "```java\npublic int twice(int n) { return 2 * n; }\n```")
    assert "class Solution {\n" in bare
    tests = problem("java").tests
    assert isinstance(tests, Files)
    assert "class Main" not in tests.files["Exam.java"]  # A solution may have one of its own.


def test_a_program_in_rust() -> None:
    bare = whole("rust", "```rust\nfn twice(n: i32) -> i32 { 2 * n }\n```")
    assert bare.startswith("#![allow(warnings)]\n")
    assert bare.count("use rand::Rng;") == 2  # For the program, and for the tests.
    own = "use rand::Rng;\npub fn twice(n: i32) -> i32 { 2 * n }\n#[cfg(test)]\nmod tests {}\n"
    found = whole("rust", f"```rs\n{own}```")
    assert found.count("use rand::Rng;") == 2  # Nothing may be imported twice.
    assert f"mod tests_{'f' * 32} {{" in found  # Its own tests may have the usual name.


@pytest.mark.parametrize(
    ("status", "output", "outcome"),
    [
        (NOT_COMPILED, "exam.cpp:3: error: expected ';'", "syntax_error"),
        (134, "exam: exam.cpp:9: void exam_of_task(): Assertion `twice(2) == 4' failed.", "wrong"),
        (1, 'Exception in thread "main" java.lang.AssertionError\n\tat X', "wrong"),
        (1, 'Exception in thread "main" java.lang.NullPointerException: no', "runtime"),
        (1, "--- FAIL: TestX (0.00s)\n    exam_test.go:3: \n        \tError Trace:\tx\n", "wrong"),
        (2, "--- FAIL: TestX (0.00s)\npanic: runtime error: index out of range", "runtime"),
        (101, "thread 'a' panicked at 'assertion failed: `(left == right)`", "wrong"),
        (101, "thread 'a' panicked at exam.rs:3:5:\nassertion `left == right` failed", "wrong"),
        (101, "thread 'a' panicked at 'index out of bounds', exam.rs:4:9", "runtime"),
        (139, "", "runtime"),
        (0, "PASS", "exit_before_verdict"),
    ],
)
def test_what_an_end_means(status: int, output: str, outcome: str) -> None:
    found = verdict_of(ExecResult(status, output), "f" * 32)
    assert found.outcome.startswith(outcome), found


def test_what_is_missing_is_told_before_a_model_is_asked() -> None:
    class Bare:
        """A sandbox without any compiler."""

        def __enter__(self) -> "Bare":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def abort(self) -> None:
            pass

        def put(self, *files: object) -> None:
            pass

        def run(self, block: object, seconds: float) -> Any:
            return ExecResult(NOT_COMPILED, "bash: line 1: g++: command not found\n")
            yield

    with (
        FileJudges(Bare, 1) as judges,
        pytest.raises(SandboxError, match=r"need g\+\+ .*command not found") as raised,
    ):
        check_toolchains(judges, [problem("cpp")])
    assert raised.value.remedy == "Make its image: assistant sandbox build --for humaneval-x"


def test_each_toolchain_has_a_program_that_shows_it() -> None:
    for name, toolchain in TOOLCHAINS.items():
        files, answer = toolchain.probe
        assert files.toolchain == name
        assert answer.strip()
        assert isinstance(InFiles(files, TaskLimits()), InFiles)


@pytest.mark.parametrize("name", ["cpp", "go", "java", "rust"])
def test_the_published_sets_in_other_languages(name: str, data_folder: Any) -> None:
    found = load(f"humaneval-x-{name}", [data_folder])
    assert (len(found), found.verdict) == (164, "in-process")
    for task in found:
        assert task.entry_point, task.task_id
        assert re.search(rf"\b{task.entry_point}\b", task.reference), task.task_id
    assert {task.family for task in found} == {f"HumanEval/{n}" for n in range(164)}


def test_an_image_that_was_asked_for_stays() -> None:
    """No engine is asked where nothing is to be chosen."""
    named = Setup(Settings(image="mine:1"), Path("/"))
    here = Setup(Settings(local=True), Path("/"))
    plain = Setup(Settings(), Path("/"))
    assert fitted(named, [problem("go")]) is named
    assert fitted(here, [problem("go")]) is here
    assert fitted(plain, load(str(STARTER)).problems) is plain
