"""The pipeline: the stages that an opportunity moves through, in versions."""
