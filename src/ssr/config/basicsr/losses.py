"""What did the original minimise, and against which discriminator?"""

from typing import Any

from ssr.config.basicsr.keys import Keys
from ssr.config.basicsr.networks import Fit, read_discriminator
from ssr.config.basicsr.optimisers import read_optimiser
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS

CLIP_TAGS = {
    "ViT-B-16-SigLIP-256": "webli",
    "RN50": "openai",
    "EVA02-E-14-plus": "laion2b_s9b_b144k",
}
"""Networks that the original's CLIP loss knows, with the published weights that it takes of each."""

N_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Of each block of the network whose features the perceptual loss compares."""

ADVERSARIAL_KEYS = ("l1_gt_usm", "percep_gt_usm", "gan_gt_usm", "feed_disc_lr", "osm_obj_weight", "network_d")
NO_DISCRIMINATOR = "this run has no discriminator"


def read_l2_loss(keys: Keys, train: Keys) -> dict[str, Any]:
    """The L2 models' loss, which their option files cannot change."""
    train.ignore(
        "the L2 models minimise 0.3·MSE + 0.4·L1 + 0.3·SSIM, as published",
        *("pixel_opt", "perceptual_opt", "gan_opt", "ssim_opt", "clip_opt", "ldl_opt"),
    )
    keys.ignore("the L2 models do not sharpen their targets", "l1_gt_usm", "percep_gt_usm", "gan_gt_usm")
    ignore_discriminator(keys, train)
    return {"mse": 0.3, "l1": 0.4, "ssim": 0.3}


def read_loss(keys: Keys, train: Keys) -> dict[str, Any]:
    """What the generator minimises beside realism."""
    pixel_target = ["l1", "mse", "clip"] if _is_sharpened(keys, "l1_gt_usm") else []
    feature_target = ["perceptual", "ssim"] if _is_sharpened(keys, "percep_gt_usm") else []
    loss: dict[str, Any] = {"l1": 0.0}
    if train.take("pixel_opt", None) is not None:
        pixel = train.child("pixel_opt")
        measure = {"L1Loss": "l1", "MSELoss": "mse"}[pixel.take_one_of("type", "L1Loss", "MSELoss")]
        pixel.take_one_of("reduction", "mean", default="mean")
        loss[measure] = pixel.take_number("loss_weight", 1.0, least=0)
    if train.take("ssim_opt", None) is not None:
        similarity = train.child("ssim_opt")
        similarity.take_one_of("type", "SSIMLoss")
        loss["ssim"] = similarity.take_number("loss_weight", 1.0, least=0)
    if train.take("perceptual_opt", None) is not None:
        loss |= _perceptual(train.child("perceptual_opt"))
    if train.take("clip_opt", None) is not None:
        loss |= _clip(train.child("clip_opt"))
    train.ignore("the original builds this loss and never uses it", "ldl_opt")
    sharpened = [term for term in (*pixel_target, *feature_target) if loss.get(term)]
    return loss | ({"sharpened_targets": sharpened} if sharpened else {})


def read_adversarial(
    keys: Keys, train: Keys, data: dict[str, Any], fit: Fit, *, judges_objects: bool
) -> dict[str, Any]:
    """The discriminator, what it sees, and how it is trained; its channels follow from what it sees."""
    gan = train.child("gan_opt")
    gan.take_one_of("type", "GANLoss")
    gan.take_one_of("real_label_val", 1.0, default=1.0)
    gan.take_one_of("fake_label_val", 0.0, default=0.0)
    network = keys.child("network_d")
    network.take_one_of("type", "OSMObjDiscriminator" if judges_objects else "SSR_UNetDiscriminatorSN")
    said = read_discriminator(network)
    native: dict[str, Any] = {
        "kind": gan.take_one_of("gan_type", "vanilla", "lsgan", "wgan", "wgan_softplus", "hinge"),
        "weight": gan.take_number("loss_weight", 1.0, least=0),
        "n_features": said["n_features"],
        "has_skips": said["has_skips"],
        "sees_low_res": keys.take_flag("feed_disc_lr", False),
        "sees_old_high_res": "old_naip" in data,
        "sharpens_target": _is_sharpened(keys, "gan_gt_usm"),
        "n_warmup_steps": train.take_count("net_d_init_iters", 0),
        "n_steps_between": train.take_count("net_d_iters", 1, least=1),
        **read_optimiser(train.child("optim_d")),
    }
    _correct_channels(network, said["n_channels"], native, fit)
    if judges_objects:
        native["objects"] = {
            "weight": keys.take_number("osm_obj_weight", 0.3, least=0),
            "n_objects": data.get("n_objects", 1),
        }
        keys.note(
            "osm_obj_weight",
            "generated crops count as generated, and negative object logits count; labels_fakes_as_real and "
            "clips_logits of adversarial.objects bring back what the original did",
        )
    else:
        keys.ignore("SSRESRGANModel judges no objects", "osm_obj_weight")
    return native


def ignore_discriminator(keys: Keys, train: Keys) -> None:
    """Keys of a discriminator where none is trained."""
    keys.ignore(NO_DISCRIMINATOR, "feed_disc_lr", "osm_obj_weight", "network_d", "gan_gt_usm")
    train.ignore(NO_DISCRIMINATOR, "optim_d", "net_d_iters", "net_d_init_iters")


def _correct_channels(network: Keys, n_stated: int, native: dict[str, Any], fit: Fit) -> None:
    assert fit.n_channels is not None
    parts = [f"image {TRUE_COLOUR_CHANNELS}"]
    n_channels = TRUE_COLOUR_CHANNELS
    if native["sees_low_res"]:
        n_channels += fit.n_revisits * fit.n_channels
        parts.append(f"{fit.n_revisits} dates × {fit.n_channels}")
    if native["sees_old_high_res"]:
        n_channels += TRUE_COLOUR_CHANNELS
        parts.append(f"older image {TRUE_COLOUR_CHANNELS}")
    if n_stated != n_channels:
        network.correct("num_in_ch", n_stated, n_channels, " + ".join(parts))


def _perceptual(keys: Keys) -> dict[str, Any]:
    keys.take_one_of("type", "PerceptualLoss")
    keys.take_one_of("use_input_norm", True, default=True)
    keys.take_one_of("range_norm", False, default=False)
    keys.take_one_of("style_weight", 0, default=0)
    keys.take_one_of("criterion", "l1", default="l1")
    network = keys.take_one_of("vgg_type", "vgg19", "vgg16", default="vgg19")
    weight = keys.take_number("perceptual_weight", 1.0, least=0)
    layers = keys.child("layer_weights")
    known = [f"conv{b}_{k + 1}" for b, n in enumerate(N_CONVOLUTIONS[network], start=1) for k in range(n)]
    weights = {layer: layers.take_number(layer, least=0) for layer in known if layer in layers.options}
    for layer in [layer for layer, value in weights.items() if not value]:
        layers.note(layer, "weighs 0, so the layer is left out")
        del weights[layer]
    if not weight or not weights:
        keys.note("perceptual_weight", "weighs 0, so the loss is left out")
        return {}
    return {"perceptual": {"network": network, "layers": weights, "weight": weight}}


def _clip(keys: Keys) -> dict[str, Any]:
    keys.take_one_of("type", "CLIPLoss")
    network = keys.take_one_of("clip_loss_model", *CLIP_TAGS)
    weight = keys.take_number("loss_weight", 1.0, least=0)
    if not weight:
        keys.note("loss_weight", "is 0, so the loss is left out")
        return {}
    return {"clip": {"network": network, "weights": CLIP_TAGS[network], "weight": weight}}


def _is_sharpened(keys: Keys, key: str) -> bool:
    """The original sharpens unless the value is False itself."""
    value = keys.take(key)
    if not isinstance(value, bool):
        keys.note(key, f"{value!r} counts as true, as for the original: anything but false does")
    return value is not False
