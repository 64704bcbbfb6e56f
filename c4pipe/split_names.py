"""The splits of a data set, and their names in files and records of other tools."""

TRAIN, VALIDATION, TEST = "train", "validation", "test"

SPLIT_OF_NAME = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "development": VALIDATION,
    "test": TEST,
}

HALVES = ("matched", "mismatched")
"""MNLI has two validation splits and two test splits; this word follows the split's name."""
