"""The grammar of ``assistant sandbox``: what one does with the engine and the images."""

from assistant.cli.arguments import Commands


def add_sandbox(commands: Commands) -> None:
    sandbox = commands.add_parser("sandbox", help="build, check or clean the sandbox")
    actions = sandbox.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="make the image (and start an engine if needed)")
    build.add_argument("--package", action="append", default=[], metavar="NAME")
    build.add_argument("--apt", action="append", default=[], metavar="NAME")
    build.add_argument("--from", dest="base", default="", metavar="IMAGE")
    build.add_argument("--tag", default="", metavar="TAG")
    kinds = build.add_mutually_exclusive_group()
    kinds.add_argument("--project", action="store_true", help="an image for this folder")
    kinds.add_argument(
        "--for",
        dest="purpose",
        choices=("polyglot", "humaneval-x"),
        help="an image for a data set in other languages",
    )
    build.add_argument("--yes", action="store_true", help="do not ask")
    actions.add_parser("check", help="what the engine is, what it enforces, what is missing")
    clean = actions.add_parser(
        "clean", help="remove containers and images that nobody uses any more"
    )
    clean.add_argument("--all", action="store_true", help="the images that are up to date, too")
    actions.add_parser("stop", help="end the engine that the set-up started")
