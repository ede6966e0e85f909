"""Text files of spreadsheets and editors: read right, or refused in a line that says what they are."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest

from common import texts

TABLE = np.array([[1, 0.5, -2, 3, 4, 5, 6, 7, 8, 9], [0, 1e-3, 0, 0, 0, 0, 0, 0, 0, 2.5], [1, *np.arange(0.5, 9)]])


def text(separator=",", end="\n"):
    return "".join(separator.join(f"{x:g}" for x in row) + end for row in TABLE)


def table(content, **options):
    content = content.encode() if isinstance(content, str) else content
    return texts.read_table(io.BytesIO(content), 10, name="my.csv", **options)


@pytest.mark.parametrize("content", [
    text(), text(end="\r\n"), text(end="\r"), "\ufeff" + text(), "\ufeff" + text(end="\r\n"), "\n\n" + text() + "\n",
    gzip.compress(text().encode(), mtime=0), gzip.compress(b"\xef\xbb\xbf" + text(end="\r").encode(), mtime=0),
    pd.DataFrame(TABLE).to_csv(header=False, index=False, quoting=1),
])  # fmt: skip
def test_tables_that_are_read(content):
    np.testing.assert_array_equal(table(content), TABLE.astype(np.float32))
    np.testing.assert_array_equal(table(content, n=2), TABLE[:2].astype(np.float32))


@pytest.mark.parametrize("content", [text(), "\ufeff" + text(end="\r\n"), text(end="\r")])
def test_rows_after_the_first(content):
    np.testing.assert_array_equal(table(content, skip=1, n=1), TABLE[1:2].astype(np.float32))
    with pytest.raises(ValueError, match="ends after 0 of 1 rows"):
        table(content, skip=3, n=1)
    first, _, others = text().partition("\n")
    with pytest.raises(ValueError, match="expected rows of 10 numbers.* row 2 has 11"):
        table(first + "\n" + others.replace("\n", ",1\n"), skip=1)


def test_blanks_and_tabs_separate(tmp_path):
    (tmp_path / "numbers.txt").write_bytes(b"\xef\xbb\xbf1.0\t4.0\t7.0\r  1  2 3 \r")
    assert texts.read_table(tmp_path / "numbers.txt", 3, separator=None).tolist() == [[1, 4, 7], [1, 2, 3]]


FRAME = pd.DataFrame(TABLE)


@pytest.mark.parametrize("content, reason", [
    (FRAME.to_csv(index=False), r"line 1 is a header \('0,1,2,3,4,5,6,7,8,9'\): remove it"),
    (FRAME.to_csv(), "line 1 is a header .* any index column"),
    (FRAME.to_csv(header=False), "the first column numbers the rows: remove this index column"),
    (FRAME.add_prefix("V").to_csv(index=False), "line 1 is a header"),
    (FRAME.set_axis(range(1, 11), axis=1).to_csv(index=False), "line 1 is a header"),
    (text() + FRAME.to_csv(index=False), "row 4 numbers the columns: it is a header"),
    (text(";"), "line 1 has semicolons"),
    (text("\t"), "line 1 has tabs"),
    (text("  "), "line 1 has blanks or tabs"),
    (text().encode("utf-16"), "UTF-16 text.*save it as UTF-8"),
    (text().encode("utf-16-le"), "NUL byte"),
    (text().encode() + bytes(9), "NUL byte"),
    (text() + "n,o\n", "could not convert 'n' in line 4"),
    (text(end="\r") + "n,o\r", "could not convert 'n' in line 4"),
    (text() + text().splitlines()[0] + ",1\n", "line 4 has 11 numbers"),
    (text() + text().replace(",", ",\u00a0"), r"line 4 has '\\xa0' among its numbers"),
    (text().replace("1", "\uff11"), "line 1 has '１' among its numbers"),
    (text().replace(",", ",\x1f"), r"line 1 has '\\x1f' among its numbers"),
    (text() + '"' + text(), "line 4 has a quotation mark that is not closed"),
    (text() + "1,2\n", "row 4 .* too few numbers"),
    ("# a comment\n" + text(), "line 1 is a header"),
    ("<!DOCTYPE html>", "a web page"),
    (b"PK\x03\x04", "zip archive or a spreadsheet"),
    (b"\xef\xbb\xbf", "no rows"),
    (gzip.compress(text().encode(), mtime=0)[:-9], "damaged gzip file"),
])  # fmt: skip
def test_tables_that_are_refused(content, reason):
    with pytest.raises(ValueError, match=f"^my.csv: .*{reason}") as caught:
        table(content)
    assert "\n" not in str(caught.value)


def test_a_last_number_that_is_cut(tmp_path):
    path, numbers = tmp_path / "echoes.txt", np.random.default_rng(0).normal(size=(3, 20))
    np.savetxt(path, numbers)  # numbers of one length, and a line end behind the last
    whole = path.read_bytes()
    for kept in (whole, whole[:-1]):
        path.write_bytes(kept)
        np.testing.assert_array_equal(texts.read_table(path, 20, separator=None), numbers.astype(np.float32))
    for cut in (2, 5, 12):  # of the exponent, all of it, digits as well
        path.write_bytes(whole[:-cut])
        with pytest.raises(ValueError, match="is this the complete file"):
            texts.read_table(path, 20, separator=None)


def test_few_columns_may_count(tmp_path):
    read = lambda rows: texts.read_table(io.BytesIO(rows.encode()), 3, separator=None, name="d")  # noqa: E731
    assert read("1 2 3\n2 3 4\n").tolist() == [[1, 2, 3], [2, 3, 4]]
    with pytest.raises(ValueError, match="line 1 is a header"):
        read("0\t1\t2\n0.5\t1.5\t2.5\n")
    with pytest.raises(ValueError, match=r"decimal comma \('1,5'\)"):
        read("1,5 2,5 3\n")
    with pytest.raises(ValueError, match="commas between"):
        read("1,2,3\n")


def test_decoded_text():
    assert texts.decode("\ufeffdós\r\ntres\rcuatro\n".encode(), "a.txt") == "dós\ntres\ncuatro\n"
    with pytest.raises(ValueError, match=r"a.txt is not UTF-8 text \(byte 1\): save it as UTF-8"):
        texts.decode("dós".encode("latin-1"), "a.txt")
    with pytest.raises(ValueError, match="a.txt is UTF-16 text"):
        texts.decode("dós".encode("utf-16"), "a.txt")
