"""The flow: every box is a folder of files, every arrow a command."""

from tools.pictures.drawing import Drawing, Point, Theme

_WIDTH, _HEIGHT = 124.0, 40.0
_COLUMNS = (1.0, 258.0, 515.0)
_ROWS = (8.0, 84.0, 160.0, 236.0, 298.0)

# Name -> column and row.
_BOXES = {
    "Common Crawl": (0, 0),
    "WET files": (1, 0),
    "C4 text shards": (2, 0),
    "any text shards": (2, 1),
    "vocabulary": (1, 1),
    "example shards": (0, 1),
    "run": (0, 2),
    "fine-tuned run": (1, 2),
    "metrics.json": (2, 2),
    "task files": (0, 3),
    "task shards": (1, 3),
    "Hugging Face folder": (2, 3),
    "text": (2, 4),
}


def flow(theme: Theme) -> Drawing:
    """The picture of all commands."""
    picture = Drawing(theme, 640, 346, "From Common Crawl over C4 and example shards to a trained and evaluated T5")
    for name, (column, row) in _BOXES.items():
        x, y = _COLUMNS[column], _ROWS[row]
        picture.box(x, y, _WIDTH, _HEIGHT, theme.wash, theme.line)
        size = 11.5 if len(name) > 15 else 14
        picture.text((x + _WIDTH / 2, y + 25), name, theme.ink, size=size, anchor="middle")
    for first, second, command in (
        ("Common Crawl", "WET files", "crawl_to_wet"),
        ("WET files", "C4 text shards", "wet_to_c4"),
        ("any text shards", "vocabulary", "c4_to_vocabulary"),
        ("vocabulary", "example shards", "c4_to_examples"),
        ("run", "fine-tuned run", "finetune"),
        ("fine-tuned run", "metrics.json", "evaluate"),
        ("task files", "task shards", "tasks_to_examples"),
    ):
        _across(picture, first, second, command)
    _joins(picture)
    return picture


def _across(picture: Drawing, first: str, second: str, command: str) -> None:
    """An arrow between neighbours of a row, with its command above."""
    is_right = _BOXES[second][0] > _BOXES[first][0]
    start, end = _side(first, right=is_right), _side(second, right=not is_right)
    picture.line([start, end], picture.theme.soft, head=True)
    picture.code(((start[0] + end[0]) / 2, start[1] - 6), command, picture.theme.accent, anchor="middle")


def _joins(picture: Drawing) -> None:
    """The arrows between rows."""
    theme = picture.theme
    # The text of C4 is one kind of text shards.
    picture.line([_below("C4 text shards"), _above("any text shards")], theme.soft, head=True)
    # Examples are made from the vocabulary and the text itself.
    x, y = _below("any text shards")
    examples_x, examples_y = _below("example shards")
    picture.line([(x, y), (x, y + 14), (examples_x + 30, y + 14), (examples_x + 30, examples_y)], theme.soft, head=True)
    picture.line([(examples_x - 20, examples_y), (examples_x - 20, _ROWS[2])], theme.soft, head=True)
    picture.code((examples_x - 14, examples_y + 28), "pretrain", theme.accent)
    picture.line([_above("task shards"), _below("fine-tuned run")], theme.soft, head=True)
    # What else a run becomes.
    trunk, (_, start) = 414.0, _side("fine-tuned run", right=True)
    picture.line([(trunk, start), (trunk, _side("text", right=False)[1])], theme.soft)
    for name, command in (("Hugging Face folder", "export"), ("text", "generate")):
        end = _side(name, right=False)
        picture.line([(trunk, end[1]), end], theme.soft, head=True)
        picture.code(((trunk + end[0]) / 2, end[1] - 6), command, theme.accent, anchor="middle")


def _side(name: str, *, right: bool) -> Point:
    column, row = _BOXES[name]
    return _COLUMNS[column] + (_WIDTH if right else 0), _ROWS[row] + _HEIGHT / 2


def _above(name: str) -> Point:
    column, row = _BOXES[name]
    return _COLUMNS[column] + _WIDTH / 2, _ROWS[row]


def _below(name: str) -> Point:
    x, y = _above(name)
    return x, y + _HEIGHT
