"""The package's shape: who may import whom, what is public, and what stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minigpt
from minigpt.ui.pages import PAGES

PACKAGE = Path(minigpt.__file__).parent
ROOT = PACKAGE.parent

# A module may import those of lower layers, and its own folder.
LAYERS = [
    {"config", "counting", "metrics", "host"},
    {"memory"},
    {"limits", "recipes"},
    {"tokenizers", "corpus", "cache", "sampling"},
    {"model", "devices"},
    {"optim", "generation", "evaluation"},
    {"beam"},
    {"interpret"},
    {"trainer"},
    {"store", "bundle", "huggingface"},
    {"weights", "findings"},
    {"engine"},
    {"cli"},
]
# So do the files of a run's life.
ENGINE = [
    {"room", "speed", "marker", "ablation"},
    {"launch"},
    {"supervisor", "probe", "training", "bounded"},
    {"jobs", "turns", "works"},
    {"worker"},
    {"together"},
]


def depths(layers: list[set[str]]) -> dict[str, int]:
    return {name: depth for depth, names in enumerate(layers) for name in names}


LAYER_OF = depths(LAYERS)
APART = {"plots", "ui", "__init__", "__main__"}


def imports_of(path: Path) -> set[str]:
    """All modules a file imports, wherever in it, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def parts_of_minigpt(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports_of(path) if name.startswith("minigpt.")}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    part = part_of(path)
    assert part in LAYER_OF or part in APART, f"give {part} a layer"
    used = {name for name in parts_of_minigpt(path) if name in LAYER_OF or name in APART}
    if part in LAYER_OF:
        reaching_up = {
            name
            for name in used - {part}
            if LAYER_OF.get(name, 99) > LAYER_OF[part] and name != "plots"
        }
        assert not reaching_up
        assert "ui" not in used
        assert part == "cli" or "plots" not in used
    if part == "plots":
        assert used <= {"plots", "tokenizers"}
    if part == "ui":
        assert "cli" not in used


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine").glob("*.py")), ids=lambda p: p.stem)
def test_the_files_of_a_run_s_life_import_one_way(path):
    used = {
        name.split(".")[2] for name in imports_of(path) if name.startswith("minigpt.engine.")
    } - {path.stem}
    if path.stem == "__init__":
        assert not imports_of(path)
    else:
        layer = depths(ENGINE)
        assert all(layer[name] <= layer[path.stem] for name in used)


UI = PACKAGE / "ui"
UI_MODULES = [".".join(p.relative_to(PACKAGE).with_suffix("").parts) for p in UI.rglob("*.py")]
FOLDERS = {path.name for path in UI.iterdir() if (path / "__init__.py").exists()}
ROOMS = FOLDERS - {"components"}  # of the pages


@pytest.mark.parametrize("path", sorted(UI.rglob("*.py")), ids=lambda p: str(p.relative_to(UI)))
def test_a_page_s_folder_is_imported_by_itself_and_its_page_alone(path):
    own = {path.relative_to(UI).parts[0]} & ROOMS
    used = {name.split(".")[2] for name in imports_of(path) if name.startswith("minigpt.ui.")}
    assert used & ROOMS <= own
    assert path.stem != "__init__" or not imports_of(path)


def test_every_page_stands_in_the_one_table_and_imports_its_own_folder_alone():
    found = {ROOT / "app.py", *(ROOT / "pages").glob("*.py")}
    assert {ROOT / page.file for page in PAGES} == found
    assert {page.title.lower() for page in PAGES} == ROOMS
    for page in PAGES:
        imported = imports_of(ROOT / page.file)
        used = {name.split(".")[2] for name in imported if name.startswith("minigpt.ui.")}
        assert used & ROOMS == {page.title.lower()}, page.title


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_ui_imports_streamlit_and_nothing_imports_a_page(path):
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert part_of(path) == "ui" or "streamlit" not in roots
    assert not roots & {"pages", "app", "pickle", "multiprocessing"}


def test_plots_imports_numpy_plotly_and_how_a_token_is_shown_only():
    files = (PACKAGE / "plots").glob("*.py")
    names = {name for path in files for name in imports_of(path)}
    roots = {name.split(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"minigpt", "numpy", "plotly"}
    of_tokens = {name for name in names if name.startswith("minigpt.tokenizers")}
    assert all(name.startswith("minigpt.tokenizers.visible") for name in of_tokens)


@pytest.mark.parametrize(
    "module",
    [
        "config",
        "engine.speed",
        "engine.launch",
        "recipes",
        "store",
        "plots",
        "bundle",
        "huggingface",
        "engine.supervisor",
        ", minigpt.".join(UI_MODULES),
    ],
)
def test_the_light_modules_do_not_import_torch(module):
    code = f"import sys, minigpt.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_command_line_needs_no_plotly():
    code = "import sys, minigpt.cli; sys.exit('plotly' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_dir_shows_what_is_public_and_nothing_else():
    assert dir(minigpt) == sorted(minigpt.__all__)


def test_all_is_sorted_complete_and_true():
    assert minigpt.__all__ == sorted(minigpt.__all__, key=lambda n: (not n.isupper(), n))
    assert set(minigpt.__all__) == set(minigpt._HOME_OF)
    for name in minigpt.__all__:
        thing = getattr(minigpt, name)
        assert thing.__doc__ or name == "PRESETS", name
    assert not set(minigpt.__all__) & {part_of(path) for path in MODULES}, "it would be hidden"
    with pytest.raises(AttributeError):
        minigpt.nothing  # noqa: B018


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
