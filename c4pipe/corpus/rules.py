"""The rules of cleaning, as tables. A rule's name is its counter's name and the report's row."""

import re

# Rule 2: marks of Wikipedia's footnotes and edit links; what is left is not stripped again.
CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
END_MARKS = (".", "?", "!", '"')
ELLIPSIS = "..."
POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
LOREM_IPSUM = "lorem ipsum"
JAVASCRIPT = "javascript"
CURLY_BRACKET = "{"

MAX_WORD_LENGTH = 1000  # characters; a longer word drops its line
MIN_WORDS = 5  # a line
MIN_SENTENCES = 3  # a page
MAX_PAGE_LENGTH = 190_000  # characters; a page of exactly so many passes
MIN_PARAGRAPHS = 3  # lines a page; the variants without cleaning
MIN_PARAGRAPH_LENGTH = 200  # characters of the third longest line

# What can become of a line, in the order of `Cleaned.line_counts`.
LINE_RULES = ("too_long_word", "no_endmark", "too_short", "javascript", "policy")
LINE_PASSED = "passed"
LINE_OUTCOMES = (*LINE_RULES, LINE_PASSED)
# What can drop a page in cleaning.
PAGE_RULES = ("loremipsum", "squigglybracket", "too_few_sentences")
