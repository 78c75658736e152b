"""The house: imports point down, and foreign things stay in their rooms."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.running import ROOT

PACKAGE = ROOT / "handler"

LAYERS = {
    8: {"cli", "aws", "__main__"},
    7: {"page", "web", "worker", "rounds", "server", "teller"},
    6: {"receive", "process", "reconcile", "diagnose", "doctor", "explain", "receipt"},
    5: {"services"},
    4: {"metrics", "notices", "sellers", "tracing"},
    3: {"cases", "calls", "signing", "mercadopago", "tiendanube", "simulator"},
    2: {
        "by_hand",
        "config",
        "policy",
        "sources",
        "answers",
        "exchange",
        "pace",
        "places",
        "seats",
        "allowance",
        "failures",
        "boto",
    },
    1: {"models", "errors", "findings", "logs", "strict_json", "lenient_schema", "clock", "__init__"},
}

ROOMS = {
    "requests": {"exchange"},
    "urllib3": {"exchange"},
    "sqlite3": {"cases.sqlite"},
    "flask": {"page", "web", "simulator"},
    "werkzeug": {"page", "web", "simulator"},
    "itsdangerous": {"page.login"},
    "waitress": {"server"},
    "marshmallow": {"sources", "answers", "lenient_schema"},
    "click": {"cli"},
    "prometheus_client": {"metrics"},
    "opentelemetry": {"tracing.otel"},
    "pydyf": {"receipt.pdf"},
    "dotenv": {"cli.environment"},
    "os": {"cli", "cases.sqlite.connection", "cases.sqlite.database", "cases.sqlite.presence", "aws.entry"},
    "boto3": {"boto"},
    "botocore": {"boto"},
    "apig_wsgi": {"aws.http", "aws.page"},
}

FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Return a file's name below the package, with points; a package goes by its own."""
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix(".__init__") if name != "__init__" else name


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """Return what a file imports, each with whether it does so inside a function."""
    tree = ast.parse(path.read_text())
    # What only the types need is not there when it runs.
    tree.body = [node for node in tree.body if not ast.unparse(node).startswith("if TYPE_CHECKING:")]
    top_level = set(map(id, tree.body))
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.append((f"{node.module}.{node.names[0].name}", id(node) not in top_level))
        elif isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in top_level) for alias in node.names]
    return found


def layer(module: str) -> int:
    """Return the layer of a module, by its first part."""
    (found,) = [number for number, names in LAYERS.items() if module.split(".", maxsplit=1)[0] in names]
    return found


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_down(path: Path) -> None:
    """Never up, and sideways only within one room or one layer; what nothing is built on comes first."""
    module = module_of(path)

    for imported, _ in imports(path):
        if imported.startswith("handler.") and not imported.startswith("handler.__version__"):
            room = imported.removeprefix("handler.").split(".")[0]
            assert layer(room) <= layer(module), f"{module} looks up to {room}"


def test_there_are_no_circles() -> None:
    """Of files: each can be loaded after those that it needs."""
    modules = {f"handler.{module_of(path)}": path for path in FILES}
    needs = {
        name: {found for imported, _ in imports(path) if (found := meant(imported, modules))} - {name}
        for name, path in modules.items()
    }
    while ready := {name for name, needed in needs.items() if not needed}:
        needs = {name: needed - ready for name, needed in needs.items() if name not in ready}
    assert needs == {}


def meant(imported: str, modules: Mapping[str, Path]) -> str | None:
    """Return the module that a dotted name means: what comes last may be a thing inside it."""
    return next((name for name in (imported, imported.rpartition(".")[0]) if name in modules), None)


@pytest.mark.parametrize(("foreign", "rooms"), ROOMS.items(), ids=list(ROOMS))
def test_foreign_things_stay_in_their_rooms(foreign: str, rooms: set[str]) -> None:
    """One place to change when they do."""
    users = {module_of(path) for path in FILES for name, _ in imports(path) if name.split(".")[0] == foreign}

    assert users
    assert {user for user in users if not any(f"{user}.".startswith(f"{room}.") for room in rooms)} == set()


def test_nothing_is_imported_inside_a_function_but_what_an_installation_may_lack() -> None:
    """One place opens the record that is asked for."""
    inside = {(module_of(path), name) for path in FILES for name, nested in imports(path) if nested}

    assert inside == {
        ("__main__", "handler.cli.main"),
        ("cases", "handler.cases.sqlite.SQLiteCases"),
        ("cases", "handler.cases.dynamodb.DynamoDBCases"),
        ("tracing", "handler.tracing.otel.OpenTelemetry"),
    }


def test_models_and_errors_need_only_the_standard_library() -> None:
    """They are what everything else is built on."""
    standard = {"collections", "dataclasses", "datetime", "decimal", "enum", "re", "typing"}
    for path in (PACKAGE / "errors.py", *sorted((PACKAGE / "models").glob("*.py"))):
        foreign = {name for name, _ in imports(path) if not name.startswith("handler.models.")}
        assert {name.split(".")[0] for name in foreign} <= standard


def test_the_environment_is_read_by_the_faces_alone() -> None:
    """And handed on."""
    readers = {module_of(path) for path in FILES if "os.environ" in path.read_text()}

    assert readers == {
        "cli.environment",
        "cli.demo",
        "aws.entry.http",
        "aws.entry.page",
        "aws.entry.process",
        "aws.entry.sweep",
        "aws.entry.tell",
    }
