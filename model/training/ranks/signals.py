"""Treating SIGTERM and Ctrl-C as a request to stop, which is fulfilled at the end of a step."""

import os
import signal
from types import FrameType


class StopRequest:
    """True after the first SIGTERM or SIGINT while the `with` block runs. A second SIGINT interrupts at once.

    Clusters send SIGTERM about 30 seconds before they kill a process. The handler only records the signal, because a
    checkpoint that is written by a handler could contain half-updated parameters.
    """

    def __init__(self) -> None:
        self.signal_name: str | None = None
        self._previous: dict[int, object] = {}

    def __bool__(self) -> bool:
        return self.signal_name is not None

    def __enter__(self) -> "StopRequest":
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._previous[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread: the program that embeds the trainer handles signals
                break
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.signal_name:
            raise KeyboardInterrupt
        self.signal_name = signal.Signals(number).name
        if os.environ.get("RANK", "0") == "0":
            os.write(2, f"\n{self.signal_name}: writing a checkpoint, then stopping\n".encode())
