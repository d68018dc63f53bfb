"""The shapes of generated code: the parts that a model fills in, and the program made of them."""

from pydantic import BaseModel


class GeneratedCode(BaseModel):
    """One function in parts, as a structured reply has it."""

    function_signature: str
    function_args_with_docstring_within_triple_quotes: str
    code_logic: str


class FormattedGeneratedCode(BaseModel):
    """A whole program."""

    full_code: str
