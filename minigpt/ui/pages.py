"""The pages, in the order of the menu: the one table of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page: what it is called, where it is, its picture, and what it is for in a line."""

    title: str
    file: str  # from the folder of app.py
    icon: str
    purpose: str


HOME = Page(
    "Home", "app.py", ":material/home:", "Talk to a model, and see what training did to it."
)
DATA = Page(
    "Data",
    "pages/1_Data.py",
    ":material/menu_book:",
    "Bring a text and see what the model will see.",
)
TRAIN = Page(
    "Train",
    "pages/2_Train.py",
    ":material/trending_down:",
    "Watch the loss fall and the samples turn into words.",
)
ATTENTION = Page(
    "Attention",
    "pages/3_Attention.py",
    ":material/grid_on:",
    "See where the model looks, at every moment of training.",
)
GENERATE = Page(
    "Generate",
    "pages/4_Generate.py",
    ":material/edit_note:",
    "Make it bolder or more careful, and watch its choices.",
)
INSIDE = Page(
    "Inside",
    "pages/5_Inside.py",
    ":material/biotech:",
    "Take the model apart, and check that the parts add up.",
)
PAGES = (HOME, DATA, TRAIN, ATTENTION, GENERATE, INSIDE)
