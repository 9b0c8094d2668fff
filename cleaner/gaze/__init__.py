"""Where in a picture the committee sees one class rather than another.

`looking` has the networks look at a photo, `onlooker` runs them in a process of its own,
`activation` turns what they see into a map and `overlay` into a picture to be laid over the photo.
None needs TensorFlow.
"""
