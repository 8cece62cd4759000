"""How does a config become the samples that a test counts?"""

from ssr.build.data import build_data, build_folder, build_pairs
from ssr.config.data import SimulatedData
from ssr.config.evaluation import CutImagery, EvaluationData, FolderPairs
from ssr.data.drawn import choose_kept
from ssr.data.simulated import ground_side_px
from ssr.errors import ConfigError, InputError
from ssr.evaluation.cutimagery import CutSamples
from ssr.evaluation.folderpairs import PairsInFolder
from ssr.evaluation.samples import EndlessSamples, EvaluationSet, SamplesOnDisk


def build_samples(config: EvaluationData, *, name: str, scale: int, n_samples: int) -> EvaluationSet:
    """The samples of one data set.

    Args:
        name: what the options call it.
        scale: of the models: data are made for it, or must have it.
        n_samples: of data that have no end.

    Raises:
        ConfigError: the truth is finer or coarser than the models' results.
        InputError: no sample is there.
    """
    if isinstance(config, SimulatedData):
        return EndlessSamples(build_data(config, batch_size=1, scale=scale), n_samples, scale=scale)
    if isinstance(config, CutImagery):
        return _cut(config, scale=scale)
    if isinstance(config, FolderPairs):
        found = SamplesOnDisk(PairsInFolder(config.folder, high_res=config.high_res, low_res=config.low_res), seed=0)
    else:
        built = build_pairs(config)
        kept = choose_kept(
            built.samples, exclude=config.exclude, n_samples=config.n_samples, seed=config.seed, among=built.among
        )
        found = SamplesOnDisk(built.samples, seed=config.seed, kept=kept)
    if not len(found):
        raise InputError(f"data '{name}': there is no sample to test on")
    if found.samples.scale != scale:
        raise ConfigError(
            f"data '{name}': the truth is {found.samples.scale} times finer, but the models enlarge {scale} times"
        )
    return found


def _cut(config: CutImagery, *, scale: int) -> CutSamples:
    side_px = ground_side_px(config.chip_px, scale)
    folders = [
        build_folder(f, min_side_px=side_px, target_gsd_m=config.target_gsd_m, max_upsampling=config.max_upsampling)
        for f in config.imagery
    ]
    return CutSamples(
        folders,
        n_revisits=config.n_revisits,
        chip_px=config.chip_px,
        scale=scale,
        seed=config.seed,
        n_samples=config.n_samples,
    )
