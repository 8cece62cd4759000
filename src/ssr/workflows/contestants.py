"""Which models take part in a test, and do they fit its data and each other?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssr.build.networks import load_weights
from ssr.checkpoints.files import sha256_of
from ssr.config.evaluation import ComparedModel, EvaluationData, n_channels_offered
from ssr.device import Compute
from ssr.errors import ConfigError
from ssr.evaluation.run import Candidate
from ssr.inference.predictor import Predictor
from ssr.models.fidelity import held_to_input
from ssr.models.protocol import SuperResolver
from ssr.workflows.models import NO_WEIGHTS, NamedModel, open_model


@dataclass(frozen=True)
class Contestant:
    """A model of a test.

    network: held to its input as far as the options ask; plain: as it is.
    given: the name or file that it was opened by.
    notes: what there is to say about weights that were not loaded strictly.
    """

    config: ComparedModel
    network: SuperResolver
    plain: SuperResolver
    candidate: Candidate
    sha256: str
    given: str
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def has_learnt(self) -> bool:
        return self.sha256 != NO_WEIGHTS

    def described(self) -> dict[str, Any]:
        """For the record of the test."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "options": self.config.model_dump(mode="json", exclude_unset=True, exclude={"name"}),
        }

    def settings(self) -> dict[str, Any]:
        """What decides its results."""
        shown = self.config.model_dump(mode="json", include={"n_revisits", "fidelity", "fidelity_to", "architecture"})
        return {"sha256": self.sha256, **shown} | ({} if self.has_learnt else {"model": self.config.model})


def open_contestants(configs: Sequence[ComparedModel], *, offline: bool, compute: Compute) -> list[Contestant]:
    """Every model, before any data are read.

    Raises:
        ConfigError: they enlarge differently.
        WeightsError: one cannot be had or read.
    """
    contestants = [_open(config, offline=offline, compute=compute) for config in configs]
    first = contestants[0]
    for other in contestants[1:]:
        if other.network.scale != first.network.scale:
            raise ConfigError(
                f"model '{first.name}' enlarges {first.network.scale} times, '{other.name}' {other.network.scale} "
                "times; test them apart"
            )
    return contestants


def check_channels(contestants: Sequence[Contestant], data: Mapping[str, EvaluationData]) -> None:
    """Raise ConfigError for a model that takes channels which data do not have; of more it sees the first."""
    for name, config in data.items():
        offered = n_channels_offered(config)
        for contestant in contestants:
            wanted = contestant.network.n_channels
            if wanted > offered:
                raise ConfigError(
                    f"model '{contestant.name}' takes {wanted} channels a date, data '{name}' offer {offered}"
                )


def _open(config: ComparedModel, *, offline: bool, compute: Compute) -> Contestant:
    opened, notes = _named(config, offline=offline)
    network = held_to_input(opened.network, strength=config.fidelity, reference=config.fidelity_to)
    predictor = Predictor(network, compute, name=config.name)
    candidate = Candidate(config.name, predictor.predict, network.n_revisits, network.n_channels, config.n_revisits)
    return Contestant(config, network, opened.network, candidate, opened.sha256, opened.given, tuple(notes))


def _named(config: ComparedModel, *, offline: bool) -> tuple[NamedModel, list[str]]:
    if config.weights is None:
        assert config.model is not None
        return open_model(config.model, offline=offline), []
    network, notes = load_weights(config.weights, config.architecture)
    path = config.weights.path
    return NamedModel(network, config.name, sha256_of(path), str(path)), notes
