"""The throughput suite of py-agent-kernel 0.4.3, re-created.

This is OUR RE-CREATION from the published description of that package (its README and what its log and
policy look like from outside), NOT ITS CODE. It does per submit what that description says: check the
request, ask an `fnmatch` allow-list, call the provider in the same thread, append one JSON line under a
lock and flush it. It has no hash chain, no journal, no canonical paths and no isolation, as the original.

    python3 suite.py FOLDER [rounds]

prints the samples of its six workloads (ops/s of each round) and their quantiles (ms) as JSON, and of one
more: the denials again under 10,000 rules.
"""

import json
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import Any


@dataclass
class ActionRequest:
    action: str
    target: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class ActionResult:
    status: str
    data: Any = None
    error: str | None = None
    record_id: str | None = None


@dataclass
class Record:
    timestamp: str
    action: str
    target: str
    status: str
    error: str | None = None
    duration_ms: float | None = None
    record_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def to_dict(self) -> dict[str, Any]:
        fields = {"timestamp": self.timestamp, "action": self.action}
        fields.update({"target": self.target, "status": self.status})
        if self.error is not None:
            fields["error"] = self.error
        if self.duration_ms is not None:
            fields["duration_ms"] = self.duration_ms
        fields["record_id"] = self.record_id
        return fields


@dataclass
class Rule:
    action: str
    resource: str
    constraint: dict[str, Any] = field(default_factory=dict)


class Policy:
    def __init__(self, capabilities: list[dict[str, Any]]) -> None:
        self.rules = [Rule(**capability) for capability in capabilities]

    def allows(self, request: ActionRequest) -> bool:
        return any(
            rule.action == request.action
            and fnmatch(request.target, rule.resource)
            and all(request.params.get(k) == v for k, v in rule.constraint.items())
            for rule in self.rules
        )


class Log:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def append(self, record: Record) -> None:
        line = json.dumps(record.to_dict(), ensure_ascii=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


class FilesystemProvider:
    actions = ("fs.read", "fs.write")

    def execute(self, request: ActionRequest) -> Any:
        path = Path(request.target)
        if request.action == "fs.read":
            if not path.exists():
                raise FileNotFoundError(f"File not found: {path}")
            return path.read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = request.params["content"]
        path.write_text(content, encoding="utf-8")
        return {"bytes_written": len(content)}


class Kernel:
    def __init__(self, capabilities: list[dict[str, Any]], log: Path) -> None:
        self._policy = Policy(capabilities)
        provider = FilesystemProvider()
        self._providers = {action: provider for action in provider.actions}
        self._log = Log(log)

    def submit(self, request: ActionRequest) -> ActionResult:
        if not request.action or not request.target:
            return self._end(request, "INVALID", "ERROR", error="malformed request")
        if not self._policy.allows(request):
            return self._end(request, "DENIED", "DENIED", error="not permitted")
        provider = self._providers.get(request.action)
        if provider is None:
            return self._end(request, "NO_PROVIDER", "ERROR", error="no provider")
        start = time.perf_counter()
        try:
            data = provider.execute(request)
        except Exception as error:  # noqa: BLE001 - any failure is an answer
            ms = (time.perf_counter() - start) * 1000
            return self._end(request, "FAILED", "ERROR", error=str(error), duration_ms=ms)
        ms = (time.perf_counter() - start) * 1000
        return self._end(request, "OK", "OK", data=data, duration_ms=ms)

    def _end(
        self,
        request: ActionRequest,
        record_status: str,
        status: str,
        data: Any = None,
        error: str | None = None,
        duration_ms: float | None = None,
    ) -> ActionResult:
        timestamp = datetime.now(timezone.utc).isoformat()
        record = Record(
            timestamp, request.action, request.target, record_status, error, duration_ms
        )
        self._log.append(record)
        return ActionResult(status, data, error, record.record_id)

    def close(self) -> None:
        self._log.close()


class Suite:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data.txt"
        self.data.write_text("x" * 2400)
        self.round = 0

    def kernel(self, capabilities: list[dict[str, Any]]) -> Kernel:
        self.round += 1
        return Kernel(capabilities, self.folder / f"kernel-{self.round}.log")

    def reader(self) -> Kernel:
        return self.kernel([{"action": "fs.read", "resource": f"{self.folder}/**"}])

    def sequential(self, kernel: Kernel, requests: list[ActionRequest], expected: list[str]):
        latencies = []
        start = before = time.perf_counter()
        for request, status in zip(requests, expected):
            assert kernel.submit(request).status == status
            after = time.perf_counter()
            latencies.append(after - before)
            before = after
        elapsed = time.perf_counter() - start
        kernel.close()
        return len(requests) / elapsed, latencies

    def threads(self, callers: int, each: int):
        kernel = self.reader()
        latencies: list[float] = []
        request = ActionRequest("fs.read", str(self.data))

        def call() -> None:
            own = []
            for _ in range(each):
                start = time.perf_counter()
                assert kernel.submit(request).status == "OK"
                own.append(time.perf_counter() - start)
            latencies.extend(own)

        workers = [threading.Thread(target=call) for _ in range(callers)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        elapsed = time.perf_counter() - start
        kernel.close()
        log = self.folder / f"kernel-{self.round}.log"
        assert len(log.read_text().splitlines()) == callers * each
        return callers * each / elapsed, latencies

    def deny(self):
        requests = [ActionRequest("fs.read", "/etc/passwd") for _ in range(2000)]
        return self.sequential(self.kernel([]), requests, ["DENIED"] * 2000)

    def deny_10000(self):
        rules = [
            {"action": "fs.read", "resource": f"{self.folder}/project-{i}/**"} for i in range(10_000)
        ]
        requests = [ActionRequest("fs.read", "/etc/passwd") for _ in range(10)]
        return self.sequential(self.kernel(rules), requests, ["DENIED"] * 10)

    def read(self):
        requests = [ActionRequest("fs.read", str(self.data)) for _ in range(500)]
        return self.sequential(self.reader(), requests, ["OK"] * 500)

    def mixed(self):
        kinds = [
            (ActionRequest("fs.read", str(self.data)), "OK"),
            (ActionRequest("fs.delete", str(self.data)), "DENIED"),
            (ActionRequest("fs.read", "/etc/passwd"), "DENIED"),
        ]
        chosen = [kinds[i % 3] for i in range(1000)]
        requests = [request for request, _ in chosen]
        return self.sequential(self.reader(), requests, [status for _, status in chosen])

    def write(self):
        rule = {"action": "fs.write", "resource": f"{self.folder}/**"}
        out = self.folder / f"out-{self.round}"
        requests = [
            ActionRequest("fs.write", f"{out}/{i}.txt", {"content": f"file {i}"})
            for i in range(200)
        ]
        return self.sequential(self.kernel([rule]), requests, ["OK"] * 200)


def main() -> None:
    suite = Suite(Path(sys.argv[1]))
    workloads = {
        "deny": suite.deny,
        "read": suite.read,
        "concurrent": lambda: suite.threads(10, 100),
        "log": lambda: suite.threads(8, 50),
        "mixed": suite.mixed,
        "write": suite.write,
        "deny-10000": suite.deny_10000,
    }
    results: list[dict[str, Any]] = []
    for name, workload in workloads.items():
        rates: list[float] = []
        latencies: list[float] = []
        for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
            rate, more = workload()
            rates.append(rate)
            latencies.extend(more)
        latencies.sort()
        quantiles = {
            f"p{p}": latencies[len(latencies) * p // 100] * 1000 for p in (50, 90, 99)
        }
        results.append(
            {
                "group": "our re-creation of the original in Python",
                "name": name,
                "unit": "ops",
                "callers": {"concurrent": 10, "log": 8}.get(name, 1),
                "samples": rates,
                "quantiles": quantiles,
            }
        )
    print(json.dumps(results))


main()
