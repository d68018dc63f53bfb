"""A run is followed to what it returns, whatever lands in those who listen."""

from collections.abc import Generator

import pytest

from assistant.following import followed


def counting(most: int) -> Generator[int, None, str]:
    try:
        yield from range(most)
    except KeyboardInterrupt:
        yield -1
        return "interrupted"
    return "whole"


def test_each_step_is_heard_and_the_result_comes_back() -> None:
    heard: list[int] = []
    assert followed(counting(3), heard.append) == "whole"
    assert heard == [0, 1, 2]


def test_a_run_of_no_steps() -> None:
    assert followed(counting(0)) == "whole"


def test_a_ctrl_c_in_the_listener_ends_the_run_itself() -> None:
    heard: list[int] = []

    def hear(number: int) -> None:
        heard.append(number)
        if number == 1:
            raise KeyboardInterrupt

    assert followed(counting(5), hear) == "interrupted"
    assert heard == [0, 1, -1]


def test_any_other_error_of_the_listener_comes_up() -> None:
    def hear(number: int) -> None:
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        followed(counting(5), hear)
