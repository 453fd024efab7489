"""What the tiers of effects say of one component in words: direct at once, attributed next, cut when it is measured."""

from __future__ import annotations

from interpviz.control.desk import Desk
from interpviz.control.effects import attribution_request, estimate_request, sweep_requests
from interpviz.control.runs import sides
from interpviz.core.document import Document
from interpviz.core.experiments import CLEAN
from interpviz.core.results import Effects
from interpviz.core.sites import Site


def predicted(desk: Desk, document: Document) -> str:
    """How far a lone cut should move the metric, by the best tier that is there before the measured one; or empty."""
    site = lone_cut(document)
    if site is None:
        return ""
    tiers = {
        "attribution estimates": estimate_request(document),
        "direct effect predicts": attribution_request(document),
    }
    effects = ((says, _value(desk.answer(request), site)) for says, request in tiers.items())
    return next((f"{says} {_signed(0.0 - value)} nats" for says, value in effects if value is not None), "")


def known(desk: Desk, document: Document) -> str:
    """Every tier's effect of the component that is selected; empty unless it is exactly one."""
    if len(document.selection.sites) != 1:
        return ""
    site = document.selection.sites[0]
    own = (request for request in sweep_requests(document) if request.layer == site.layer)
    sweeps = (_value(desk.answer(request), site) for request in own)
    tiers = {
        "direct": _value(desk.answer(attribution_request(document)), site),
        "attributed": _value(desk.answer(estimate_request(document)), site),
        "cut": next((value for value in sweeps if value is not None), None),
    }
    told = ", ".join(f"{name} {_signed(value)}" for name, value in tiers.items() if value is not None)
    return f"{site}: {told} nats" if told else str(site)


def lone_cut(document: Document) -> Site | None:
    """The head or MLP whose zero ablation, everywhere, is all that is set beside the clean run; None otherwise."""
    if sides(document) != (CLEAN, "") or document.freeze or len(document.interventions) != 1:
        return None
    (edit,) = document.interventions
    plain = edit.mode == "zero" and edit.positions is None and edit.site.kind in ("head", "mlp_out")
    return edit.site if plain else None


def _value(effects: Effects | None, site: Site) -> float | None:
    if effects is None or site not in effects.sites:
        return None
    return float(effects.values[effects.sites.index(site)])


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
