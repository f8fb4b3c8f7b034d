"""Fills a folder with seeds: the cases that this project's tests have for what the target reads."""

import hashlib
import json
import pathlib
import sys

target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
tests = pathlib.Path(__file__).parent.parent / "tests"


def cases(pattern):
    for path in sorted(tests.glob(pattern)):
        for line in path.read_text().split("\n"):
            yield line.replace("⏎", "\n")


def recorded(path, key):
    for line in (tests / path).read_text().split("\n"):
        text = json.loads(line or "{}").get(key)
        if isinstance(text, str):
            yield text


def found():
    for line in (tests / "parity/found.jsonl").read_text().split("\n"):
        for path, text in json.loads(line or "{}").get("files", {}).items():
            if "templates/" in path:
                yield text


def expressions():
    for line in (tests / "parity/expressions.txt").read_text().split("\n"):
        if line and line[0] not in "#@":
            line = line.replace("⏎", "\n")
            yield line if line.startswith("{{") else "{{ " + line + " | toJson }}"


seeds = {
    "parse": lambda: [*cases("*/cases/*.txt"), *expressions(), *found()],
    "execute": lambda: [*cases("*/cases/*.txt"), *expressions(), *found()],
    "yaml": lambda: [*recorded("yaml/read.jsonl", "yaml"), *cases("parity/odd_yaml.txt")],
    "set": lambda: recorded("values/set.jsonl", "line"),
}[target]()

for text in seeds:
    if not text.startswith("@"):
        data = text.encode()
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
for path in (pathlib.Path(__file__).parent / "found" / target).glob("*"):
    (folder / path.name).write_bytes(path.read_bytes())
