"""The progress of SentencePiece's training, from the lines that it logs."""

import math
import os
import re
import select
import sys
import threading

from c4pipe.progress import PLAIN_EVERY_SECONDS, ProgressLine

# What SentencePiece logs at the beginning of a phase -> the phase in words, and the share of the time before it, as
# measured on some megabytes of English. The last phase makes many passes over the text, each with fewer pieces.
_PHASES = (
    ("Normalizing sentences", "normalizing the text", 0.02),
    ("Making suffix array", "sorting its substrings", 0.08),
    ("Extracting frequent sub strings", "counting its substrings", 0.2),
    ("Initialized ", "choosing pieces", 0.36),
    ("Saving model", "saving", 0.99),
)
_CHOOSING_FROM, _CHOOSING_TO = 0.36, 0.98
_SIZE = re.compile(r"EM sub_iter=\d+ size=(\d+)")
# SentencePiece stops pruning at this multiple of the wanted number of pieces, and chooses the pieces from these.
_LAST_SIZE_FACTOR = 1.1
_STEPS = 1000


class Phase:
    """The phase of a training. share: of the whole time, between 0 and 1; it never falls. words: what is being done."""

    def __init__(self, num_pieces: int) -> None:
        self.share, self.words = 0.0, "reading the text"
        self._last_size = max(num_pieces * _LAST_SIZE_FACTOR, 1.0)
        self._first_size = 0

    def take(self, line: str) -> None:
        """Read the next line of the log."""
        if found := _SIZE.search(line):
            size = int(found[1])
            self._first_size = self._first_size or size
            self.words = f"choosing pieces ({size:,} left of {self._first_size:,})"
            self._reach(_CHOOSING_FROM + (_CHOOSING_TO - _CHOOSING_FROM) * self._chosen(size))
            return
        for beginning, words, share in _PHASES:
            if beginning in line:
                self.words = words
                self._reach(share)

    def _chosen(self, size: int) -> float:
        """Each round keeps three quarters of the pieces."""
        whole = math.log(max(self._first_size / self._last_size, 1.0))
        return min(math.log(self._first_size / max(size, 1)) / whole, 1.0) if whole else 1.0

    def _reach(self, share: float) -> None:
        self.share = max(self.share, share)


class TrainingLog:
    """Shows the progress of what SentencePiece trains in the `with` block, which must log to standard error.

    What else is written to file descriptor 2 meanwhile is not shown. Training holds no lock of Python, so a thread
    can read.
    """

    def __init__(self, num_pieces: int, every: float = PLAIN_EVERY_SECONDS) -> None:
        self._phase, self._every = Phase(num_pieces), every

    def __enter__(self) -> "TrainingLog":
        sys.stderr.flush()
        self._kept = os.dup(2)
        self._target = os.fdopen(os.dup(2), "w", buffering=1)
        self._reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)  # the pipe has no writer then, so the thread ends
        os.close(self._kept)
        self._thread.join()
        os.close(self._reading)
        self._target.close()

    def _watch(self) -> None:
        rest = b""
        with ProgressLine("vocabulary", _STEPS, every=self._every, target=self._target) as progress:
            while True:
                if select.select([self._reading], [], [], 1.0)[0]:
                    block = os.read(self._reading, 1 << 16)
                    if not block:
                        return
                    *lines, rest = (rest + block).split(b"\n")
                    for line in lines:
                        self._phase.take(line.decode("utf-8", "replace"))
                progress.show(round(_STEPS * self._phase.share), self._phase.words)
