"""Names for the array shapes that cross rooms; the tests check them at run time.

Axes: ``item`` images in catalogue order, ``class`` class names in order, ``view`` seeded
augmentations (view 0 is the plain image), ``feature`` entries of a bottleneck vector,
``input`` those of all backbones side by side, ``direction`` what is left of them after the
eigendecomposition, ``reduced`` the main directions of the features, ``neighbour`` those most
like an image, ``sample`` training images that a model's file is calibrated with.
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Float16, Float32, Int32, Int64, UInt8
from numpy import ndarray

PredProbs = Float[ndarray, "item class"]
ViewProbs = Float[ndarray, "view item class"]
CommitteeProbs = Float[ndarray, "member item class"]
MemberWeights = Float[ndarray, "member"]
Features = Float32[ndarray, "item feature"]
ViewFeatures = Float32[ndarray, "view item feature"]
ReducedViews = Float32[ndarray, "view item direction"]
Neighbours = Int32[ndarray, "item neighbour"]
Similarity = Float32[ndarray, "item neighbour"]
RidgeInputs = Float[ndarray, "item input"]
HatRows = Float[ndarray, "item direction"]
HatBasis = Float32[ndarray, "input direction"]
TaughtDirections = Float[ndarray, "direction class"]
InputMeans = Float32[ndarray, "centred"]
Likeness = Float16[ndarray, "item reduced"]
KeptVotes = Float16[ndarray, "item member class"]
ClassRows = Float[ndarray, "class item"]
Votes = Int64[ndarray, "voice item"]
Labels = Int64[ndarray, "item"]
Groups = Int64[ndarray, "item"]
Folds = Int64[ndarray, "item"]
LabelQuality = Float[ndarray, "item"]
ItemMask = Bool[ndarray, "item"]
ClassMask = Bool[ndarray, "class item"]
ItemIds = Int64[ndarray, "item"]
Bands = Int64[ndarray, "item"]
Places = Float[ndarray, "item"]
RGBImage = UInt8[ndarray, "height width 3"]
# Those of several networks stand in one list, so that their axes are not held to one length.
FeatureMap = Float32[ndarray, "_row _column _feature"]
NetworkSquare = UInt8[ndarray, "_side _side 3"]
SquareImage = UInt8[ndarray, "side side 3"]
ImageBatch = UInt8[ndarray, "item side side 3"]
SampleBatch = UInt8[ndarray, "sample side side 3"]
