"""Takes what is no code out of a block before it runs: prompts, pasted output, magics.

A block that cannot be meant to run gets a result that says why.
"""

from dataclasses import replace

from assistant.code.transcripts import Refusal, runnable
from assistant.events import CodeBlock, ExecResult
from assistant.prompts import prompt


def meant(block: CodeBlock) -> tuple[CodeBlock, ExecResult | None]:
    """The block without prompts, output and magics; a result where it cannot be meant to run.

    A block that names a file is run as it was written.
    """
    if block.action != "run" or block.path is not None:
        return block, None
    meaning = runnable(block.lang, block.code)
    if isinstance(meaning, Refusal):
        refusal = prompt(f"refused_{meaning.reason}", detail=meaning.detail)
        return block, ExecResult(1, f"{refusal}\n")
    return replace(block, lang=meaning.lang, code=meaning.code), None
