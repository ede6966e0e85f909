"""A plugin for nbval: in cells tagged ``within-0.02``, numbers may differ by 0.02, or by 2 % where larger than 1.

nbval compares texts. That suits what a notebook computes, but not what it has trained: processors with other
instructions or caches add the same numbers in another order, and a hundred steps of training make of the last bit the
second digit. So a cell that shows a trained network says how far its numbers may be from the stored ones; its words,
and how many numbers there are, must be the same everywhere. All other cells are compared to the letter.

That two runs on one processor agree to the letter is tested in test_exercises.py, for each lesson.
"""

import re

from nbval.plugin import IPyNbCell

from common.notebook_files import tolerance

NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")


def as_stored(found, stored, within):
    """The stored text if the found one differs from it only by numbers within the tolerance, else the found one.

    Columns may be wider or narrower: how many spaces there are, and how long a rule is, does not count.
    """
    texts = [" ".join(re.sub("-{3,}", "---", text).split()) for text in (found, stored)]
    if NUMBER.sub("0", texts[0]) != NUMBER.sub("0", texts[1]):
        return found
    new, old = ([float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in texts)
    return stored if all(abs(a - b) <= within * max(1, abs(b)) + 1e-9 for a, b in zip(new, old, strict=True)) else found


def _compared(compare):
    def compare_outputs(self, found, stored, skip_compare=None):
        within = tolerance(self.cell)
        if within and len(found) == len(stored):
            for new, old in zip(found, stored, strict=True):
                if "text" in new and "text" in old:
                    new["text"] = as_stored(new["text"], old["text"], within)
                for kind in ("text/plain", "text/html"):
                    if kind in new.get("data", {}) and kind in old.get("data", {}):
                        new["data"][kind] = as_stored(new["data"][kind], old["data"][kind], within)
        return compare(self, found, stored, skip_compare)

    return compare_outputs


IPyNbCell.compare_outputs = _compared(IPyNbCell.compare_outputs)
