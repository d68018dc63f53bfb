"""Text for a file and back: what a file has of byte order mark and line ends is kept."""

_MARK = "\ufeff"


class NotText(ValueError):
    """Bytes that are no UTF-8 text, or text that no file can hold."""


def text_of(data: bytes) -> str:
    """A file's text, every character of it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotText("the file is not UTF-8 text") from error
    if "\0" in text:
        raise NotText("the file is binary")
    return text


def bytes_of(text: str) -> bytes:
    """A text as the bytes of a file."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotText("the text holds characters that cannot be stored") from error


def as_before(text: str, before: str) -> str:
    """A whole new text for a file, with the mark and the line ends that all of ``before`` had."""
    if text and not text.endswith("\n"):
        text += "\n"
    if "\n" in before and before.count("\r\n") == before.count("\n") and "\r" not in text:
        text = text.replace("\n", "\r\n")
    return _MARK + text if before.startswith(_MARK) and not text.startswith(_MARK) else text
