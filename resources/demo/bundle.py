"""What is built on the trained model: a cache of held-out text, dictionaries and their indices, and the session."""

from pathlib import Path
from shutil import rmtree

from interpviz import api
from interpviz.core.document import PANELS, CloudView, Document, GraphView, Prompt, Selection
from interpviz.core.features import FeaturesView
from interpviz.core.report import Report, silent
from interpviz.core.sites import Site
from interpviz.data import dictionaries as folders
from interpviz.data import sessions
from interpviz.data.feature_index import FeatureIndex
from resources.demo import dictionaries

SITES = ("L0R", "L1R", "L3R", *dictionaries.READ_BY_TRANSCODERS)
TOKENS, CONTEXT = 8192, 128
SHOWN = "L1R-1024"
PROMPT = "When Mary and John went to the store, John gave a drink to"
CONTRAST = "When Mary and John went to the store, Mary gave a drink to"


def write_cache(folder: Path, report: Report = silent) -> None:
    """Record `folder`/heldout with `folder`/model into demo.acts; what an earlier model left there is replaced."""
    cache = folder / "demo.acts"
    if cache.exists():
        rmtree(cache)
    texts = sorted((folder / "heldout").glob("*.txt"))
    api.record(_model(folder), texts, sites=SITES, out=cache, tokens=TOKENS, context=CONTEXT, report=report)


def write_session(folder: Path) -> None:
    """Write session.json beside model, cache, dictionaries and indices."""
    sessions.save(opening(_model(folder), api.open(folder / "demo.acts"), folder), folder / "session.json")


def opening(model: api.Model, cache: api.Cache, folder: Path) -> Document:
    """What a visitor sees first: who gets the drink, the head that looks back most strongly, and what is said to it.

    Of the dictionaries the one of middle width is shown, and of its features one whose label is right, active on the
    prompt.
    """
    induction = model.heads().induction
    layer, head = divmod(int(induction.argmax()), model.facts.heads)
    places = [folder / "dictionaries" / name for name in dictionaries.names()]
    return Document(
        model=model.facts,
        cache=cache.facts,
        prompt=Prompt(PROMPT),
        contrast=Prompt(CONTRAST),
        target=" Mary",
        distractor=" John",
        cloud=CloudView(Site.parse(SITES[2]).hook),
        graph=GraphView(threshold=0.75),
        selection=Selection((Site(layer, "head", head),)),
        dictionaries=tuple(folders.facts(place) for place in places),
        indices=tuple(FeatureIndex.open(_index(place)).facts for place in places),
        features=FeaturesView(SHOWN, feature=_well_labelled(folder / "dictionaries" / SHOWN)),
        panels=frozenset(PANELS) - {"training"},
    )


def _well_labelled(place: Path) -> int:
    """The feature whose label scores best among those that are said to be about a name."""
    table = api.open_index(_index(place)).table()
    named = [feature for feature, label in enumerate(table.label) if '" Mary"' in label or '" John"' in label]
    return max(named or range(len(table.label)), key=lambda feature: float(table.score[feature]))


def _index(place: Path) -> Path:
    return place.with_name(f"{place.name}.features.h5")


def _model(folder: Path) -> api.Model:
    return api.load(dictionaries.model_of(folder))
