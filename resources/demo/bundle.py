"""What is built on the trained model: a recorded cache of held-out text, and the session that opens it all."""

from pathlib import Path
from shutil import rmtree

from interpviz import api
from interpviz.core.document import CloudView, Document, GraphView, Prompt, Selection
from interpviz.core.report import Report, silent
from interpviz.core.sites import Site
from interpviz.data import sessions

SITES = ("L0R", "L1R", "L3R")
TOKENS, CONTEXT = 8192, 128
PROMPT = "When Mary and John went to the store, John gave a drink to"
CONTRAST = "When Mary and John went to the store, Mary gave a drink to"


def write_bundle(folder: Path, report: Report = silent) -> None:
    """Record `folder`/heldout with `folder`/model into demo.acts, and write session.json beside it.

    What was recorded with an earlier model is replaced.
    """
    cache = folder / "demo.acts"
    if cache.exists():
        rmtree(cache)
    model = api.load("demo" if folder == Path(__file__).parent else str(folder / "model"))
    texts = sorted((folder / "heldout").glob("*.txt"))
    recorded = api.record(model, texts, sites=SITES, out=cache, tokens=TOKENS, context=CONTEXT, report=report)
    sessions.save(opening(model, recorded), folder / "session.json")


def opening(model: api.Model, cache: api.Cache) -> Document:
    """What a visitor sees first: who gets the drink, and the head that looks back most strongly, selected."""
    induction = model.heads().induction
    layer, head = divmod(int(induction.argmax()), model.facts.heads)
    return Document(
        model=model.facts,
        cache=cache.facts,
        prompt=Prompt(PROMPT),
        contrast=Prompt(CONTRAST),
        target=" Mary",
        distractor=" John",
        cloud=CloudView(Site.parse(SITES[-1]).hook),
        graph=GraphView(threshold=0.75),
        selection=Selection((Site(layer, "head", head),)),
    )
