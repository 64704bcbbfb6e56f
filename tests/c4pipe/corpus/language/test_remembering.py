from c4pipe.corpus.language.identifier import Identified
from c4pipe.corpus.language.remembering import RememberingIdentifier


class Counting:
    """Answers with the length of a text, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def identify(self, texts):
        self.asked += texts
        return [Identified("en", len(text)) if text else None for text in texts]


def test_each_text_is_identified_once_until_it_is_forgotten():
    counting = Counting()
    remembering = RememberingIdentifier(counting)
    first, second = ["one", "", "three", "one"], ["three", "\ud800", "one"]
    assert remembering.identify(first) == Counting().identify(first)
    assert remembering.identify(second) == Counting().identify(second)
    assert counting.asked == ["one", "", "three", "\ud800"]
    remembering.forget()
    assert remembering.identify(["one"]) == [Identified("en", 3)]
    assert counting.asked[-1] == "one"
