"""The part of Beam's interface that the stages of wet_to_c4 use, evaluated at once on lists in this process.

Each transform computes its result where the graph is built. A graph names its inputs and side inputs before they are
used, so everything that a step needs is there. This is for little work: all elements are in memory, and one process
does everything.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple


class Pipeline:
    """Where a graph begins: `Pipeline() | Create(...)`."""


class PCollection(list):
    """The elements of a step. pipeline: for steps that begin without elements."""

    pipeline = Pipeline()


class PTransform:
    """`values | "label" >> transform` is `transform.expand(values)`; the label is for Beam."""

    def expand(self, values: Any) -> Any:
        """Subclasses return their result from the collection, or the collections, that they take."""
        raise NotImplementedError

    def __ror__(self, values: Any) -> Any:
        return self.expand(values)

    def __rrshift__(self, label: str) -> "PTransform":
        return self


class DoFn:
    """A step's function. `setup` is called before the first element. All elements are one bundle."""

    def setup(self) -> None:
        """Subclasses load here what they need for all elements."""

    def start_bundle(self) -> None:
        """Subclasses begin here what they collect from several elements."""

    def finish_bundle(self) -> Iterable[Any] | None:
        """Subclasses give here what they have collected."""

    def process(self, element: Any, *args: Any, **kwargs: Any) -> Iterable[Any] | None:
        """Subclasses give the results of an element."""
        raise NotImplementedError


class TaggedOutput(NamedTuple):
    """A result for one of the outputs of `with_outputs`."""

    tag: str
    value: Any


class AsSingleton(NamedTuple):
    """A side input: the only element of a collection."""

    elements: Sequence[Any]

    @property
    def value(self) -> Any:
        (value,) = self.elements
        return value


class Create(PTransform):
    """Pipeline -> these elements."""

    def __init__(self, elements: Iterable[Any], reshuffle: bool = True) -> None:
        self._elements = elements

    def expand(self, values: Pipeline) -> PCollection:
        return PCollection(self._elements)


class ParDo(PTransform):
    """Elements -> everything that `DoFn.process` gives for them. args, kwargs: its other arguments."""

    def __init__(self, function: DoFn, *args: Any, **kwargs: Any) -> None:
        self._function, self._args, self._kwargs = function, args, kwargs

    def expand(self, values: PCollection) -> PCollection:
        return PCollection(self._results(values))

    def _results(self, values: PCollection) -> Iterator[Any]:
        args = [_value(argument) for argument in self._args] if values else []
        kwargs = {name: _value(argument) for name, argument in self._kwargs.items()} if values else {}
        for place, element in enumerate(values):
            if not place:
                self._function.setup()
                self._function.start_bundle()
            yield from self._function.process(element, *args, **kwargs) or ()
        if values:
            yield from self._function.finish_bundle() or ()

    def with_outputs(self, *tags: str) -> "_TaggedParDo":
        return _TaggedParDo(self, tags)


class _TaggedParDo(PTransform):
    """Elements -> the results by their tags."""

    def __init__(self, transform: ParDo, tags: Sequence[str]) -> None:
        self._transform, self._tags = transform, tags

    def expand(self, values: PCollection) -> dict[str, PCollection]:
        outputs = {tag: PCollection() for tag in self._tags}
        for result in values | self._transform:
            outputs[result.tag].append(result.value)
        return outputs


def _value(argument: Any) -> Any:
    return argument.value if isinstance(argument, AsSingleton) else argument


class _Call(DoFn):
    def __init__(self, function: Callable[..., Iterable[Any]]) -> None:
        self.process = function  # type: ignore[method-assign]


def FlatMap(function: Callable[..., Iterable[Any]], *args: Any, **kwargs: Any) -> ParDo:
    """Elements -> everything that the function gives for them."""
    return ParDo(_Call(function), *args, **kwargs)


def Map(function: Callable[..., Any], *args: Any, **kwargs: Any) -> ParDo:
    """Elements -> the result of the function for each."""
    return FlatMap(lambda *given, **named: [function(*given, **named)], *args, **kwargs)


class Reshuffle(PTransform):
    """The same elements."""

    def expand(self, values: PCollection) -> PCollection:
        return values


class Flatten(PTransform):
    """Collections -> all their elements."""

    def expand(self, values: Iterable[PCollection]) -> PCollection:
        return PCollection(element for elements in values for element in elements)


class GroupByKey(PTransform):
    """(key, value) -> (key, all its values)."""

    def expand(self, values: PCollection) -> PCollection:
        groups: dict[Any, list[Any]] = {}
        for key, value in values:
            groups.setdefault(key, []).append(value)
        return PCollection(groups.items())


class CoGroupByKey(PTransform):
    """Name -> collection of (key, value); gives (key, name -> all values of the key in that collection)."""

    def expand(self, values: Mapping[Any, PCollection]) -> PCollection:
        groups: dict[Any, dict[Any, list[Any]]] = {}
        for name, elements in values.items():
            for key, value in elements:
                groups.setdefault(key, {each: [] for each in values})[name].append(value)
        return PCollection(groups.items())


class CombineGlobally(PTransform):
    """Elements -> one, what the function makes of all of them."""

    def __init__(self, function: Callable[[Iterable[Any]], Any]) -> None:
        self._function = function

    def expand(self, values: PCollection) -> PCollection:
        return PCollection([self._function(values)])


# The names under which Beam has these.
combiners = SimpleNamespace(ToList=functools.partial(CombineGlobally, list))
pvalue = SimpleNamespace(AsSingleton=AsSingleton, TaggedOutput=TaggedOutput)
transforms = SimpleNamespace(window=SimpleNamespace(GlobalWindows=SimpleNamespace(windowed_value=lambda value: value)))
