"""One progress bar for terminals and notebooks."""

import sys

from tqdm import tqdm


def progress_bar(iterable=None, *, total=None, desc="", unit="it", disable=False):
    """A `tqdm` bar that leaves no trace when it is done.

    In a terminal it is plain tqdm. In a notebook it is one output that is updated in place and
    emptied at the end, so that a notebook executed twice has the same outputs.
    """
    options = dict(total=total, desc=desc, unit=unit, disable=disable, leave=False)
    if in_notebook():
        return _NotebookBar(iterable, **options)
    return tqdm(iterable, dynamic_ncols=True, **options)


def in_notebook():
    """Whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class _NotebookBar(tqdm):
    """tqdm that draws into one notebook output."""

    def __init__(self, iterable=None, *, disable=False, **options):
        self.output = None
        if not disable:
            from IPython.display import display

            self.output = display({"text/plain": ""}, raw=True, display_id=True)
        super().__init__(iterable, file=_Nowhere(), ncols=79, disable=disable, **options)

    def display(self, msg=None, pos=None):
        if self.output is not None:
            self.output.update({"text/plain": str(self) if msg is None else msg}, raw=True)
        return True

    def close(self):
        super().close()
        if self.output is not None:
            self.output.update({"text/plain": ""}, raw=True)


class _Nowhere:
    def write(self, text):
        pass

    def flush(self):
        pass
