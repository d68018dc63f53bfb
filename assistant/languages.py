"""The table of languages: names, fence tags, file extension, and the command that runs a file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """One row. ``command`` is argv with ``{file}`` (the source) and ``{out}`` (a scratch binary).

    An empty ``command`` marks a language that is shown and never run.
    """

    name: str
    extension: str
    tags: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    compile: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        return bool(self.command)


def _row(
    name: str, extension: str, tags: str = "", command: str = "", compile: str = ""
) -> Language:
    return Language(
        name, extension, tuple(tags.split()), tuple(command.split()), tuple(compile.split())
    )


_ROWS = (
    _row("python", "py", "py python3 py3 ipython", "python3 {file}"),
    _row("bash", "sh", "shell zsh", "bash {file}"),
    _row("sh", "sh", "", "sh {file}"),
    _row("javascript", "js", "js node nodejs mjs cjs", "node {file}"),
    _row("typescript", "ts", "ts", "tsx {file}"),
    _row("ruby", "rb", "rb", "ruby {file}"),
    _row("perl", "pl", "pl perl5", "perl {file}"),
    _row("php", "php", "", "php {file}"),
    _row("r", "R", "rscript", "Rscript {file}"),
    _row("go", "go", "golang", "go run {file}"),
    _row("lua", "lua", "", "lua {file}"),
    _row("rust", "rs", "rs", "{out}", "rustc -o {out} {file}"),
    _row("c", "c", "", "{out}", "gcc -o {out} {file} -lm"),
    _row("cpp", "cpp", "c++ cc cxx", "{out}", "g++ -o {out} {file}"),
    _row("java", "java", "", "java {file}"),
    _row("powershell", "ps1", "ps1 pwsh posh", "pwsh -NoProfile -File {file}"),
    # Shown and saved, never run.
    _row("console", "txt", "shell-session sh-session bash-session pycon doctest terminal"),
    _row("text", "txt", "txt plain plaintext none output log"),
    _row("diff", "diff", "patch udiff"),
    _row("json", "json", "json5 jsonc jsonl"),
    _row("yaml", "yaml", "yml"),
    _row("toml", "toml"),
    _row("ini", "ini", "cfg conf properties"),
    _row("xml", "xml", "svg"),
    _row("html", "html", "htm"),
    _row("css", "css", "scss sass less"),
    _row("markdown", "md", "md mdx"),
    _row("sql", "sql"),
    _row("csharp", "cs", "c# cs"),
    _row("kotlin", "kt", "kt"),
    _row("swift", "swift"),
    _row("dockerfile", "Dockerfile", "docker containerfile"),
    _row("makefile", "mk", "make"),
    _row("csv", "csv", "tsv"),
)

TABLE: dict[str, Language] = {row.name: row for row in _ROWS}
_BY_TAG: dict[str, Language] = {tag: row for row in _ROWS for tag in (row.name, *row.tags)}


def find(tag: str) -> Language | None:
    """The language that a fence tag names, in any case; None for a tag that is not in the table."""
    return _BY_TAG.get(tag.strip().lower())
