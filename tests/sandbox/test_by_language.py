"""One workspace over several sandboxes: what one language wrote is there for the next."""

from pathlib import Path

from assistant.events import CodeBlock
from assistant.following import followed
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.by_language import ByLanguage
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.workspace import Workspace


def test_files_go_along_and_state_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.txt").write_text("alpha\n")
    opened: list[str] = []

    def opener(image: str) -> LocalSandbox:
        opened.append(image)
        return LocalSandbox(LocalOptions({"PATH": "/usr/bin:/bin"}))

    def no_edit(text: str | None, code: str) -> tuple[str | None, tuple[str, ...]]:
        raise ValueError

    with (
        LocalSandbox(LocalOptions({"PATH": "/usr/bin:/bin"})) as main,
        ByLanguage(main, {"shell": "other"}, opener) as both,
        Workspace(both, folder, tmp_path / "store", no_edit) as workspace,
    ):
        assert followed(workspace.run(CodeBlock("python", "open('p', 'w').write('py')"), 20)).ok
        assert opened == []
        again = CodeBlock("bash", "cat a.txt p; echo sh > s; rm a.txt")
        result = followed(workspace.run(again, 20))
        assert result.output == "alpha\npy"
        assert opened == ["other"]
        seen = followed(
            workspace.run(CodeBlock("python", "import os; print(sorted(os.listdir()))"), 20)
        )
        assert seen.output == "['p', 's']\n"
        assert sorted(workspace.snapshot()) == ["p", "s"]
        assert isinstance(workspace.blobs, Blobs)
