"""Every act by its name: what a click, a menu, a key or the console does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from psygnal import Signal

from interpviz.control.desk import Desk
from interpviz.control.feature_acts import FEATURE_JOBS, FeatureActs
from interpviz.control.plan import cache_tokens_request
from interpviz.control.runs import edited_run
from interpviz.control.scheduler import STOPPED, Scheduler
from interpviz.control.store import Store
from interpviz.core import commands, experiments, feature_commands
from interpviz.core.document import CacheFacts, Document, ModelFacts
from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import Train
from interpviz.core.features import DictionaryFacts
from interpviz.core.jobs import (
    ContentsRequest,
    Import,
    LookInto,
    OpenCache,
    OpenDictionary,
    OpenModel,
    OpenSession,
    Record,
    SaveSession,
)
from interpviz.core.requests import Request
from interpviz.core.results import CacheTokens

COMMANDS: dict[str, Callable[..., Document]] = {
    "prompt.set": commands.set_prompt,
    "contrast.set": commands.set_contrast,
    "target.set": commands.set_target,
    "intervention.toggle": commands.toggle_intervention,
    "intervention.ablate": commands.ablate,
    "intervention.restore": commands.restore,
    "intervention.set": experiments.add_intervention,
    "intervention.write": experiments.write_intervention,
    "intervention.change": experiments.change_intervention,
    "intervention.switch": experiments.switch_intervention,
    "intervention.remove": experiments.remove_intervention,
    "intervention.clear": experiments.clear_interventions,
    "attention.freeze": experiments.freeze_attention,
    "experiment.save": experiments.save_experiment,
    "experiment.recall": experiments.recall_experiment,
    "experiment.forget": experiments.forget_experiment,
    "experiment.compare": experiments.compare_experiments,
    "experiment.stop": experiments.stop_comparing,
    "selection.set": commands.select,
    "components.colour": commands.colour_components,
    "components.show": commands.show_components,
    "components.sort": commands.sort_components,
    "patching.show": commands.show_patching,
    "continuation.set": commands.set_continuation,
    "paths.follow": commands.follow_paths,
    "cloud.show": commands.show_cloud,
    "cloud.colour": commands.colour_cloud,
    "circuit.prune": commands.prune,
    "features.dictionary": feature_commands.choose_dictionary,
    "feature.choose": feature_commands.choose_feature,
    "features.filter": feature_commands.filter_features,
    "features.sort": feature_commands.sort_features,
    "features.rank": feature_commands.rank_features,
    "feature.try": feature_commands.try_text,
    "features.list": feature_commands.show_list,
    "panel.show": commands.show_panel,
}


PACED = frozenset({"intervention.change", "intervention.set", "intervention.ablate", "intervention.restore"})
WRITERS = (Record, Import, Train)
OPENERS = (OpenModel, OpenCache, OpenDictionary, OpenSession, ContentsRequest, LookInto)
JOBS = (*OPENERS, SaveSession, *FEATURE_JOBS, *WRITERS)


class Actions:
    """`actions(name, *args)` does it, or says in one sentence, by `problem`, why it cannot be done.

    `saved(path)` and `opened(source)` say that a file was written or opened; `foreign(Foreign)` what a stranger's
    activations are, of which the user is to say what they become.
    """

    problem = Signal(str)
    opened = Signal(str)
    saved = Signal(str)
    foreign = Signal(object)

    def __init__(
        self, store: Store, scheduler: Scheduler, desk: Desk, later: Callable[[Callable[[], None]], object]
    ) -> None:
        """`later(call)` calls once the window has shown what there is to show."""
        self._later = later
        self._store = store
        self._scheduler = scheduler
        self._desk = desk
        self._drag: object = None
        self._waiting: Callable[[], None] | None = None
        self._kept: set[Request] = set()
        scheduler.failed.connect(self._on_failure)
        scheduler.ended.connect(self._on_end)
        for answer in (scheduler.answered, scheduler.failed):  # the desk has heard of them before
            answer.connect(self._on_answer, max_args=0)
        self.features = FeatureActs(store, scheduler, desk, self.opened.emit, self.saved.emit)
        self._own: dict[str, Callable[..., None]] = {
            **self.features.acts,
            "model.open": self._open_model,
            "cache.open": self._open_cache,
            "cache.record": self._write_cache,
            "cache.import": self._write_cache,
            "foreign.open": self._look_into,
            "dictionary.open": self._open_dictionary,
            "dictionary.train": self._train,
            "training.stop": scheduler.cancel,
            "training.keep": self._keep,
            "session.open": self._open_session,
            "session.save": self._save_session,
            "paths.open": self._open_paths,
            "token.choose": self._choose_token,
            "edit.undo": store.undo,
            "edit.redo": store.redo,
        }

    def __call__(self, name: str, *args: Any, merge: object = None) -> None:
        """Do the act; acts in a row with one `merge` key, the steps of a drag, are one step of undo.

        A step of PACED that follows sooner than the answer to the one before waits for it, and only the last waits:
        so a drag shows an answer after every run of the model, however fast the mouse is.
        """
        goes_on = merge is not None and merge == self._drag
        if goes_on and name in PACED and not self._answered():
            self._waiting = partial(self._do, name, *args, merge=merge)
            return
        if goes_on:
            self._waiting = None  # this step takes its place
        self.catch_up()
        self._drag = merge
        self._do(name, *args, merge=merge)

    def catch_up(self) -> None:
        """Do the step of a drag that waits, if one does; what follows is another act."""
        waiting, self._waiting, self._drag = self._waiting, None, None
        if waiting is not None:
            waiting()

    def _answered(self) -> bool:
        """Whether what the model says of the present edits is known, cannot be, or is asked by no panel."""
        asked = edited_run(self._store.document)
        if asked is None or self._desk.answer(asked) is not None or self._desk.problem(asked):
            return True
        return not self._desk.asked(asked)

    def _on_answer(self) -> None:
        if self._waiting is not None and self._answered():
            self._later(self._go_on)

    def _go_on(self) -> None:
        """A frame after an answer: the step that waits, unless another was made meanwhile that is not answered."""
        waiting = self._waiting
        if waiting is not None and self._answered():
            self._waiting = None
            waiting()

    def _do(self, name: str, *args: Any, merge: object = None) -> None:
        try:
            if name in COMMANDS:
                self._store.apply(COMMANDS[name], *args, merge=merge)
            else:
                self._own[name](*args)
        except InterpvizError as error:
            self.problem.emit(str(error))

    def _on_failure(self, request: Request, sentence: str) -> None:
        if request in self._kept:
            return  # it was stopped so as to go on
        if isinstance(request, WRITERS) and sentence == STOPPED:
            sentence = f"{STOPPED} What is committed stays; the same again into the same place goes on from there."
        if isinstance(request, JOBS):
            self.problem.emit(sentence)

    def _open_model(self, source: str) -> None:
        def done(facts: ModelFacts) -> None:
            self.catch_up()
            self._store.apply(commands.open_model, facts)
            self.opened.emit(source)

        self._scheduler.start(OpenModel(source), done)

    def _open_cache(self, source: str) -> None:
        def done(facts: CacheFacts) -> None:
            self.catch_up()
            self._store.apply(commands.open_cache, facts)
            self.opened.emit(source)

        self._scheduler.start(OpenCache(source), done)

    def _write_cache(self, job: Record | Import) -> None:
        self._scheduler.start(job, lambda _: self._open_cache(job.out))

    def _train(self, job: Train) -> None:
        self._store.apply(commands.show_panel, "training", True)
        self._scheduler.start(job, lambda facts: self._open_dictionary(facts.source))

    def _keep(self, job: Train) -> None:
        """Stop a training; once it has written its checkpoint, a dictionary is made of that."""
        self._kept.add(job)
        self._scheduler.cancel(job)

    def _on_end(self, job: Request) -> None:
        if job in self._kept and isinstance(job, Train):
            self._kept.discard(job)
            self._train(replace(job, keep=True))

    def _look_into(self, source: str) -> None:
        self._scheduler.start(LookInto(source), self.foreign.emit)

    def _open_dictionary(self, source: str) -> None:
        def done(found: tuple[DictionaryFacts, ...]) -> None:
            self.catch_up()
            for facts in found:
                self._store.apply(commands.open_dictionary, facts)
                self.features.open_beside(facts)
            self.opened.emit(source)

        self._scheduler.start(OpenDictionary(source), done)

    def _open_session(self, path: str) -> None:
        def done(document: Document) -> None:
            self.catch_up()
            self._store.replace(document)
            self.opened.emit(path)

        self._scheduler.start(OpenSession(path), done)

    def _save_session(self, path: str) -> None:
        self._scheduler.start(SaveSession(self._store.document, path), lambda _: self.saved.emit(path))

    def _open_paths(self, paths: Iterable[str]) -> None:
        roads = {
            "model": self._open_model,
            "cache": self._open_cache,
            "dictionary": self._open_dictionary,
            "index": self.features.open_index,
            "session": self._open_session,
            "foreign": self._look_into,
        }
        for path in paths:
            self._scheduler.start(ContentsRequest(path), partial(_follow, roads, path))

    def _choose_token(self, row: int) -> None:
        tokens: CacheTokens | None = self._desk.answer(cache_tokens_request(self._store.document))
        if tokens is None:
            raise InterpvizError("The cache's tokens are still being read. Click again in a moment.")
        ids = tuple(int(i) for i in tokens.id[slice(tokens.context(row).start, row + 1)])
        spoken = ids[1:] if begins_with_bos(tokens) else ids
        self._store.apply(commands.choose_token, row, ids, "".join(tokens.texts[i] for i in spoken))


def begins_with_bos(tokens: CacheTokens) -> bool:
    """Whether every context of the cache begins with the same token, as recorded contexts do where there is a BOS."""
    first = tokens.id[tokens.position == 0]
    return bool(len(first)) and bool((first == first[0]).all())


def _follow(roads: dict[str, Callable[[str], None]], path: str, kind: str) -> None:
    roads[kind](path)
