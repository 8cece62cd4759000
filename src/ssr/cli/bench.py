"""How does `bench` read its arguments and show what it measured?"""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ssr.checkpoints.bundled import DEFAULT
from ssr.cli.options import Engine, Json, Memory, Offline, Precision, choose_named_compute, memory_in_bytes
from ssr.cli.output import print_json

if TYPE_CHECKING:
    from ssr.inference.job import Job
    from ssr.inference.measuring import Machine, Rate

Model = Annotated[str, typer.Option(help="A name of `ssr weights list`, or a weight file.")]
Explain = Annotated[bool, typer.Option("--device", help="Say what this machine is and what would be chosen, and stop.")]
Where = Annotated[str, typer.Option("--on", help="The device: auto, cpu, cuda, cuda:N or mps.")]
Side = Annotated[
    int, typer.Option("--scene", min=1, help="Side of the scene, in low-resolution pixels, to choose for.")
]
Dates = Annotated[int, typer.Option("--dates", min=1, help="Dates, where the model takes any number.")]
Window = Annotated[int, typer.Option("--window", min=8, help="Side of the windows to measure.")]


def bench(
    explain: Explain = False,
    model: Model = DEFAULT,
    engine: Engine = "auto",
    on: Where = "auto",
    precision: Precision = "auto",
    memory: Memory = None,
    scene: Side = 2000,
    dates: Dates = 8,
    window: Window = 128,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Measure this machine, and a model on it: who runs it, in which windows, and how fast."""
    from ssr.inference.engines.choice import known_engine, place
    from ssr.inference.job import prepare
    from ssr.inference.measuring import describe, measure
    from ssr.workflows.models import open_model

    wanted = known_engine(engine)
    compute = choose_named_compute(on, precision)
    opened = open_model(model, offline=offline)
    network = opened.network
    n_dates = network.n_revisits or dates
    machine = describe(compute)
    job = prepare(
        network,
        (scene, scene),
        compute,
        wanted,
        n_dates=n_dates,
        memory_bytes=memory_in_bytes(memory),
        is_plain=True,
        name=opened.name,
    )
    rates: list[Rate] = []
    if not explain:
        shape = (max(1, 128 * 128 // window**2), n_dates, network.n_channels, window, window)
        for name in dict.fromkeys(("torch", job.placement.engine)):
            make = partial(place, network, compute, name, n_dates=n_dates, n_pixels=1, name=opened.name)
            rates.append(measure(network, make, machine, shape))
    if as_json:
        print_json({"machine": machine, "model": opened.name, "job": _told(job), "rates": rates})
        return
    _show(machine, opened.name, scene, job, rates)


def _show(machine: "Machine", model: str, scene: int, job: "Job", rates: "list[Rate]") -> None:
    matrix = ", ".join(f"{rate:,.0f} in {kind}" for kind, rate in machine.matrix_gflops.items())
    cores = "1 core" if machine.n_cores == 1 else f"{machine.n_cores} cores"
    print(f"device  {machine.device} {machine.precision}, {cores}: {machine.processor}")
    print(f"matrix  {matrix} (10⁹ operations a second)")
    print(f"engines {', '.join(machine.engines)}")
    print(f"{model} on a scene of {scene}×{scene} px")
    print(f"engine  {job.placement.engine}: {job.placement.reason}")
    print(f"windows {job.budget}")
    for rate in rates:
        share = "" if rate.share_of_matrix_rate is None else f", {rate.share_of_matrix_rate:.0%} of the matrix rate"
        size = "×".join(map(str, rate.window))
        print(
            f"rate    {rate.low_res_px_per_s:,.0f} low-resolution px/s with {rate.engine} on {size}{share}; "
            f"first result after {rate.start_s:.1f} s"
        )


def _told(job: "Job") -> dict[str, object]:
    return {
        "engine": job.placement.engine,
        "reason": job.placement.reason,
        "windows": str(job.budget),
        "kept": job.budget.kept,
        "memory_bytes": job.budget.n_bytes,
    }
