"""Label photos with a frozen graph that Cleaner exported: python graph.py MODEL.pb PHOTO..."""

import sys
from pathlib import Path

import tensorflow as tf

frozen = tf.compat.v1.GraphDef.FromString(Path(sys.argv[1]).read_bytes())
with tf.Graph().as_default() as graph:
    tf.graph_util.import_graph_def(frozen, name="")
wanted = [f"{frozen.node[-2].name}:0", "labels:0"]  # the labels are its last node
with tf.compat.v1.Session(graph=graph) as session:
    for photo in sys.argv[2:]:
        contents = {"DecodeJpeg/contents:0": Path(photo).read_bytes()}
        probabilities, labels = session.run(wanted, contents)
        print(photo, labels[probabilities[0].argmax()].decode(), sep="\t")
