from benchmarks.engine.machine import machine, versions

_FILES = {
    "/proc/cpuinfo": "processor : 0\nmodel name\t: Example 9000\nflags\t: fpu avx2 fma sse2\n",
    "/proc/meminfo": "MemTotal:       8388608 kB\n",
}


def test_machine_reads_what_decides_the_speed() -> None:
    """Processor, vector instructions and memory."""
    found = machine(_FILES.__getitem__)

    assert found["cpu"] == "Example 9000"
    assert found["cpu_flags"] == "avx2 fma"
    assert found["memory_gib"] == 8.0


def test_machine_says_unknown_where_nothing_is_written() -> None:
    """Some processors have no model name."""
    assert machine(lambda _: "")["cpu"] == "unknown"


def test_versions_name_the_native_server_only_where_it_runs() -> None:
    """Its environment may be missing."""
    assert "xllamacpp" in versions(has_native=True)
    assert "xllamacpp" not in versions(has_native=False)
