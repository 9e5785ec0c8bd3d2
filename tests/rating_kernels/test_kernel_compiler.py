"""How kernels are compiled: nothing counts from the end, and old code does not outlive its source."""

import numpy as np
import pytest
from numba import njit

import rating_kernels
from rating_kernels.plain_indexes import KernelCompiler


def read_one(words, at):
    return words[at]


def write_one(table, row, column, value):
    table[row, column] = value


def test_an_index_is_taken_as_it_is():
    read = njit(pipeline_class=KernelCompiler, boundscheck=True)(read_one)
    write = njit(pipeline_class=KernelCompiler, boundscheck=True)(write_one)
    words, table = np.arange(5), np.zeros((2, 3), np.int64)
    assert [read(words, at) for at in range(5)] == [0, 1, 2, 3, 4]
    write(table, 1, 2, 7)
    assert table.tolist() == [[0, 0, 0], [0, 0, 7]]


@pytest.mark.parametrize("at", [-1, -5, 5])
def test_an_index_from_the_end_is_beyond_the_bounds(at):
    read = njit(pipeline_class=KernelCompiler, boundscheck=True)(read_one)
    write = njit(pipeline_class=KernelCompiler, boundscheck=True)(write_one)
    with pytest.raises(IndexError):
        read(np.arange(5), at)
    with pytest.raises(IndexError):
        write(np.zeros((5, 5), np.int64), 0, at, 1)


def test_compiled_code_is_kept_by_the_whole_source(tmp_path, monkeypatch):
    monkeypatch.setattr(rating_kernels, "_HERE", tmp_path)
    (tmp_path / "caller.py").write_text("def caller(): return callee()")
    (tmp_path / "callee.py").write_text("def callee(): return 1")
    before = rating_kernels._cache_folder()
    (tmp_path / "callee.py").write_text("def callee(): return 2")
    after = rating_kernels._cache_folder()
    assert before.parent == after.parent == tmp_path / "__pycache__"
    assert before != after
