"""Values that are converted by many threads."""

import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace

from c4pipe import checked_json, plain_types


def test_threads_convert_one_at_a_time(monkeypatch):
    """msgspec itself is not safe for threads that bring it a new type at the same time."""

    @dataclass(frozen=True)
    class Record:
        count: int

    inside, most = [], []

    def convert(value, kind):
        inside.append(1)
        time.sleep(0.001)
        most.append(len(inside))
        inside.pop()
        return plain_types.convert(value, kind)

    monkeypatch.setattr(checked_json, "msgspec", SimpleNamespace(convert=convert))
    threads = [threading.Thread(target=checked_json.parse, args=('{"count": 1}', Record)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
