"""What a training will do, and every reason why it cannot: said before torch takes its seconds to load."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from interpviz.core.errors import InterpvizError
from interpviz.core.feature_requests import Train
from interpviz.core.sites import Site
from interpviz.data.activations import Cache
from interpviz.data.dictionaries.reading import plain_name
from interpviz.engine.training.schedule import RATES, rate_of_width

BY_COUNT = ("topk", "batchtopk", "matryoshka")
"""The kinds whose `k` says how many features are active."""
FEATURES_A_ROW = 32
LEAST_ROWS = 2_000_000
LEAST_BATCHES = 10
MOST_ROWS = 10**15
MOST_SEED = 2**32 - 1
SPARE_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Plan:
    """A training that can be done: the job with its defaults written out, and what its cache is.

    `hook` is read, `d_in` numbers a row; `hook_out` and `d_out` are the same ones, unless a transcoder is trained.
    `heads` says that its rows are of heads, one after the other. `dead_after` rows without being active make a
    feature a dead one.
    """

    job: Train
    cache: Cache
    hook: str
    d_in: int
    hook_out: str
    d_out: int
    heads: bool
    steps: int
    rate: float
    dead_after: int

    @property
    def sites(self) -> tuple[str, ...]:
        """What is read of the cache: one activation, or two."""
        return tuple(dict.fromkeys((self.hook, self.hook_out)))

    @property
    def arguments(self) -> dict[str, Any]:
        """All that decides what comes out, as JSON has it; the cache by its sha256, wherever it lies."""
        said = asdict(self.job) | {"site": self.hook, "to": self.hook_out if self.job.to else ""}
        said |= {"cache": self.cache.facts.sha256, "rows": self.steps * self.job.batch, "rate": self.rate}
        del said["out"], said["keep"], said["sparsity" if self.job.kind in BY_COUNT else "k"]
        return said

    @property
    def weight_bytes(self) -> int:
        """What the weights take."""
        job = self.job
        return 4 * (job.width * (self.d_in + self.d_out + 4) + self.d_out + self.d_in * self.d_out * job.skip)


def planned(job: Train) -> Plan:
    """The plan of a job. Raises an InterpvizError for what cannot be trained."""
    if job.k is None and job.kind in BY_COUNT:
        job = replace(job, k=FEATURES_A_ROW)
    _check_numbers(job)
    _check_kind(job)
    plain_name(Path(os.path.abspath(os.path.expanduser(job.out))).name)
    cache = Cache.open(job.cache)
    hook, d_in, heads = _activation(cache, job.site, "--site")
    hook_out, d_out, _ = _activation(cache, job.to, "--to") if job.to else (hook, d_in, heads)
    if job.to and hook_out == hook:
        raise InterpvizError(f"A transcoder from {job.site} to itself is a plain dictionary. Leave --to out.")
    if job.to and job.kind == "topk" and d_in != d_out:
        raise InterpvizError(
            f"No layout that other programs read holds a topk transcoder from {d_in} to {d_out} numbers. "
            "Choose --kind batchtopk."
        )
    _check_rows(cache, job)
    steps = max(1, (job.rows or max(cache.facts.tokens, LEAST_ROWS)) // job.batch)
    rate = RATES[job.kind] * rate_of_width(job.width) if job.rate is None else job.rate
    dead_after = max(job.batch, min(200_000, steps * job.batch // 10))
    return Plan(job, cache, hook, d_in, hook_out, d_out, heads, steps, rate, dead_after)


def check_room(plan: Plan) -> None:
    """Raise an InterpvizError unless the disk has room for two checkpoints, the next, and the dictionary."""
    place = Path(os.path.abspath(plan.job.out))
    while not os.path.isdir(place):  # unlike Path's, it never raises
        place = place.parent
    free, wanted = shutil.disk_usage(place).free, 1.2 * (3 * 3 + 1) * plan.weight_bytes + SPARE_BYTES
    if free < wanted:
        raise InterpvizError(
            f"The disk of {place} has {free / 1e9:.1f} GB free, but {wanted / 1e9:.1f} GB are wanted. Make room, train "
            "fewer features, or choose another disk."
        )


def _check_numbers(job: Train) -> None:
    if job.width < 2:
        raise InterpvizError("A dictionary has at least 2 features. Give --width.")
    if job.batch < 2:
        raise InterpvizError("A batch has at least 2 rows. Give --batch.")
    if job.rows is not None and job.rows < job.batch:
        raise InterpvizError(
            f"{job.rows:,} rows are no batch of {job.batch:,}. Give more --rows, or a smaller --batch."
        )
    if job.rows is not None and job.rows > MOST_ROWS:
        raise InterpvizError(f"Nobody sees {job.rows:,} rows. Give fewer --rows, at most {MOST_ROWS:,}.")
    if not 0 <= job.seed <= MOST_SEED:
        raise InterpvizError(f"{job.seed} is no seed. Give --seed from 0 to {MOST_SEED}.")
    if job.rate is not None and not 0 < job.rate < 1:
        raise InterpvizError("The rate is between 0 and 1. Give --rate, or leave it out.")
    if job.launch < 1 or job.batch % job.launch or job.batch < 2 * job.launch:
        raise InterpvizError(
            f"{job.launch} processes cannot share batches of {job.batch:,} rows evenly. Choose --launch or --batch."
        )


def _check_kind(job: Train) -> None:
    if job.kind not in RATES:
        raise InterpvizError(f"There is no kind '{job.kind}'. Choose {', '.join(RATES)}.")
    if job.kind in BY_COUNT:
        if not 1 <= (job.k or 0) <= job.width:
            raise InterpvizError(f"Of {job.width} features {job.k} cannot be active. Give --k from 1 to {job.width}.")
        if job.sparsity is not None:
            raise InterpvizError(f"{job.kind} needs no --sparsity: its --k says how many features are active.")
    elif job.k is not None:
        raise InterpvizError(f"{job.kind} needs no --k: its --sparsity says how hard it presses for few features.")
    elif job.sparsity is not None and not 0 <= job.sparsity < 1e6:
        raise InterpvizError("The sparsity coefficient is a number from 0 on. Give --sparsity, or leave it out.")
    if job.skip and not job.to:
        raise InterpvizError("A linear path past the features is a transcoder's. Give --to, or leave --skip out.")
    if job.to and job.kind == "gated":
        raise InterpvizError("No layout that other programs read holds a gated transcoder. Choose --kind jumprelu.")


def _activation(cache: Cache, site: str, option: str) -> tuple[str, int, bool]:
    """The hook that a site means, how many numbers a row of it has, and whether they are of heads."""
    part = Site.parse(site) if site not in cache.facts.sites else None
    if part is not None and part.index >= 0:
        raise InterpvizError(
            f"{site} is a part of an activation. Give the whole of it to {option}, such as L0R or L0H."
        )
    shape = cache.rows(site, slice(0)).shape[1:]
    return part.hook if part else site, prod(shape), len(shape) > 1


def _check_rows(cache: Cache, job: Train) -> None:
    least, tokens = max(LEAST_BATCHES * job.batch, job.width), cache.facts.tokens
    if tokens < least:
        raise InterpvizError(
            f"{cache.facts.name} has {tokens:,} rows: too few to train {job.width:,} features in batches of "
            f"{job.batch:,} on, which wants {least:,}. Record more tokens, or give a smaller --width and --batch."
        )
