"""What stands at the foot of the screen: the live lines, the prompt, the menu, the status line."""

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_completions
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import (
    HighlightIncrementalSearchProcessor,
    HighlightSelectionProcessor,
    Processor,
    TabsProcessor,
    Transformation,
    TransformationInput,
)
from prompt_toolkit.widgets import SearchToolbar

from assistant.terminal.pastes import LABEL
from assistant.terminal.sanitize import masked

Text = Callable[[], StyleAndTextTuples]
_MENU = 8
"""Rows of the completion menu."""


class _Typed(Processor):
    """Folded pastes stand out; hidden characters that came with a paste are shown."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments: StyleAndTextTuples = []
        for style, text, *_ in transformation_input.fragments:
            text, at = masked(text), 0
            for match in LABEL.finditer(text):
                fragments.append((style, text[at : match.start()]))
                fragments.append((f"{style} class:paste", match.group()))
                at = match.end()
            fragments.append((style, text[at:]))
        return Transformation(fragments)


def layout(
    buffer: Buffer,
    *,
    prompt: Callable[[int], str],
    live: Text,
    status: Text,
    rows: Callable[[], int],
) -> Layout:
    """The layout around ``buffer``. ``prompt`` gives what stands before its nth row."""
    search = SearchToolbar()

    def before(number: int, wrapped: int) -> StyleAndTextTuples:
        return [("class:prompt", prompt(number or wrapped))]

    field = Window(
        _control(buffer, search),
        wrap_lines=True,
        dont_extend_height=True,
        height=lambda: Dimension(min=1, max=max(rows() // 2, 3)),
        get_line_prefix=before,
    )
    menu_space = ConditionalContainer(Window(height=_MENU), filter=has_completions)
    body = HSplit(
        [
            _lines(live),
            _lines(lambda: [("", "")]),
            field,
            search,
            menu_space,
            _lines(status),
        ],
        align=VerticalAlign.TOP,
    )
    menu = Float(CompletionsMenu(max_height=_MENU), xcursor=True, ycursor=True)
    return Layout(FloatContainer(body, [menu]), focused_element=field)


def _control(buffer: Buffer, search: SearchToolbar) -> BufferControl:
    """What is typed, shown with what is selected, searched for or pasted in it."""
    return BufferControl(
        buffer=buffer,
        search_buffer_control=search.control,
        preview_search=True,
        include_default_input_processors=False,
        input_processors=[
            HighlightIncrementalSearchProcessor(),
            HighlightSelectionProcessor(),
            _Typed(),
            TabsProcessor(tabstop=4, char1=" ", char2=" "),
        ],
    )


def _lines(text: Text) -> ConditionalContainer:
    """Rows that are as high as their text, and not there where it is empty."""
    window = Window(FormattedTextControl(text), dont_extend_height=True)
    return ConditionalContainer(window, filter=Condition(lambda: bool(text())))
