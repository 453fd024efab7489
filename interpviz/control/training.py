"""What the form of a training decides, and the curves of trainings that run or have ended. No widgets."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from interpviz.control import places
from interpviz.control.desk import Desk
from interpviz.control.scheduler import STOPPED, Scheduler
from interpviz.core.document import CacheFacts, Document
from interpviz.core.feature_requests import Train
from interpviz.core.feature_results import TrainingPoint
from interpviz.core.features import DictionaryFacts, DictionaryKind
from interpviz.core.requests import Request
from interpviz.core.sites import short_name

COUNTED: tuple[DictionaryKind, ...] = ("topk", "batchtopk", "matryoshka")
"""The kinds that are told how many features a row has; of the others a penalty decides."""
KINDS: tuple[tuple[DictionaryKind, str, str], ...] = (
    ("topk", "TopK", "exactly k features a row"),
    ("batchtopk", "BatchTopK", "k features a row on average over a batch"),
    ("matryoshka", "Matryoshka", "BatchTopK whose first features do the most: nested dictionaries in one"),
    ("jumprelu", "JumpReLU", "a threshold for every feature, learnt with the number of features"),
    ("gated", "Gated", "a gate says which features are active, another weight how much"),
    ("relu", "ReLU", "a penalty on the sum of activations"),
)
FEWEST_BATCHES = 10
MOST_POINTS = 2000


@dataclass(frozen=True)
class TrainForm:
    """What the user has filled in: `site` and `to` are hook names, `to` empty where it writes what it reads.

    `rows` None: those of the cache once, but at least two million.
    """

    site: str = ""
    to: str = ""
    skip: bool = False
    width: int = 1024
    kind: DictionaryKind = "topk"
    k: int = 32
    rows: int | None = None
    seed: int = 0
    out: str = ""


def first_form(cache: CacheFacts) -> TrainForm:
    """The form as it is before anybody filled it in."""
    streams = (site for site in cache.sites if "hook_resid" in site)
    return TrainForm(site=next(streams, cache.sites[0] if cache.sites else ""))


def problem(form: TrainForm, cache: CacheFacts) -> str:
    """What keeps the form from being a job; empty where nothing does."""
    if form.site not in cache.sites:
        return f"{cache.name} holds no activations to learn from. Open a cache with a site, such as L1R."
    fewest = max(FEWEST_BATCHES * Train.batch, form.width)
    if cache.tokens < fewest:
        return f"{cache.name} has {cache.tokens:,} tokens; this takes at least {fewest:,}. Record a larger cache."
    if form.kind in COUNTED and form.k > form.width:
        return f"A row cannot have {form.k:,} of {form.width:,} features. Lower the one, or raise the other."
    return places.problem(form.out, "dictionary", goes_on(form.out))


def goes_on(out: str) -> bool:
    """Whether a training was interrupted there."""
    return bool(out) and os.path.isdir(f"{os.path.expanduser(out).rstrip(os.sep)}.training")


def job(form: TrainForm, cache: CacheFacts) -> Train:
    """The job of a form in which nothing is wrong."""
    return Train(
        cache=cache.source,
        site=form.site,
        to=form.to,
        skip=form.skip and bool(form.to),
        width=form.width,
        kind=form.kind,
        k=form.k if form.kind in COUNTED else None,
        rows=form.rows,
        seed=form.seed,
        out=os.path.expanduser(form.out),
    )


def proposed_name(form: TrainForm, cache: CacheFacts) -> str:
    """A name for the dictionary: the cache, what it reads and writes, and how wide it is."""
    sites = (short_name(hook).replace("-", "in") for hook in (form.site, form.to) if hook)
    return places.plain("-".join((cache.name, *sites, str(form.width))))


@dataclass(frozen=True)
class Course:
    """One training: the points that it reported, oldest first, whether it runs, and what came of it."""

    job: Train
    points: tuple[TrainingPoint, ...] = ()
    running: bool = True
    outcome: str = ""

    @property
    def name(self) -> str:
        """The base name of the folder that it writes."""
        return os.path.basename(self.job.out.rstrip(os.sep))


class TrainingView(Protocol):
    def show(self, course: Course) -> None: ...

    def explain(self, sentence: str) -> None: ...


@dataclass(eq=False)
class TrainingController:
    """Keeps the curves true. Trainings are jobs: they stand in no document and are shown until the window closes.

    A course goes by its job, whether or not it ends by keeping what was learnt.
    """

    desk: Desk
    view: TrainingView
    _courses: dict[Train, Course] = field(default_factory=dict)
    _cache: CacheFacts | None = None

    def follow(self, scheduler: Scheduler) -> None:
        """Hear of the trainings of this scheduler."""
        scheduler.begun.connect(self._on_begun)
        scheduler.partial.connect(self._on_point)
        scheduler.answered.connect(self._on_answer)
        scheduler.failed.connect(self._on_failure)

    def update(self, document: Document) -> None:
        """Show the latest training, or how to start one."""
        self._cache = document.cache
        self._show()

    def _on_begun(self, request: Request) -> None:
        if isinstance(request, Train):
            before = self._courses.pop(_learning(request), Course(request))  # the latest comes last
            self._courses[_learning(request)] = replace(before, job=request, running=True, outcome="")
            self._show()

    def _on_point(self, request: Request, point: TrainingPoint) -> None:
        if isinstance(request, Train):
            course = self._courses.get(_learning(request), Course(request))
            earlier = tuple(one for one in course.points if one.step < point.step)  # it went on from a checkpoint
            self._change(request, lambda _: replace(course, points=thinned((*earlier, point))))

    def _on_answer(self, request: Request, facts: DictionaryFacts) -> None:
        if isinstance(request, Train):
            self._change(request, lambda course: replace(course, running=False, outcome=f"Written to {facts.source}."))

    def _on_failure(self, request: Request, sentence: str) -> None:
        if isinstance(request, Train):
            said = "Stopped. Train into the same place again to go on." if sentence == STOPPED else sentence
            self._change(request, lambda course: replace(course, running=False, outcome=said))

    def _change(self, job: Train, change: Callable[[Course], Course]) -> None:
        self._courses[_learning(job)] = change(self._courses.get(_learning(job), Course(job)))
        self._show()

    def _show(self) -> None:
        if not self._courses:
            cache = self._cache
            first = "Train a dictionary from the menu File" if cache else "Open or record a cache, then train"
            self.view.explain(f"Nothing was trained yet. {first}; its curves are drawn here while it runs.")
            return
        self.view.show(list(self._courses.values())[-1])


def _learning(job: Train) -> Train:
    return replace(job, keep=False)


def thinned(points: tuple[TrainingPoint, ...]) -> tuple[TrainingPoint, ...]:
    """Every other point where they are too many to draw; the last is always kept."""
    return points if len(points) <= MOST_POINTS else (*points[:-1:2], points[-1])
