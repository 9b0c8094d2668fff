"""What backbones are made of, as Keras models. Importing a file of this folder loads no Keras."""
