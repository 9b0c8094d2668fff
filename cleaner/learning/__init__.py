"""Everything that trains or computes features; the only room that loads TensorFlow."""
