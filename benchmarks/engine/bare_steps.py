"""``python -m benchmarks.engine.bare_steps``: how long one step of llama.cpp takes, by its shape.

No engine and no server: a context, a batch, ``llama_decode``. It says what a scheduler can reach on
a machine: what a row costs beside others, what the layout of the KV cache costs, and what flash
attention does. Writes ``benchmarks/results/engine-bare-steps.json``; a few minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks.engine.machine import machine, versions
from benchmarks.engine.measures import quantile
from benchmarks.engine.processes import ROOT
from proxy.engine.cores import available_cores
from proxy.engine.library import load_library
from proxy.engine.weights import default_cache, find_weights

RESULTS = ROOT / "benchmarks" / "results" / "engine-bare-steps.json"

N_CELLS = 8192
N_SEQUENCES = 16
N_UBATCH = 512
FIRST_TOKEN = 1000
"""Any ordinary token will do: the time does not depend on which."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a context keeps and reads its cells.

    Args:
        is_unified: one pool for all sequences, as the engine has it, or a stream for each.
        flash_attention: one fused operation, or three.
    """

    is_unified: bool
    flash_attention: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """A step's rows.

    Args:
        n_sequences: how many sequences take part.
        n_rows: rows of each.
        n_context: tokens that each has computed before.
        wants_logits: of each sequence's last row.
    """

    n_sequences: int
    n_rows: int
    n_context: int
    wants_logits: bool


class Row(NamedTuple):
    """One token of a batch."""

    position: int
    sequence: int
    wants_logits: bool


LAYOUTS = tuple(Layout(unified, flash) for unified, flash in product((True, False), repeat=2))
DECODING = tuple(Shape(n, 1, 178, wants_logits=True) for n in (1, 4, 8, 16))
PROMPTS = tuple(
    Shape(1, n_rows, n_context, wants_logits=False)
    for n_context in (178, 1400)
    for n_rows in (8, 16, 24, 32, 64, 128)
)


class BareContext:
    """A llama.cpp context of its own over a model that all share."""

    def __init__(self, library: Any, model: Any, layout: Layout, *, threads: int) -> None:
        params = library.llama_context_default_params()
        params.n_ctx, params.n_seq_max = self._sizes(layout)
        params.n_batch = params.n_ubatch = N_UBATCH
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = layout.is_unified
        params.flash_attn_type = int(layout.flash_attention)
        params.no_perf = True
        self._library = library
        self._context = library.llama_init_from_model(model, params)
        self._memory = library.llama_get_memory(self._context)
        self._batch = library.llama_batch_init(N_UBATCH, 0, 1)

    @staticmethod
    def _sizes(layout: Layout) -> tuple[int, int]:
        """Cells and sequences: streams are as long as the longest context that is measured."""
        return (N_CELLS if layout.is_unified else 2048 * N_SEQUENCES), N_SEQUENCES

    def fill(self, shape: Shape) -> None:
        """Compute what the shape's sequences have behind them, and nothing else."""
        self._library.llama_memory_clear(self._memory, False)
        for sequence in range(shape.n_sequences):
            for start in range(0, shape.n_context, N_UBATCH):
                end = min(shape.n_context, start + N_UBATCH)
                self._decode([Row(at, sequence, wants_logits=False) for at in range(start, end)])

    def step_s(self, shape: Shape) -> float:
        """Seconds of one step, after which the cache is as before."""
        rows = [
            Row(shape.n_context + n, sequence, shape.wants_logits and n == shape.n_rows - 1)
            for sequence in range(shape.n_sequences)
            for n in range(shape.n_rows)
        ]
        started = perf_counter()
        self._decode(rows)
        seconds = perf_counter() - started
        for sequence in range(shape.n_sequences):
            self._library.llama_memory_seq_rm(self._memory, sequence, shape.n_context, -1)
        return seconds

    def close(self) -> None:
        """Give the memory back."""
        self._library.llama_batch_free(self._batch)
        self._library.llama_free(self._context)

    def _decode(self, rows: Sequence[Row]) -> None:
        batch = self._batch
        batch.n_tokens = len(rows)
        for index, row in enumerate(rows):
            batch.token[index] = FIRST_TOKEN + row.position
            batch.pos[index] = row.position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = row.sequence
            batch.logits[index] = row.wants_logits
        status = self._library.llama_decode(self._context, batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status} for {len(rows)} rows")
        self._library.llama_synchronize(self._context)


def measure(
    path: Path, shapes: Sequence[Shape], *, n_steps: int, threads: int
) -> Iterator[dict[str, Any]]:
    """One record a shape and layout; all layouts take turns, so that noise meets all of them.

    Args:
        path: the GGUF file.
        shapes: what to time.
        n_steps: steps of each, at least 1.
        threads: of each context.
    """
    library = load_library()
    model = library.llama_model_load_from_file(
        str(path).encode(), library.llama_model_default_params()
    )
    contexts = {one: BareContext(library, model, one, threads=threads) for one in LAYOUTS}
    for shape in shapes:
        for context in contexts.values():
            context.fill(shape)
        steps: dict[Layout, list[float]] = {one: [] for one in LAYOUTS}
        for _ in range(n_steps):
            for layout, context in contexts.items():
                steps[layout].append(1000 * context.step_s(shape))
        for layout, milliseconds in steps.items():
            yield asdict(shape) | asdict(layout) | _spread(milliseconds)
    for context in contexts.values():
        context.close()
    library.llama_model_free(model)


def _spread(milliseconds: Sequence[float]) -> dict[str, Any]:
    return {
        "n_steps": len(milliseconds),
        "p10_ms": round(quantile(milliseconds, 0.1), 2),
        "median_ms": round(median(milliseconds), 2),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a line each and write the file; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine.bare_steps")
    parser.add_argument("--model", default="embedded", help="a GGUF file; converted to F16")
    parser.add_argument("--steps", type=int, default=20, help="of each shape and layout")
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--output", type=Path, default=RESULTS)
    asked = parser.parse_args(argv)
    weights = find_weights(asked.model, convert="f16", cache=default_cache(), threads=asked.threads)
    records = []
    for record in measure(
        weights.path, DECODING + PROMPTS, n_steps=asked.steps, threads=asked.threads
    ):
        records.append(record)
        print(json.dumps(record), flush=True)
    about = {"machine": machine(), "versions": versions(has_native=False), "weights": "F16"}
    about["threads"] = asked.threads
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps(about | {"steps": records}, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
