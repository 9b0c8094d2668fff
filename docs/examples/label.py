"""Label photos with a model that Cleaner exported: python label.py MODEL PHOTO..."""

import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def squared(photo, side):
    upright = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    return np.asarray(upright.resize((side, side), Image.Resampling.BICUBIC))[np.newaxis]


def tflite(model):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model).get_signature_runner()
    side = run.get_input_details()["image"]["shape"][1]
    return lambda photo: labels[next(iter(run(image=squared(photo, side)).values())).argmax()]


def keras(model):
    from keras.models import load_model

    run = load_model(model, compile=False)
    return lambda photo: labels[run(squared(photo, run.input_shape[1])).numpy().argmax()]


def onnx(model):
    from onnxruntime import InferenceSession

    run = InferenceSession(model)
    names, side = run.get_modelmeta().custom_metadata_map["labels"], run.get_inputs()[0].shape[1]
    return lambda p: names.split("\n")[run.run(None, {"image": squared(p, side)})[0].argmax()]


def saved_model(model):
    import tensorflow

    run = tensorflow.saved_model.load(model).signatures["serving_default"]
    return lambda photo: run(image_bytes=[Path(photo).read_bytes()])["label"].numpy()[0].decode()


if zipfile.is_zipfile(sys.argv[1]):  # .tflite and .keras files have their labels inside
    labels = zipfile.ZipFile(sys.argv[1]).read("labels.txt").decode().splitlines()
label = globals()[Path(sys.argv[1]).suffix[1:] or "saved_model"](sys.argv[1])
for photo in sys.argv[2:]:
    print(photo, label(photo), sep="\t")
