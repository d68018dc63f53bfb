"""Settings: the layers in their order, every wrong word named, and no project above its station."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.parser import SETTINGS
from assistant.config_files import line_of, user_file
from assistant.events import UsageError
from assistant.options import Size, text_of
from assistant.settings import OPTIONS, Settings, explain, load_settings

KEY = "canary-key-0123456789"


@pytest.fixture
def home(_own_home: Path) -> Path:
    return _own_home


@pytest.fixture
def project(home: Path) -> Path:
    folder = home / "work" / "project"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    return folder


def user(text: str) -> Path:
    path = user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def own(project: Path, text: str) -> Path:
    path = project / "assistant.toml"
    path.write_text(text, encoding="utf-8")
    return path


def sources(settings: Settings) -> dict[str, str]:
    return {row.name: row.source for row in explain(settings)}


def test_the_defaults(project: Path) -> None:
    settings = load_settings(folder=project)
    assert settings.replies == 30
    assert settings.tokens == 400_000
    assert settings.dollars == Decimal("2.00")
    assert (settings.seconds, settings.blocks) == (1800, 60)
    assert (settings.block_seconds, settings.check_seconds) == (120, 600)
    assert (settings.mount, settings.network, settings.ask) == ("none", "none", "apply")
    assert not settings.local
    assert not settings.apply
    assert settings.session_dollars is None
    assert not settings.given("dollars")
    assert settings.files == ()
    assert settings.secrets == ()
    assert Path(settings.data_folder).is_absolute()
    assert set(sources(settings).values()) == {"default"}


def test_later_layers_win(project: Path) -> None:
    names = ("replies", "tokens", "blocks", "seconds", "theme")
    path = user("replies = 1\ntokens = 1\nblocks = 1\nseconds = 1\n")
    theirs = own(project, "tokens = 2\nblocks = 2\nseconds = 2\n")
    environment = {"ASSISTANT_BLOCKS": "3", "ASSISTANT_SECONDS": "3"}
    settings = load_settings({"seconds": "4"}, folder=project / "src", environment=environment)
    assert [getattr(settings, name) for name in names] == [1, 2, 3, 4, "auto"]
    assert [sources(settings)[name] for name in names] == [
        str(path),
        str(theirs),
        "ASSISTANT_BLOCKS",
        "--seconds",
        "default",
    ]
    assert settings.files == (path, theirs)
    assert settings.given("replies")


def test_flags_are_text_or_values_and_none_is_not_given(project: Path) -> None:
    settings = load_settings(
        {"dollars": "0.5", "replies": 7, "local": True, "model": None, "protect": ["a", "b"]},
        folder=project,
    )
    assert settings.dollars == Decimal("0.5")
    assert (settings.replies, settings.local, settings.model) == (7, True, "")
    assert settings.protect == ("a", "b")
    assert settings.given("dollars")


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("ASSISTANT_MODEL", "m", "model", "m"),
        ("ASSISTANT_LOCAL", "yes", "local", True),
        ("ASSISTANT_SHOW_VALUE", "0", "show_value", False),
        ("ASSISTANT_TEMPERATURE", "0.5", "temperature", 0.5),
        ("ASSISTANT_TEMPERATURE", "none", "temperature", None),
        ("ASSISTANT_SESSION_DOLLARS", "9.99", "session_dollars", Decimal("9.99")),
        ("ASSISTANT_PROTECT", "a/*, b", "protect", ("a/*", "b")),
        (
            "ASSISTANT_IMAGES",
            "js=node:22,python=py",
            "images",
            {"javascript": "node:22", "python": "py"},
        ),
        ("ASSISTANT_COPY_BYTES", "2g", "copy_bytes", 2 << 30),
        ("ASSISTANT_MOUNT", "ro", "mount", "ro"),
        ("OPENAI_BASE_URL", "http://x/v1", "base_url", "http://x/v1"),
        ("OPENAI_API_KEY", KEY, "api_key", KEY),
    ],
)
def test_variables(project: Path, variable: str, text: str, name: str, value: Any) -> None:
    settings = load_settings(folder=project, environment={variable: text})
    assert getattr(settings, name) == value
    assert sources(settings)[name] == variable
    again = text_of(OPTIONS[name], value)
    if variable.startswith("ASSISTANT_"):
        assert getattr(load_settings(folder=project, environment={variable: again}), name) == value
    assert not load_settings(folder=project, environment={variable: " "}).given(name)


def test_our_variables_go_before_those_of_others(project: Path) -> None:
    environment = {
        "OPENAI_BASE_URL": "http://theirs",
        "ASSISTANT_BASE_URL": "http://ours",
        "OPENAI_API_KEY": "theirs-12345",
        "ASSISTANT_API_KEY": "ours-1234567",
    }
    settings = load_settings(folder=project, environment=environment)
    assert (settings.base_url, settings.api_key) == ("http://ours", "ours-1234567")
    assert set(settings.secrets) == {"theirs-12345", "ours-1234567"}


# What is wrong is named, with its place and the nearest right word.


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("\n\nmodle = 'x'\n", 3, "unknown key 'modle'", "Did you mean model?"),
        ("replys = 3", 1, "unknown key 'replys'", "Did you mean replies?"),
        ("zzz = 1", 1, "unknown key 'zzz'", "Known: model, "),
        ("[budget]\ntokenz = 1", 2, "unknown key 'tokenz'", "Did you mean tokens?"),
        ("# x\n[profile.a]\nmodel = 'm'", 2, "profile: expected text, got {'a'", ""),
        ("[profiles.a]\nmodle = 1", 2, "unknown key 'modle'", "Did you mean model?"),
        ("[profiles]\na = 1", 2, "a: expected a table", ""),
        ("[profiles.a]\nprofile = 'b'", 2, "a profile cannot choose", ""),
        ("profiles = 7", 1, "profiles: expected a table", ""),
        ("replies = 'many'", 1, "replies: expected a whole number of at least 1, got 'many'", ""),
        ("replies = 0", 1, "replies: expected a whole number of at least 1, got 0", ""),
        ("replies = true", 1, "expected a whole number of at least 1, got true", ""),
        ("replies = 1.5", 1, "expected a whole number", ""),
        ("seconds = nan", 1, "seconds: expected a number of at least 1", ""),
        ("dollars = 'lots'", 1, "dollars: expected an amount", ""),
        ("dollars = 'NaN'", 1, "dollars: expected an amount", ""),
        ("dollars = -1", 1, "dollars: expected an amount", ""),
        ("local = 'yes'", 1, "local: expected true or false, got 'yes'", ""),
        ("mount = 'rx'", 1, "mount: expected one of none, ro, rw, got 'rx'", ""),
        ("ask = ['never']", 1, "ask: expected one of all, apply, never", ""),
        ("protect = 'x'", 1, "protect: expected a list of texts", ""),
        ("protect = [\n 'a',\n 7]", 1, "protect: expected a list of texts", ""),
        ("images = 'x'", 1, "images: expected a table of texts", ""),
        ("[images]\npyton = 'x'", 1, "unknown language 'pyton'; did you mean python?", ""),
        ("copy_bytes = '2 apples'", 1, "copy_bytes: expected a size", ""),
        ("copy_bytes = -1", 1, "copy_bytes: expected a size", ""),
        ("model = 7", 1, "model: expected text, got 7", ""),
        ("temperature = 'hot'", 1, 'expected a number of at least 0, or "none"', ""),
        ("tokens = 1\n[budget]\ntokens = 1", 3, "tokens is set twice", ""),
        ("api_key = 'sk-123'", 1, "api_key cannot be set here", "api_key_file"),
        ("x = 1\nx = 2", 2, "not valid TOML", ""),
        ("a = [1,\n", 1, "not valid TOML", ""),
        ("[trusted]\nfolders = []", 2, "unknown key 'folders'", "Known: projects"),
        ("[trusted]\nprojects = 'x'", 2, "expected a list of folders", ""),
        ("trusted = true", 1, "trusted: expected a table", ""),
    ],
)
def test_wrong_words_in_a_file(
    project: Path, text: str, line: int, message: str, remedy: str
) -> None:
    path = user(text)
    with pytest.raises(UsageError) as caught:
        load_settings(folder=project)
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "sk-123" not in str(caught.value)
    assert "\n" not in caught.value.message


def test_wrong_words_in_a_project_are_named_by_its_file(project: Path) -> None:
    path = own(project, "chek = 'x'")
    with pytest.raises(UsageError, match="unknown key 'chek'") as caught:
        load_settings(folder=project)
    assert caught.value.message.startswith(f"{path}:1: ")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"ASSISTANT_REPLIES": "many"}, "ASSISTANT_REPLIES: expected a whole number"),
        ({"ASSISTANT_LOCAL": "maybe"}, "ASSISTANT_LOCAL: expected true or false"),
        ({"ASSISTANT_IMAGES": "node"}, "ASSISTANT_IMAGES: expected a table"),
        ({"ASSISTANT_MODLE": "x"}, "unknown variable ASSISTANT_MODLE"),
        ({"ASSISTANT_NETWORK": "full"}, "network cannot be set here"),
    ],
)
def test_wrong_variables(project: Path, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(folder=project, environment=environment)
    assert message in caught.value.message


def test_variables_of_others_are_left_alone(project: Path) -> None:
    load_settings(folder=project, environment={"ASSISTANT_DATA": "/d", "ASSISTANT_SETUP": "yes"})


@pytest.mark.parametrize(
    ("flags", "message", "remedy"),
    [
        ({"repiles": 1}, "unknown setting 'repiles'", "replies"),
        ({"replies": "x"}, "--replies: expected a whole number", ""),
        ({"api_key": KEY}, "--api-key: api_key cannot be set here", "OPENAI_API_KEY"),
    ],
)
def test_wrong_flags(project: Path, flags: dict[str, Any], message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(flags, folder=project)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert KEY not in str(caught.value)


def test_files_that_cannot_be_read(project: Path) -> None:
    path = user("")
    path.write_bytes(b"model = 'x'\n# \xff\n")
    with pytest.raises(UsageError, match=r"config\.toml:2: not UTF-8"):
        load_settings(folder=project)
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        load_settings(folder=project)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UsageError, match="not a file"):
        load_settings(folder=project)


# Profiles.

PROFILES = """
model = "plain"
base_url = "http://plain"
[profiles.local]
model = "small"
base_url = "http://localhost"
[profiles.local.budget]
tokens = 5
"""


def test_a_profile_goes_before_the_files(project: Path) -> None:
    path = user(PROFILES)
    own(project, 'model = "project"\n[profiles.local]\nblock_seconds = 9\n')
    settings = load_settings({"profile": "local"}, folder=project)
    assert (settings.model, settings.base_url, settings.tokens) == ("small", "http://localhost", 5)
    assert settings.block_seconds == 9
    assert sources(settings)["model"] == f"profile local ({path})"
    assert load_settings(folder=project).model == "project"


def test_a_profile_chosen_by_a_flag_goes_before_the_environment(project: Path) -> None:
    user(PROFILES)
    environment = {"ASSISTANT_MODEL": "variable"}
    flags = {"profile": "local"}
    assert load_settings(flags, folder=project, environment=environment).model == "small"
    environment["ASSISTANT_PROFILE"] = "local"
    settings = load_settings(folder=project, environment=environment)
    assert (settings.model, settings.base_url) == ("variable", "http://localhost")


def test_a_profile_that_the_file_chooses(project: Path) -> None:
    user('profile = "local"\n' + PROFILES)
    assert load_settings(folder=project).model == "small"


def test_an_unknown_profile(project: Path) -> None:
    user(PROFILES)
    with pytest.raises(UsageError, match="no profile 'locl'") as caught:
        load_settings({"profile": "locl"}, folder=project)
    assert caught.value.remedy == "Did you mean local?"


# Projects.

WIDENING = [
    ("mount = 'rw'", "mount"),
    ("mount = 'ro'", "mount"),
    ("image = 'evil'", "image"),
    ("[images]\npython = 'evil'", "images"),
    ("local = true", "local"),
    ("base_url = 'http://evil'", "base_url"),
    ("api_key_file = '/etc/passwd'", "api_key_file"),
    ("ask = 'never'", "ask"),
    ("apply = true", "apply"),
    ("allow = ['*']", "allow"),
    ("copy = ['.env']", "copy"),
    ("data_folder = '.'", "data_folder"),
    ("prices = 'free.toml'", "prices"),
    ("runtime = 'weak'", "runtime"),
    ("memory = '64G'", "memory"),
    ("processors = 64", "processors"),
    ("tmp = '2G'", "tmp"),
    ("processes = 1025", "processes"),
    ("disk = '5G'", "disk"),
    ("disk_files = 200_001", "disk_files"),
    ("output_bytes = '9M'", "output_bytes"),
    ("eval_memory = '3G'", "eval_memory"),
    ("profile = 'local'", "profile"),
]


@pytest.mark.parametrize(("text", "name"), WIDENING)
def test_a_project_may_not_widen_unless_it_is_trusted(project: Path, text: str, name: str) -> None:
    user(PROFILES)
    path = own(project, f"replies = 2\n{text}\n")
    with pytest.raises(UsageError) as caught:
        load_settings(folder=project)
    assert caught.value.message.startswith(f"{path}:2: {name} may not be set to ")
    assert f'projects = ["{project.resolve()}"]' in caught.value.remedy
    user(f'{PROFILES}\n[trusted]\nprojects = ["~/elsewhere", "{project}"]\n')
    settings = load_settings({"api_key_file": ""}, folder=project)
    assert settings.replies == 2
    assert settings.given(name)


@pytest.mark.parametrize(("text", "name"), WIDENING)
def test_a_project_can_be_ignored(project: Path, text: str, name: str) -> None:
    own(project, f"replies = 2\n{text}\n")
    settings = load_settings({"ignore_project": True}, folder=project)
    assert settings == load_settings(folder=project, environment={"ASSISTANT_IGNORE_PROJECT": "1"})
    assert not settings.given(name)
    assert settings.replies == 30


@pytest.mark.parametrize(
    ("mine", "theirs", "refused"),
    [
        ("", "dollars = 2.01", True),
        ("dollars = 5", "dollars = 4.99", False),
        ("dollars = 5", "profile = ''\n[budget]\ndollars = 6", True),
        ("", "session_dollars = 1000", False),  # There is no cap of the user's.
        ("session_dollars = 5", "session_dollars = 'none'", True),
        ("session_dollars = 5", "session_dollars = 4", False),
        ("", "eval_dollars = 'none'", True),
        ("dearest = 0.5", "dearest = 0.6", True),
    ],
)
def test_a_project_cannot_spend_more_than_its_user_allows(
    project: Path, mine: str, theirs: str, refused: bool
) -> None:
    user(f"{mine}\n")
    own(project, f"{theirs}\n")
    if not refused:
        load_settings(folder=project)
        return
    with pytest.raises(UsageError, match=r"(dollars|dearest) may not be set to"):
        load_settings(folder=project)


BEYOND_SENSE = {
    "digits": "replies = " + "1" * 5000,
    "hexadecimal": "seed = 0x" + "f" * 9000,
    "whole for a float": "temperature = " + "9" * 400,
    "exponent": "dollars = '1e999999999'",
    "depth": "replies = " + "[" * 20_000,
}


@pytest.mark.parametrize("name", BEYOND_SENSE)
def test_numbers_beyond_sense_are_an_error_with_its_place(project: Path, name: str) -> None:
    own(project, f"{BEYOND_SENSE[name]}\n")
    with pytest.raises(UsageError, match=r"assistant\.toml:1: ") as caught:
        load_settings(folder=project)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "text",
    [
        "mount = 'none'",
        "local = false",
        "apply = false",
        "ask = 'all'",
        "protect = ['x']",
        "image = 'mine'",
        "deny = ['rm *']",
        "check = 'make'",
        "model = 'm'",
        "tokens = 999999",
    ],
)
def test_a_project_may_narrow_and_choose(project: Path, text: str) -> None:
    user("image = 'mine'")
    own(project, text)
    load_settings(folder=project)


def test_what_widens_is_measured_by_the_users_own_settings(project: Path) -> None:
    user("mount = 'rw'\nask = 'all'")
    own(project, "mount = 'ro'")
    assert load_settings(folder=project).mount == "ro"
    own(project, "ask = 'apply'")
    with pytest.raises(UsageError, match="ask may not be set to 'apply'"):
        load_settings(folder=project)


def test_a_profile_of_an_untrusted_project_is_held_back_too(project: Path) -> None:
    own(project, "[profiles.x]\nlocal = true\n")
    assert not load_settings(folder=project).local
    with pytest.raises(UsageError, match=r"assistant\.toml:2: local may not be set"):
        load_settings({"profile": "x"}, folder=project)


def test_no_file_opens_the_network(project: Path) -> None:
    user(f'[trusted]\nprojects = ["{project}"]\n')
    own(project, "network = 'full'")
    with pytest.raises(UsageError, match="network cannot be set here") as caught:
        load_settings(folder=project)
    assert caught.value.remedy == "Use the flag --network."
    own(project, "")
    assert load_settings({"network": "full"}, folder=project).network == "full"


def test_a_project_trusts_nobody(project: Path) -> None:
    own(project, f'mount = "rw"\n[trusted]\nprojects = ["{project}"]\n')
    with pytest.raises(UsageError, match="only your own settings file can trust"):
        load_settings(folder=project)


def test_lists_and_tables_add_up(project: Path) -> None:
    path = user("protect = ['a', 'b']\n[images]\npython = 'p'\njs = 'n'\n")
    theirs = own(project, "protect = ['b', 'c']")
    settings = load_settings({"images": ["node=other"]}, folder=project)
    assert settings.protect == ("a", "b", "c")
    assert settings.images == {"python": "p", "javascript": "other"}
    assert sources(settings)["protect"] == f"{path}, {theirs}"


def test_the_search_for_a_project_ends_at_its_root(home: Path, project: Path) -> None:
    own(home, "replies = 5")
    assert load_settings(folder=project).replies == 30, "a repository ends the search"
    assert load_settings(folder=home / "work").replies == 5
    own(project, "replies = 6")
    assert load_settings(folder=project / "src").replies == 6
    own(project / "src", "replies = 7")
    assert load_settings(folder=project / "src").replies == 7


def test_outside_of_home_and_repositories_only_the_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    own(tmp_path, "replies = 5")
    assert load_settings(folder=tmp_path / "a").replies == 30
    assert load_settings(folder=tmp_path).replies == 5


# Keys.


def test_keys_are_never_shown(project: Path) -> None:
    environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://me:hunter-2-22@host/v1"}
    settings = load_settings(folder=project, environment=environment)
    assert settings.secrets == (KEY, "hunter-2-22")
    shown = repr(settings) + repr(explain(settings)) + str(settings)
    assert KEY not in shown
    assert "hunter" not in shown
    rows = {row.name: row.value for row in explain(settings)}
    assert rows["api_key"] == "(set)"
    assert rows["base_url"] == "https://[redacted]@host/v1"


def test_a_key_in_a_file(home: Path, project: Path) -> None:
    (home / "key").write_text(f"{KEY}\n")
    (home / "key").chmod(0o600)
    path = user("api_key_file = '~/key'")
    settings = load_settings(folder=project, environment={"OPENAI_API_KEY": "other-123456"})
    assert settings.api_key == KEY
    assert set(settings.secrets) == {KEY, "other-123456"}
    assert sources(settings)["api_key"] == str(home / "key")
    assert sources(settings)["api_key_file"] == str(path)
    environment = {"ASSISTANT_API_KEY": "mine-1234567"}
    assert load_settings(folder=project, environment=environment).api_key == "mine-1234567"
    flags = {"api_key_file": str(home / "key")}
    assert load_settings(flags, folder=project, environment=environment).api_key == KEY


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (KEY, 0o640, "others have access"),
        (KEY, 0o604, "others have access"),
        ("", 0o600, "does not hold one line"),
        (f"{KEY}\n{KEY}", 0o600, "does not hold one line"),
        (f"key: {KEY}", 0o600, "does not hold one line"),
        (None, 0o600, "No such file"),
    ],
)
def test_a_key_file_that_cannot_be_used(
    home: Path, project: Path, content: str | None, mode: int, why: str
) -> None:
    if content is not None:
        (home / "key").write_text(content)
        (home / "key").chmod(mode)
    user("\napi_key_file = '~/key'")
    with pytest.raises(UsageError, match=why) as caught:
        load_settings(folder=project)
    assert "config.toml:2: " in caught.value.message
    assert KEY not in str(caught.value)
    assert caught.value.remedy


# Paths, the table, speed.


def test_paths_are_seen_from_the_file_that_names_them(home: Path, project: Path) -> None:
    path = user("prices = 'prices.toml'\ndata_folder = '~/records'")
    settings = load_settings(folder=project)
    assert settings.prices == str(path.parent / "prices.toml")
    assert settings.data_folder == str(home / "records")
    settings = load_settings({"prices": "p.toml"}, folder=project)
    assert settings.prices == str(project / "p.toml")


def test_the_table_of_options_is_complete_and_readable() -> None:
    for name, option in OPTIONS.items():
        assert option.doc, name
        assert option.flag == "--" + name.replace("_", "-")
        assert option.expected
        assert getattr(Settings(), name) == option.default
    assert OPTIONS["mount"].choices == ("none", "ro", "rw")
    assert OPTIONS["copy_bytes"].type is Size
    assert text_of(OPTIONS["copy_bytes"], 200 << 20) == "200M"


def test_every_flag_that_is_a_setting_is_in_the_table() -> None:
    assert set(SETTINGS) <= set(OPTIONS)


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("a = '''\nb = 2\n'''\nb = 3", ("b",), 4),
        ("[x]\nb = 1\n[y]\nb = 2", ("y", "b"), 4),
        ("[x.y]\n'b' = 1", ("x", "y", "b"), 2),
        ("# b\nx.b = [\n1]", ("x", "b"), 2),
        ("x = {b = 1}", ("x", "b"), 1),
        ("a = 1", ("b",), None),
        ("", (), None),
    ],
)
def test_lines_of_keys(text: str, keys: tuple[str, ...], line: int | None) -> None:
    assert line_of(text, keys) == line


def test_importing_settings_loads_nothing_heavy() -> None:
    heavy = "openai", "docker", "tiktoken", "tomllib", "platformdirs", "difflib", "asyncio"
    code = f"import sys, assistant.settings; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
