"""What the library functions take from the environment: AutoGen's variable, and the user's own."""

import os
from collections.abc import Mapping

USE_DOCKER = "AUTOGEN_USE_DOCKER"
_MEANINGS: Mapping[str, bool | None] = {
    **dict.fromkeys(("1", "true", "yes", "t"), True),
    **dict.fromkeys(("0", "false", "no", "f"), False),
    "none": None,
}


def asked_for_docker() -> bool | None:
    """What AUTOGEN_USE_DOCKER says (1, true, yes, t; 0, false, no, f; none); unset means True.

    Raises:
        ValueError: it says something else.
    """
    said = os.environ.get(USE_DOCKER, "True").strip()
    try:
        return _MEANINGS[said.lower()]
    except KeyError as error:
        known = ", ".join(_MEANINGS)
        raise ValueError(f"{USE_DOCKER} is {said!r}; it can be one of: {known}") from error


def environment() -> dict[str, str]:
    """A copy of the variables of this process."""
    return dict(os.environ)
