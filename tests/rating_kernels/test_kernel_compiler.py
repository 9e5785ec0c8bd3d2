"""How kernels are compiled: nothing counts from the end, and old code does not outlive its source."""

import re

import numpy as np
import pytest
from numba import njit

from rating_kernels import compiled_code
from rating_kernels.kernel_compilers import BatchCompiler, RareCompiler
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


def double(value):
    return 2 * value


double_apart = njit(pipeline_class=RareCompiler, forceinline=False)(double)
double_within = njit(pipeline_class=KernelCompiler, forceinline=True)(double)


@pytest.mark.parametrize(("callee", "is_called"), [(double_apart, True), (double_within, False)])
def test_a_rare_kernel_is_called_and_any_other_is_part_of_its_caller(callee, is_called):
    @njit(pipeline_class=KernelCompiler, forceinline=True)
    def caller(value):
        return callee(value) + max(value, 1)

    assert caller(5) == 15
    (code,) = caller.inspect_llvm().values()
    calls = [line for line in code.splitlines() if "call" in line and "double" in line]
    assert bool(calls) == is_called


@pytest.mark.parametrize(("compiler", "overlap"), [(BatchCompiler, False), (KernelCompiler, True)])
def test_only_what_a_batch_is_given_does_not_overlap(compiler, overlap):
    @njit(pipeline_class=compiler)
    def twice_the_first(table, words):
        first = table[0]
        words[0] = 7
        return first + table[0]

    table, words = np.array([1, 2]), np.zeros(2, np.int64)
    assert twice_the_first(table, words) == 2
    (code,) = twice_the_first.inspect_llvm().values()
    head = next(line for line in code.splitlines() if line.startswith("define") and "%arg.words" in line)
    arguments = re.findall(r"ptr ([^,]*)%arg\.(?:table|words)\.", head)
    assert arguments
    assert {"noalias" in marks for marks in arguments} == {not overlap}


def test_compiled_code_is_kept_by_all_source_that_it_may_call(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled_code, "_ROOT", tmp_path)
    kernel_import = "from rating_kernels.kernel import kernel\n"
    for package in ("rating_kernels", "config", "balance_store", "charging"):
        (tmp_path / package).mkdir()
    (tmp_path / "rating_kernels" / "callee.py").write_text("def callee(): return 1")
    (tmp_path / "charging" / "caller.py").write_text(kernel_import)

    def folders():
        return [compiled_code.code_folder.__wrapped__(name) for name in ("rating_kernels", "charging")]

    rating, charging = folders()
    assert rating.parent == charging.parent == tmp_path / "rating_kernels" / "__pycache__"
    (tmp_path / "charging" / "pump.py").write_text("no kernel")
    assert folders() == [rating, charging]
    (tmp_path / "charging" / "caller.py").write_text(kernel_import + "from charging.words import AT\n")
    (tmp_path / "charging" / "words.py").write_text("AT = 1")
    rating, charging = folders()
    (tmp_path / "charging" / "words.py").write_text("AT = 2")
    assert folders()[0] == rating
    assert folders()[1] != charging
    (tmp_path / "charging" / "caller.py").write_text(kernel_import + "changed")
    assert folders()[0] == rating
    assert folders()[1] != charging
    (tmp_path / "rating_kernels" / "callee.py").write_text("def callee(): return 2")
    assert folders()[0] != rating
