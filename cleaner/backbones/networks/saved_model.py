"""A TensorFlow SavedModel that turns photos into feature vectors, as one frozen Keras layer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, no_type_check

from cleaner.backbones.networks import rescaling
from cleaner.errors import BackboneError

if TYPE_CHECKING:
    import keras

_SIDE_WHERE_UNSTATED_PX = 224
# A classification module's scores of its own classes are features like any other.
_SIGNATURES = ("serving_default", "image_feature_vector", "default", "image_classification")
_OUTPUTS = ("default", "feature_vector", "logits")


def build(
    folder: Path,
    value_range: tuple[float, float],
    input_side_px: int | None = None,
    *,
    side_where_unstated_px: int | None = None,
) -> keras.Model:
    """Return a Keras model from raw 0..255 RGB to the module's features.

    The module stays frozen: Keras cannot reach the variables in it. Its own side is taken where it
    has one. Raises BackboneError where the folder holds no feature vector of photos.
    """
    import keras

    layer = saved_model_layer_class()(folder=str(folder), name="features")
    native_side_px = layer.signature.native_side_px
    unstated = side_where_unstated_px or _SIDE_WHERE_UNSTATED_PX
    side = native_side_px or input_side_px or unstated
    if input_side_px not in (None, side):
        raise BackboneError(
            f"{folder}: the module reads photos of side {side}, not {input_side_px}."
        )
    inputs = keras.Input((side, side, 3), name="image")
    features = layer(rescaling.layer(value_range)(inputs))
    return keras.Model(inputs, features, name="saved_model")


def content_sha256(folder: Path) -> str:
    """Return a hash over the names and bytes of all files in the folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Signature:
    """One way to call a module, and what goes in and out."""

    function: Any
    input_name: str
    output_name: str
    native_side_px: int | None
    feature_count: int | None

    def features(self, photos: Any) -> Any:
        return self.function(**{self.input_name: photos})[self.output_name]


@cache
def saved_model_layer_class() -> Any:
    """Return the layer's class, registered with Keras; call it before loading a .keras with one.

    The class is made on first use, so that importing this file does not load Keras.
    """
    import keras
    import tensorflow

    @keras.saving.register_keras_serializable(package="cleaner")
    class SavedModelLayer(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        """Calls a module's signature; inside a .keras file the module travels along."""

        @no_type_check  # Keras reads the signature, which a checker's wrapper would hide
        def __init__(
            self, folder: str = "", feature_count: int | None = None, **names: Any
        ) -> None:
            super().__init__(**{"trainable": False, **names})
            self.feature_count = feature_count
            if folder:
                self.load_assets(folder)

        def call(self, inputs: Any) -> Any:
            return self.signature.features(inputs)

        def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[Any, ...]:
            return (input_shape[0], self.feature_count)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "feature_count": self.feature_count}

        def save_assets(self, dir_path: str) -> None:
            tensorflow.saved_model.save(self._module, dir_path, signatures=self._module.signatures)

        def load_assets(self, dir_path: str) -> None:
            self._module = _load_module(Path(dir_path))  # an attribute, so that an export finds it
            self.signature = _signature(self._module, Path(dir_path))
            self.feature_count = self.signature.feature_count

    return SavedModelLayer


def _load_module(folder: Path) -> Any:
    import tensorflow

    # Modules of the first TF-Hub format carry this file and have no tags.
    first_format = (folder / "tfhub_module.pb").exists()
    try:
        return tensorflow.saved_model.load(str(folder), tags=[] if first_format else None)
    except (OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), "unreadable")
        raise BackboneError(f"{folder}: not a TensorFlow SavedModel ({reason}).") from error


def _signature(module: Any, folder: Path) -> _Signature:
    name = next((name for name in _SIGNATURES if name in module.signatures), None)
    if name is None:
        raise BackboneError(
            f"{folder}: none of the signatures {', '.join(_SIGNATURES)} is in the SavedModel. "
            f"It has: {', '.join(module.signatures) or 'none'}."
        )
    function = module.signatures[name]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    output_name = next((name for name in _OUTPUTS if name in outputs), next(iter(outputs)))
    if len(inputs) != 1 or outputs[output_name].shape.rank != 2:
        raise BackboneError(
            f"{folder}: its signature {name!r} turns {list(inputs.values())} into "
            f"{outputs[output_name]}; a feature-vector module turns photos into one vector each."
        )
    ((input_name, photos),) = inputs.items()
    return _Signature(
        function=function,
        input_name=input_name,
        output_name=output_name,
        native_side_px=photos.shape[1] if photos.shape.rank == 4 else None,
        feature_count=outputs[output_name].shape[-1],
    )
