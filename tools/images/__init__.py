"""The image of Beam workers, the Flex Template of Dataflow, and their checks without Docker."""
