"""Searches that have been done, a JSON line each, so that a comparison can be made in pieces.

A search is the same on every machine, so a kept one is as good as a new one, as long as the code is
the same: each line says by which code it was made, and others are passed over.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.tuner.table import extend

Job = tuple[Any, ...]
"""The arguments of one search; JSON values, or what prints as one."""

_ROOT = Path(__file__).parents[2]
_CODE = (
    "tuner/*.py", "benchmarks/tuner/*.py", "proxy/evaluation/*.py",
    "proxy/policy/*.py", "proxy/suites/ordering.py", "proxy/domain.py",
)  # fmt: skip
"""Modules that may change what a search finds, or what its find is worth."""


def code_sha256() -> str:
    """The first 16 hex digits of the hash of all code that searches depend on."""
    digest = hashlib.sha256()
    for pattern in _CODE:
        for path in sorted(_ROOT.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclasses.dataclass(frozen=True, slots=True)
class Searches:
    """What does the searches, and where they are kept.

    Args:
        path: of the file; made if missing.
        search: does one job; a module-level function, for other processes.
        decode: from a kept result's JSON back to what ``search`` returned, a data class.
        code: as :func:`code_sha256` gives it, with whatever else a search depends on.
    """

    path: Path
    search: Callable[..., Any]
    decode: Callable[[dict[str, Any]], Any]
    code: str

    def of(self, jobs: Sequence[Job], processes: int) -> list[Any]:
        """The results in the order of the jobs; those that are not kept yet are done now."""
        known = self._known()
        names = [_name(job) for job in jobs]
        missing = {name: job for name, job in zip(names, jobs, strict=True) if name not in known}
        if processes == 1:
            for name, job in missing.items():
                known[name] = self._keep(name, self.search(*job))
            return [known[name] for name in names]
        with ProcessPoolExecutor(processes) as pool:
            running = {pool.submit(self.search, *job): name for name, job in missing.items()}
            for done in as_completed(running):
                known[running[done]] = self._keep(running[done], done.result())
        return [known[name] for name in names]

    def _known(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        kept = [json.loads(line) for line in lines]
        return {one["job"]: self.decode(one["found"]) for one in kept if one["code"] == self.code}

    def _keep(self, name: str, found: Any) -> Any:
        line = {"job": name, "code": self.code, "found": dataclasses.asdict(found)}
        extend(self.path, [json.dumps(line)])
        return found


def _name(job: Job) -> str:
    return " ".join(map(str, job))
