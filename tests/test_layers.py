"""Which part knows which: imports point down, nobody imports the training or a command, and none go in a circle.

Every import counts, those inside functions and those for type checkers too.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# From the bottom. A package imports itself and those before it.
LAYERS = ("core", "data", "retriever", "generator", "batch", "qa", "ui", "evaluation", "training", "benchmarks")
# Commands stand above every layer, wherever their names put them; nothing imports them.
COMMANDS = ("app", "data.build_index", "doctor")


def modules() -> dict[str, Path]:
    """Every module of the program by its name."""
    files = [*ROOT.glob("*.py"), *(file for layer in LAYERS for file in (ROOT / layer).rglob("*.py"))]
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files)
    return dict(zip(names, files, strict=True))


def imported(module: str, file: Path, known: set[str]) -> Iterator[str]:
    """The modules of the program that one module imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by dots: name the module in full"
            # "from data import assets" imports data.assets.
            wholes = [f"{node.module}.{name.name}" for name in node.names]
            yield from (
                (whole if whole in known else node.module) for whole in wholes if whole in known or node.module in known
            )


@cache
def graph() -> dict[str, set[str]]:
    """Each module with those it imports."""
    known = modules()
    return {module: set(imported(module, file, set(known))) - {module} for module, file in known.items()}


def test_every_part_of_the_program_is_in_a_layer():
    parts = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert parts - {"tests", *COMMANDS} == set(LAYERS)


def test_imports_point_down():
    up = [
        f"{module} → {other}"
        for module, others in graph().items()
        for other in others
        if module not in COMMANDS and LAYERS.index(other.split(".")[0]) > LAYERS.index(module.split(".")[0])
    ]
    assert up == []


def test_what_runs_knows_nothing_of_the_training():
    found = {module: others for module, others in graph().items() if not module.startswith("training")}
    into = [
        f"{module} → {other}" for module, others in found.items() for other in others if other.startswith("training")
    ]
    assert into == []


def test_nothing_imports_a_command():
    found = graph()
    assert set(COMMANDS) <= set(found)
    assert [module for module, others in found.items() if others & set(COMMANDS)] == []


def test_no_imports_go_in_a_circle():
    left = graph()
    # What imports nothing that is left, and what nothing left imports, stands in no circle.
    while free := {m for m, others in left.items() if not others & set(left) or m not in set().union(*left.values())}:
        left = {module: others for module, others in left.items() if module not in free}
    assert sorted(left) == []
