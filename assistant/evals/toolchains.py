"""What tests need in a sandbox besides Python: which image has it, and how one sees that it is
there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.evals.exercises import exercise
from assistant.evals.humaneval_x import translated
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem


@dataclass(frozen=True, slots=True)
class Toolchain:
    """``purpose`` is what ``sandbox build --for`` calls its image."""

    words: str
    purpose: str
    row: dict[str, Any]
    """A task like those of the set; its answer passes where all that is needed is there."""
    shape: Callable[[Any], dict[str, Any]]

    @property
    def probe(self) -> tuple[Files, str]:
        """Files, and an answer that passes."""
        fields = self.shape(self.row)
        return fields["tests"], fields["reference"]


def _translated(words: str, task: str, prompt: str, solution: str, test: str) -> Toolchain:
    row = {"task_id": task, "canonical_solution": solution, "test": test}
    # In Rust's rows the code stands apart from the prompt.
    row |= {"prompt": "" if task.startswith("Rust") else prompt, "declaration": prompt}
    setup = 'package main\nimport "testing"\nimport "github.com/stretchr/testify/assert"\n'
    row |= {"import": "", "test_setup": setup}
    return Toolchain(words, "humaneval-x", row, translated)


TOOLCHAINS = {
    "jest": Toolchain(
        "Node.js with jest",
        "polyglot",
        {
            "language": "javascript",
            "instructions": "",
            "stub": {"one.js": ""},
            "test": {
                "one.spec.js": "import { one } from './one';\n"
                "xtest('one', () => { expect(one()).toBe(1); });\n"
            },
            "support": {},
            "example": {"one.js": "export const one = () => 1;\n"},
        },
        exercise,
    ),
    "node": _translated(
        "Node.js",
        "JavaScript/one",
        "const one = () => {\n",
        "  return 1;\n}\n",
        "console.assert(one() === 1);\n",
    ),
    "cpp": _translated(
        "g++ with Boost and OpenSSL",
        "CPP/one",
        "#include<boost/any.hpp>\n#include<openssl/md5.h>\nint one(){\n",
        "    return 1;\n}\n",
        "#include<assert.h>\nint main(){\n    assert (one() == 1);\n}\n",
    ),
    "go": _translated(
        "Go with testify",
        "Go/one",
        "func One() int {\n",
        "    return 1\n}\n",
        "func TestOne(t *testing.T) {\n    assert.New(t).Equal(1, One())\n}\n",
    ),
    "java": _translated(
        "a Java compiler",
        "Java/one",
        "class Solution {\n    public int one() {\n",
        "        return 1;\n    }\n}\n",
        "public class Main {\n    public static void main(String[] words) {\n"
        "        if (new Solution().one() != 1) {\n            throw new AssertionError();\n"
        "        }\n    }\n}\n",
    ),
    "rust": _translated(
        "Rust with the crates rand, regex and md5",
        "Rust/one",
        "use rand::Rng;\nuse regex::Regex;\nuse md5;\nfn one() -> i32 {\n",
        "    1\n}\n",
        "mod tests {\n    use super::*;\n    #[test]\n    fn test_one() {\n"
        "        assert_eq!(one(), 1);\n    }\n}\n",
    ),
}


def needed(problems: Sequence[Problem]) -> list[Toolchain]:
    """What the tests of these tasks need, each once."""
    names = {p.tests.toolchain: None for p in problems if isinstance(p.tests, Files)}
    return [TOOLCHAINS[name] for name in names if name]
