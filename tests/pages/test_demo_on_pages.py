"""The demo belongs to everybody: nobody deletes it, and where it is gone it comes back."""

import ast

import pytest

from minigpt import bundle
from minigpt.counting import percent
from minigpt.ui import services
from tests.pages.visits import PAGES, ROOT, SMALL, ask, by_label, opened, start_training, well


@pytest.fixture
def everyones(monkeypatch, one_home, request):
    """A visitor whose workspace is everyone's, the demo's among them."""
    monkeypatch.setenv("MINIGPT_WORKSPACE", "everyone")
    return request.getfixturevalue("home_page")


def test_in_a_workspace_of_everyone_the_demo_cannot_be_deleted(everyones):
    app = well(opened(everyones, "pages/2_Train.py"))
    offered = " ".join(by_label(app.menu_button, "More").options)
    assert "Rename" in offered and "Delete" not in offered


@pytest.mark.parametrize("gone", ["deleted", "asked to be deleted"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_where_the_demo_is_gone(home_page, store, page, gone):
    demo = bundle.ensure_demo(store)
    if gone == "deleted":
        store.delete_run(demo)
    else:
        with store._db.transaction() as db:
            db.execute("UPDATE runs SET wish = 'deleted' WHERE id = ?", (demo,))
    well(opened(home_page, page))
    assert store.run(demo).name == "Harbour tales"


def test_a_run_is_deleted_also_where_the_address_does_not_name_it_any_more(everyones, store):
    run_id = start_training(everyones, **SMALL)
    ask(everyones, "Delete")
    button = by_label(everyones.button, "Delete this run")
    del everyones.query_params["run"]
    well(button.click().run())
    assert not store.has_run(run_id) and "run" not in everyones.query_params


def test_what_may_be_missing_in_an_address_is_asked_for_gently():
    """`del` and a look-up of what is not there raise: nobody has to have been there before."""
    for path in [*ROOT.glob("*.py"), *ROOT.glob("pages/*.py"), *ROOT.glob("minigpt/ui/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("query_params"):
                assert isinstance(node.ctx, ast.Store), f"{path.name}: {ast.unparse(node)}"


def test_sharing_says_what_a_model_may_give_away_and_how_much_it_copies(home_page, store):
    app = ask(opened(home_page, "pages/2_Train.py"), "Share")
    said = " ".join(caption.value for caption in well(app).caption)
    found = services.trace(run := store.find_run("demo"), store.samples(run.id)[-1][1])
    assert "writes out what it learned by heart" in said
    assert (
        f"Of what it wrote last {percent(found.share, 0)} stands word for word in its text" in said
    )
    assert f"of unseen text {percent(found.held_out_share.mean, 0)}" in said
