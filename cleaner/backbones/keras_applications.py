"""The networks of keras.applications, by their names there.

Keras fetches the weights itself. `NAME@FILE` takes them from a file instead: the ``.h5`` of the
network without its classification top, as Keras publishes it, or what `save_weights` wrote of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.backbones.base import BackboneInfo, Extractor, weights_unavailable
from cleaner.backbones.networks.costs import COSTS
from cleaner.errors import BackboneError, WeightsUnavailable

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Application:
    """What keras.applications does not tell before a network is built."""

    input_side_px: int
    feature_count: int
    parameters: int | None
    multiply_adds: int | None
    preprocess: Callable[[Any], Any]
    weights_file: str  # how its name starts
    function: str = ""  # in keras.applications, where the backbone's name is another
    alpha: float | None = None  # a MobileNet's width


class KerasApplication:
    """One network of keras.applications, without its top, averaged over the picture."""

    uses_gpu = True

    def __init__(self, name: str, application: Application | None = None) -> None:
        self._name = name
        self._application = application or APPLICATIONS[name]

    @property
    def info(self) -> BackboneInfo:
        available = self._weights_path() is not None
        return BackboneInfo(
            name=self._name,
            input_side_px=self._application.input_side_px,
            feature_count=self._application.feature_count,
            parameters=self._application.parameters,
            multiply_adds=self._application.multiply_adds,
            licence=_licence(self._application.function or self._name),
            source=f"keras.applications.{self._application.function or self._name}",
            available=available,
            note="" if available else "Keras fetches the weights on first use",
        )

    @property
    def content_id(self) -> str:
        """Name the network and Keras, which pins the weights by hash, and the runtime."""
        return f"{self._name}-keras-{version('keras')}-tensorflow-{version('tensorflow')}"

    def extractor(self) -> Extractor:
        from cleaner.backbones.networks.extraction import KerasExtractor

        return KerasExtractor(self.build())

    def build(self, input_side_px: int | None = None) -> keras.Model:
        return self._build(input_side_px or self._application.input_side_px, weights="imagenet")

    def build_untrained(self, input_side_px: int | None = None) -> keras.Model:
        """Return the same model with random weights; fetches nothing."""
        return self._build(input_side_px or self._application.input_side_px, weights=None)

    def _build(self, input_side_px: int, weights: str | None) -> keras.Model:
        import keras

        function = getattr(keras.applications, self._application.function or self._name)
        width = {} if self._application.alpha is None else {"alpha": self._application.alpha}
        inputs = keras.Input((input_side_px, input_side_px, 3), name="image")
        preprocessed = self._application.preprocess(inputs)
        with self._one_line_when_offline(), warnings.catch_warnings():
            # A MobileNet at a side that nobody published gets the weights of 224 px, and Keras
            # would say so each time.
            warnings.simplefilter("ignore", UserWarning)
            network = function(
                input_tensor=preprocessed,
                input_shape=(input_side_px, input_side_px, 3),
                include_top=False,
                pooling="avg",
                weights=weights,
                **width,
            )
        # Keras wraps the input in a list, and would warn of every photo that comes without one.
        return keras.Model(inputs, network.output, name=self._name)

    @contextlib.contextmanager
    def _one_line_when_offline(self) -> Iterator[None]:
        try:
            # Keras prints its progress to stdout, which belongs to the answer of --json.
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except Exception as error:  # Keras raises a bare Exception when a download fails
            if "fetch failure" not in str(error):
                raise
            raise weights_unavailable(self._name, str(error)) from error

    def _weights_path(self) -> Path | None:
        folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
        return next(folder.glob(f"{self._application.weights_file}*no*top*.h5"), None)


class KerasApplicationFromFile:
    """One network of keras.applications with weights from a file that the user names."""

    uses_gpu = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._network, _, file = name.partition("@")
        file, _, self._pinned_sha256 = file.partition("#sha256=")
        self._path = Path(file).expanduser()
        self._named = KerasApplication(self._network)

    @property
    def info(self) -> BackboneInfo:
        available = self._path.is_file()
        return replace(
            self._named.info,
            name=self._name,
            licence="as the file's author states",
            source=str(self._path),
            available=available,
            note="" if available else f"{self._path} is not there",
        )

    @property
    def content_sha256(self) -> str:
        """Hash the file as it is now.

        Raises:
            WeightsUnavailable: there is none, or it cannot be read.
            BackboneError: it is not what the name says.
        """
        try:
            found = hashlib.sha256(self._path.read_bytes()).hexdigest()
        except OSError as error:
            raise WeightsUnavailable(
                f"Backbone {self._name!r}: {self._path} cannot be read ({error.strerror}). Name "
                f"the file of {self._network}'s weights without its top."
            ) from error
        if self._pinned_sha256 not in ("", found):
            raise BackboneError(
                f"{self._path}: its content has sha256 {found}, the name says "
                f"{self._pinned_sha256}. They are not the weights you meant."
            )
        return found

    @cached_property
    def content_id(self) -> str:
        """Name network, weights and runtime."""
        weights = self.content_sha256[:16]
        return f"{self._network}-{weights}-tensorflow-{version('tensorflow')}"

    def extractor(self) -> Extractor:
        from cleaner.backbones.networks.extraction import KerasExtractor

        return KerasExtractor(self.build())

    def build(self, input_side_px: int | None = None) -> keras.Model:
        """Return the network with the file's weights.

        Raises:
            BackboneError: the file holds other weights than the network's.
        """
        _ = self.content_sha256  # nothing else is loaded than what was meant
        model = self._named.build_untrained(input_side_px)
        try:
            with warnings.catch_warnings():
                # Keras only warns of layers that it leaves as they were, at random.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(self._path)
        except (OSError, ValueError, KeyError, UserWarning) as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise BackboneError(
                f"{self._path}: these are not the weights of {self._network} without its top "
                f"({reason}). Name the file that ends in notop.h5."
            ) from error
        return model


def _signed(inputs: Any) -> Any:
    import keras

    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(inputs)


def _imagenet(inputs: Any) -> Any:
    import keras

    mean = [0.485 * 255, 0.456 * 255, 0.406 * 255]
    variance = [(0.229 * 255) ** 2, (0.224 * 255) ** 2, (0.225 * 255) ** 2]
    return keras.layers.Normalization(mean=mean, variance=variance, name="preprocessing")(inputs)


def _blue_first(inputs: Any) -> Any:
    """Swap red and blue and subtract the mean, as the Caffe originals were trained."""
    import keras

    blue_first = keras.ops.flip(inputs, axis=-1)
    mean = [103.939, 116.779, 123.68]
    layer = keras.layers.Normalization(mean=mean, variance=[1.0, 1.0, 1.0], name="preprocessing")
    return layer(blue_first)


def _inside(inputs: Any) -> Any:
    return inputs


# Of the weights, as the documentation in the source package of Keras 2.2.4 states it, network by
# network (docs/templates/applications.md). Keras says it of none that came later; the licence of
# Keras itself, or of a package that converted weights, is another matter.
_LICENCES: tuple[tuple[str, str], ...] = (
    (r"Xception", "MIT"),
    (r"ResNet50", "MIT"),
    (r"DenseNet(121|169|201)", "BSD-3-Clause"),
    (r"Inception(V3|ResNetV2)", "Apache-2.0"),
    (r"MobileNet(V2)?", "Apache-2.0"),
    (r"NASNet(Large|Mobile)", "Apache-2.0"),
    (r"VGG(16|19)", "CC-BY-4.0"),
)
UNSTATED = "see the authors"


def _licence(function: str) -> str:
    found = (licence for pattern, licence in _LICENCES if re.fullmatch(pattern, function))
    return next(found, UNSTATED)


_PUBLISHED_V3 = (0.75, 1.0)

_NAMED: Mapping[str, Application] = {
    "ConvNeXtBase": Application(224, 1024, 87_566_464, 15_353_705_472, _inside, "convnext_base"),
    "ConvNeXtLarge": Application(224, 1536, 196_230_336, 34_359_897_600, _inside, "convnext_large"),
    "ConvNeXtSmall": Application(224, 768, 49_454_688, 8_682_944_256, _inside, "convnext_small"),
    "ConvNeXtTiny": Application(224, 768, 27_820_128, 4_454_763_264, _inside, "convnext_tiny"),
    "ConvNeXtXLarge": Application(
        224, 2048, 348_147_968, 60_918_982_656, _inside, "convnext_xlarge"
    ),
    "DenseNet121": Application(224, 1024, 7_037_504, 2_833_137_664, _imagenet, "densenet121"),
    "DenseNet169": Application(224, 1664, 12_642_880, 3_358_179_328, _imagenet, "densenet169"),
    "DenseNet201": Application(224, 1920, 18_321_984, 4_289_445_888, _imagenet, "densenet201"),
    "EfficientNetB0": Application(224, 1280, 4_049_571, 384_534_752, _inside, "efficientnetb0"),
    "EfficientNetB1": Application(240, 1280, 6_575_239, 685_522_832, _inside, "efficientnetb1"),
    "EfficientNetB2": Application(260, 1408, 7_768_569, 992_153_872, _inside, "efficientnetb2"),
    "EfficientNetB3": Application(300, 1536, 10_783_535, 1_825_605_392, _inside, "efficientnetb3"),
    "EfficientNetB4": Application(380, 1792, 17_673_823, 4_391_979_024, _inside, "efficientnetb4"),
    "EfficientNetB5": Application(456, 2048, 28_513_527, 10_264_336_752, _inside, "efficientnetb5"),
    "EfficientNetB6": Application(528, 2304, 40_960_143, 19_065_289_536, _inside, "efficientnetb6"),
    "EfficientNetB7": Application(600, 2560, 64_097_687, 37_743_324_192, _inside, "efficientnetb7"),
    "EfficientNetV2B0": Application(
        224, 1280, 5_919_312, 716_806_176, _inside, "efficientnetv2-b0"
    ),
    "EfficientNetV2B1": Application(
        240, 1280, 6_931_124, 1_195_539_360, _inside, "efficientnetv2-b1"
    ),
    "EfficientNetV2B2": Application(
        260, 1408, 8_769_374, 1_696_134_832, _inside, "efficientnetv2-b2"
    ),
    "EfficientNetV2B3": Application(
        300, 1536, 12_930_622, 3_009_922_816, _inside, "efficientnetv2-b3"
    ),
    "EfficientNetV2L": Application(
        480, 1280, 117_746_848, 56_078_419_008, _inside, "efficientnetv2-l"
    ),
    "EfficientNetV2M": Application(
        480, 1280, 53_150_388, 24_581_180_384, _inside, "efficientnetv2-m"
    ),
    "EfficientNetV2S": Application(
        384, 1280, 20_331_360, 8_364_337_152, _inside, "efficientnetv2-s"
    ),
    "InceptionResNetV2": Application(
        299, 1536, 54_336_736, 13_154_258_016, _signed, "inception_resnet_v2"
    ),
    "InceptionV3": Application(299, 2048, 21_802_784, 5_711_168_096, _signed, "inception_v3"),
    "MobileNet": Application(224, 1024, 3_228_864, 567_716_352, _signed, "mobilenet_1_0_224"),
    "MobileNetV2": Application(
        224,
        1280,
        2_257_984,
        299_494_272,
        _signed,
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224",
    ),
    "MobileNetV3Large": Application(
        224, 960, 2_996_352, 214_080_960, _inside, "weights_mobilenet_v3_large_224_1.0"
    ),
    "MobileNetV3Small": Application(
        224, 576, 939_120, 54_896_576, _inside, "weights_mobilenet_v3_small_224_1.0"
    ),
    "NASNetLarge": Application(331, 4032, 84_916_818, 23_779_382_658, _signed, "nasnet_large"),
    "NASNetMobile": Application(224, 1056, 4_269_716, 562_582_816, _signed, "nasnet_mobile"),
    "ResNet101": Application(224, 2048, 42_658_176, 7_568_146_432, _blue_first, "resnet101"),
    "ResNet101V2": Application(224, 2048, 42_626_560, 7_192_428_544, _signed, "resnet101v2"),
    "ResNet152": Application(224, 2048, 58_370_944, 11_280_367_616, _blue_first, "resnet152"),
    "ResNet152V2": Application(224, 2048, 58_331_648, 10_904_649_728, _signed, "resnet152v2"),
    "ResNet50": Application(224, 2048, 23_587_712, 3_855_925_248, _blue_first, "resnet50"),
    "ResNet50V2": Application(224, 2048, 23_564_800, 3_480_207_360, _signed, "resnet50v2"),
    "VGG16": Application(224, 512, 14_714_688, 15_346_630_656, _blue_first, "vgg16"),
    "VGG19": Application(224, 512, 20_024_384, 19_508_428_800, _blue_first, "vgg19"),
    "Xception": Application(299, 2048, 20_861_480, 8_355_355_496, _signed, "xception"),
}


def mobilenet(version: str, width: float, side_px: int) -> Application:
    """Return a MobileNet of any width and side; see `cleaner.mobilenets` for what they may be."""
    if version == "v1":
        return _mobilenet_v1(width, side_px)
    if version == "v2":
        return _mobilenet_v2(width, side_px)
    return _mobilenet_v3(version.removeprefix("v3_"), width, side_px)


def has_published_weights(version: str, width: float) -> bool:
    """Tell whether Keras can fetch weights for a MobileNet of this width."""
    return version in ("v1", "v2") or width in _PUBLISHED_V3


def _mobilenet_v1(alpha: float, side_px: int) -> Application:
    width = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}[alpha]
    published_px = side_px if side_px in (128, 160, 192, 224) else 224
    file = f"mobilenet_{width}_{published_px}"
    features = int(1024 * alpha)
    return Application(side_px, features, None, None, _signed, file, "MobileNet", alpha)


def _mobilenet_v2(alpha: float, side_px: int) -> Application:
    published_px = side_px if side_px in (96, 128, 160, 192, 224) else 224
    file = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{published_px}"
    features = round(1280 * max(alpha, 1.0))
    return Application(side_px, features, None, None, _signed, file, "MobileNetV2", alpha)


def _mobilenet_v3(variant: str, alpha: float, side_px: int = 224) -> Application:
    file = f"weights_mobilenet_v3_{variant}_224_{alpha}"
    features = 6 * _in_eighths({"large": 160, "small": 96}[variant] * alpha)
    function = f"MobileNetV3{variant.title()}"
    return Application(side_px, features, None, None, _inside, file, function, alpha)


def _in_eighths(channels: float) -> int:
    """Round to a multiple of 8, and not down by more than a tenth, as the papers do."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


_ALL: Mapping[str, Application] = {
    **_NAMED,
    **{
        f"mobilenet_v1_{alpha}_{side_px}": _mobilenet_v1(alpha, side_px)
        for alpha in (0.25, 0.5, 0.75, 1.0)
        for side_px in (128, 160, 192, 224)
        if (alpha, side_px) != (1.0, 224)  # ships with Cleaner
    },
    **{
        f"mobilenet_v2_{alpha}_{side_px}": _mobilenet_v2(alpha, side_px)
        for alpha in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
        for side_px in ((96, 128, 160, 192, 224) if alpha <= 1 else (224,))
        if (alpha, side_px) != (1.0, 224)  # ships with Cleaner
    },
    **{
        f"mobilenet_v3-{variant}_{alpha}_224": _mobilenet_v3(variant, alpha)
        for variant in ("large", "small")
        for alpha in _PUBLISHED_V3
    },
}


def _with_cost(name: str, application: Application) -> Application:
    if name not in COSTS:
        return application
    parameters, multiply_adds = COSTS[name]
    return replace(application, parameters=parameters, multiply_adds=multiply_adds)


APPLICATIONS: Mapping[str, Application] = {
    name: _with_cost(name, application) for name, application in _ALL.items()
}
