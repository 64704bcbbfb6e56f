"""Look-up tables that find the profiles' n-grams in whole arrays of characters at once.

Characters get small ids. A pair of ids is looked up in a square table. A trigram is looked up in a slot of one long
array: the *base* of its first two characters plus the id of the third. In this array the sparse rows of all pairs
overlap (Tarjan and Yao, "Storing a sparse table", 1979, but with bases drawn at random instead of tried in order). Each
slot also stores its base, by which a trigram of the profiles is told from any other.
"""

from dataclasses import dataclass

import numpy as np

from c4pipe.corpus.language.langdetect.characters import NUM_CODE_POINTS, SPACE, capital_table, fold_table

# Ids of characters that are in no profile. A boundary separates two pages: it counts as a space for the page after it,
# and as nothing for the page before it.
SPACE_ID, BOUNDARY_ID, OTHER_ID, OTHER_CAPITAL_ID = 0, 1, 2, 3
FIRST_PROFILE_ID = 4

NO_ROW = -1
# A packed pair: its base, then two bits for the number of n-grams of one and two characters that end with it.
COUNT_BITS = 2
NUM_SLOTS = 1 << 18


@dataclass(frozen=True)
class NgramTables:
    """Tables over S character ids, with the row of each n-gram in the profiles' matrix.

    `id_of_code_point` (0x110000,) int32; `pairs` (S * S,) int32: base << 2 | count; `unigram_row` (S,), `bigram_row` (S
    * S,), `trigram_row` (slots,) int32, `NO_ROW` if there is no such n-gram; `slot_base` (slots,) int32.
    """

    num_ids: int
    id_of_code_point: np.ndarray
    pairs: np.ndarray
    unigram_row: np.ndarray
    bigram_row: np.ndarray
    trigram_row: np.ndarray
    slot_base: np.ndarray


def build_tables(ngrams: tuple[str, ...]) -> NgramTables:
    """Tables for these n-grams. The row of an n-gram is its index in the tuple."""
    letters = sorted(set("".join(ngrams)) - {SPACE})
    num_ids = FIRST_PROFILE_ID + len(letters)
    is_capital = np.array([False, False, False, True] + [letter.isupper() for letter in letters])
    id_of_code_point = _id_of_code_point(letters)

    rows = [np.array([row for row, g in enumerate(ngrams) if len(g) == length], np.int32) for length in (1, 2, 3)]
    ids = [
        id_of_code_point[np.frombuffer("".join(ngrams[row] for row in of_length).encode("utf-32-le"), np.uint32)]
        .reshape(-1, length)
        .astype(np.int64)
        for length, of_length in enumerate(rows, start=1)
    ]

    unigram_row = np.full(num_ids, NO_ROW, np.int32)
    unigram_row[ids[0][:, 0]] = rows[0]

    bigram_row = np.full((num_ids, num_ids), NO_ROW, np.int32)
    bigram_row[ids[1][:, 0], ids[1][:, 1]] = rows[1]
    bigram_row[BOUNDARY_ID] = bigram_row[SPACE_ID]

    count = (bigram_row != NO_ROW).astype(np.int32) + (unigram_row != NO_ROW)
    count[np.ix_(is_capital, is_capital)] = 0

    prefixes, group = np.unique(ids[2][:, 0] * num_ids + ids[2][:, 1], return_inverse=True)
    group = group.reshape(-1)
    bases = _push_together(group, ids[2][:, 2], first_base=num_ids)
    base: np.ndarray = np.zeros(num_ids * num_ids, np.int32)
    base[prefixes] = bases
    base = base.reshape(num_ids, num_ids)
    base[BOUNDARY_ID] = base[SPACE_ID]

    slots = bases[group] + ids[2][:, 2]
    slot_base = np.full(NUM_SLOTS + num_ids, -1, np.int32)
    slot_base[slots] = bases[group]
    trigram_row = np.full(NUM_SLOTS + num_ids, NO_ROW, np.int32)
    trigram_row[slots] = rows[2]
    return NgramTables(
        num_ids=num_ids,
        id_of_code_point=id_of_code_point,
        pairs=(base << COUNT_BITS | count).reshape(-1),
        unigram_row=unigram_row,
        bigram_row=bigram_row.reshape(-1),
        trigram_row=trigram_row,
        slot_base=slot_base,
    )


def _id_of_code_point(letters: list[str]) -> np.ndarray:
    """(0x110000,) int32: the id of each character after folding."""
    numbered = np.where(capital_table(), OTHER_CAPITAL_ID, OTHER_ID).astype(np.int32)
    numbered[ord(SPACE)] = SPACE_ID
    numbered[[ord(letter) for letter in letters]] = np.arange(FIRST_PROFILE_ID, FIRST_PROFILE_ID + len(letters))
    assert len(numbered) == NUM_CODE_POINTS
    return numbered[fold_table()]


def _push_together(group: np.ndarray, offset: np.ndarray, first_base: int) -> np.ndarray:
    """One base per group, so that all slots (base of the group + offset) are different, and all bases too.

    `group`, `offset` (n,): the members of the groups. Bases lie in [first_base, NUM_SLOTS). Large groups are placed
    first. A group that hits a taken slot draws another base. The same members always get the same bases.
    """
    by_size = np.argsort(-np.bincount(group), kind="stable")
    rank = np.empty_like(by_size)
    rank[by_size] = np.arange(len(by_size))
    order = np.argsort(rank[group], kind="stable")
    group, offset = group[order], offset[order]

    bases = np.zeros(len(by_size), np.int64)
    taken = np.zeros(NUM_SLOTS + first_base, bool)
    is_base = np.zeros(NUM_SLOTS, bool)
    random = np.random.Generator(np.random.PCG64(0))
    while len(group):
        # Only some groups at a time: the more are drawn at once, the more of them collide with each other.
        group_now, offset_now = group[:8192], offset[:8192]
        bases[group_now] = (first_base + random.random(len(bases)) * (NUM_SLOTS - first_base)).astype(np.int64)[
            group_now
        ]
        slots = bases[group_now] + offset_now
        failed = taken[slots] | is_base[bases[group_now]]
        for values, owners in ((slots, np.arange(len(slots))), (bases[group_now], group_now)):
            first = np.zeros(len(taken), np.int64)
            first[values[::-1]] = owners[::-1]
            failed |= first[values] != owners
        has_failed = np.zeros(len(bases), bool)
        has_failed[group_now[failed]] = True
        if len(group) > len(group_now):
            has_failed[group[len(group_now)]] = True  # the slice may have cut this group in two
        placed = ~has_failed[group_now]
        taken[slots[placed]] = True
        is_base[bases[group_now[placed]]] = True
        remaining = np.ones(len(group), bool)
        remaining[: len(group_now)] = ~placed
        group, offset = group[remaining], offset[remaining]
    return bases
