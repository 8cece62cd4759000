"""Which optimiser and which schedule did the original use?"""

from typing import Any

from ssr.config.basicsr.keys import Keys


def read_optimiser(keys: Keys) -> dict[str, Any]:
    """Adam of a network."""
    kind = keys.take_one_of("type", "Adam", "AdamW")
    decay = keys.take_number("weight_decay", 0.0, least=0)
    if decay and kind == "Adam":
        keys.note("weight_decay", f"{decay} is applied apart from the gradient (AdamW)")
    betas = keys.take_list("betas", [0.9, 0.99], of=(int, float))
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise keys.fail("betas", f"expected two numbers from 0 to below 1, found {betas!r}")
    rate = keys.take_number("lr", least=0)
    if not rate:
        raise keys.fail("lr", "expected a number above 0, found 0")
    return {"learning_rate": rate, "weight_decay": decay, "betas": betas}


def read_schedule(keys: Keys, n_steps: int) -> dict[str, Any]:
    """Steps down at milestones, or one cosine over the whole run."""
    kind = keys.take_one_of("type", "MultiStepLR", "MultiStepRestartLR", "CosineAnnealingRestartLR")
    if kind == "CosineAnnealingRestartLR":
        periods = keys.take_list("periods", of=(int, float))
        if periods != [n_steps]:
            raise keys.fail("periods", f"expected one period of all {n_steps} steps, found {periods!r}")
        _refuse_restarts(keys, "restart_weights", [1])
        return {"schedule": "cosine", "final_learning_rate": keys.take_number("eta_min", 0.0, least=0)}
    _refuse_restarts(keys, "restarts", [0])
    _refuse_restarts(keys, "restart_weights", [1])
    milestones = keys.take_list("milestones", of=int)
    if any(milestone < 1 for milestone in milestones):
        raise keys.fail("milestones", f"expected steps from 1, found {milestones!r}")
    gamma = keys.take_number("gamma", 0.1, least=0)
    if not gamma:
        raise keys.fail("gamma", "expected a number above 0, found 0")
    return {"schedule": "multistep", "milestones": milestones, "gamma": gamma}


def _refuse_restarts(keys: Keys, key: str, without: list[int]) -> None:
    found = keys.take_list(key, without, of=(int, float))
    if found != without:
        raise keys.fail(key, f"expected {without} (no restart), found {found!r}")
