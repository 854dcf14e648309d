"""From the text of a PTX module to its functions: registers, parameters, variables and instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WARP = 32

BYTES = {"b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "b32": 4, "u32": 4, "s32": 4, "f32": 4}
BYTES |= {"b64": 8, "u64": 8, "s64": 8, "f64": 8}

DTYPES: dict[str, Any] = {
    kind: np.dtype({"f": f"f{size}", "s": f"i{size}"}.get(kind[0], f"u{size}")) for kind, size in BYTES.items()
}

ROUNDING = {"rn", "rz", "rm", "rp"}
INTEGER_ROUNDING = {"rni", "rzi", "rmi", "rpi"}

SYNCHRONISING = ("bar", "barrier", "shfl", "vote", "activemask", "match", "redux")
"""Instructions at which threads wait for each other."""


class UnknownInstruction(NotImplementedError):
    """The interpreter does not know this; nothing is ever skipped."""


@dataclass(frozen=True)
class Instruction:
    """One line: ``@[!]guard name operands``; ``name`` is split at its dots."""

    name: tuple[str, ...]
    operands: tuple[str, ...]
    guard: str | None
    negated: bool
    text: str

    @property
    def synchronises(self) -> bool:
        """Whether threads wait for each other here."""
        return self.name[0] in SYNCHRONISING

    @property
    def leaves(self) -> bool:
        """Whether the next instruction may be another than the one below."""
        return self.name[0] in ("bra", "ret", "exit", "call", "brx")


@dataclass
class Variable:
    """A variable in shared, local, constant or global memory: its size, its alignment, its offset, and its bytes."""

    size: int
    align: int
    offset: int = 0
    content: bytes | None = None


@dataclass
class Function:
    """A kernel or a device function."""

    name: str
    params: dict[str, tuple[str, int]] = field(default_factory=dict)  # name -> (type, number of elements)
    returns: dict[str, tuple[str, int]] = field(default_factory=dict)
    registers: dict[str, tuple[str, int]] = field(default_factory=dict)  # prefix -> (type, how many)
    local: dict[str, Variable] = field(default_factory=dict)
    shared: dict[str, Variable] = field(default_factory=dict)
    code: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


@dataclass
class Module:
    """Everything in one text."""

    target: str
    functions: dict[str, Function]
    kernels: list[str]
    variables: dict[str, tuple[str, Variable]]  # name -> (space, variable)


_DECLARATION = re.compile(
    r"\.(?P<space>global|const|shared|local)\s+(?:\.align\s+(?P<align>\d+)\s+)?\.(?P<type>[a-z]+\d+)\s+"
    r"(?P<name>[\w$]+)(?:\[(?P<count>\d*)\])?(?:\s*=\s*(?P<init>.+))?$"
)
_PARAMETER = re.compile(r"\.param\s+(?:\.align\s+\d+\s+)?\.(\w+)\s+(?:\.ptr[^,]*?\s)?([\w$]+)(?:\[(\d+)\])?")
_HEAD = re.compile(
    r"(?:\.visible\s+|\.weak\s+|\.extern\s+|\.noinline\s+)*\.(?P<kind>entry|func)\b(?P<rest>.*)$", re.DOTALL
)


def parse(text: str) -> Module:
    """Return the module in a text; raises :class:`UnknownInstruction` for anything that is not PTX known here."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    target = re.search(r"^\.target\s+(\w+)", text, re.MULTILINE)
    module = Module(target.group(1) if target else "", {}, [], {})
    for head, body in _pieces(text):
        _take(module, head, body)
    return module


def _pieces(text: str) -> list[tuple[str, str | None]]:
    """Split a module into declarations (ended by ``;``) and functions (a head, and a body in braces)."""
    pieces: list[tuple[str, str | None]] = []
    lines = [line for line in text.split("\n") if not re.match(r"\s*\.(version|target|address_size|file|loc)\b", line)]
    rest = "\n".join(lines)
    start, i = 0, 0
    while i < len(rest):
        if rest[i] == ";":
            pieces.append((rest[start:i].strip(), None))
            start = i + 1
        elif rest[i] == "{" and _HEAD.match(rest[start:i].strip()):
            depth, j = 1, i + 1
            while depth:
                depth += {"{": 1, "}": -1}.get(rest[j], 0)
                j += 1
            pieces.append((rest[start:i].strip(), rest[i + 1 : j - 1]))
            start, i = j, j - 1
        elif rest[i] == "{":  # the values of a variable
            i = rest.index("}", i)
        i += 1
    if rest[start:].strip():
        raise UnknownInstruction(rest[start:].strip()[:200])
    return pieces


def _take(module: Module, head: str, body: str | None) -> None:
    match = _HEAD.match(head)
    if match is None:
        name, space, variable = _variable(head)
        module.variables[name] = space, variable
        return
    rest = match["rest"]
    groups = re.findall(r"\(([^()]*)\)", rest)
    name = re.sub(r"\([^()]*\)", " ", rest).split()[0]
    returns = groups[0] if match["kind"] == "func" and rest.lstrip().startswith("(") else ""
    params = groups[-1] if groups and not (returns and len(groups) == 1) else ""
    function = module.functions.setdefault(name, Function(name))
    function.params, function.returns = _parameters(params), _parameters(returns)
    if match["kind"] == "entry":
        module.kernels.append(name)
    if body is not None:
        _body(function, body)


def _parameters(text: str) -> dict[str, tuple[str, int]]:
    return {name: (kind, int(count or 1)) for kind, name, count in _PARAMETER.findall(text)}


def _variable(line: str) -> tuple[str, str, Variable]:
    line = re.sub(r"^(\.(common|extern|visible|weak)\s+)+", "", " ".join(line.split()))
    match = _DECLARATION.match(line)
    if match is None:
        raise UnknownInstruction(line[:200])
    size, count = BYTES[match["type"]], 1 if match["count"] is None else int(match["count"] or 0)
    content = None
    if match["init"]:
        values = re.findall(r"-?(?:0[fFdD]|0x)?[0-9a-fA-F]+", match["init"].strip("{} "))
        content = b"".join(
            (int(re.sub("^0[fFdD]", "0x", v), 0) % (1 << 8 * size)).to_bytes(size, "little") for v in values
        )
        content = content.ljust(size * count, b"\0")
    return match["name"], match["space"], Variable(size * count, int(match["align"] or size), content=content)


def _body(function: Function, body: str) -> None:
    for statement in _statements(body):
        label = re.match(r"([$\w]+):\s*(.*)$", statement, re.DOTALL)
        if label:
            function.labels[label[1]] = len(function.code)
            statement = label[2]
        if not statement or statement.startswith(".pragma") or statement in "{}":
            continue
        if statement.startswith(".reg"):
            kind, names = re.match(r"\.reg\s+\.(\w+)\s+(.*)$", statement, re.DOTALL).groups()
            for each in names.split(","):
                prefix, _, count = each.strip().partition("<")
                function.registers[prefix] = kind, int(count.rstrip(">") or 0)
        elif statement.startswith(".param"):
            continue  # the parameter space of a call: made when it is written
        elif statement.startswith("."):
            name, space, variable = _variable(statement)
            getattr(function, {"local": "local", "shared": "shared"}[space])[name] = variable
        else:
            function.code.append(_instruction(statement))


def _statements(body: str) -> list[str]:
    """Split a body at semicolons and labels; the braces around a call's parameters have no meaning."""
    text = re.sub(r"(^|[;\n:}])\s*\{(?=\s*(//|\n|\.|[a-z]))", r"\1", body)  # a scope opens
    text = re.sub(r"(?m)^\s*\}\s*$", "", text)
    text = re.sub(r";\s*\}", ";", text)
    text = re.sub(r"(?m)^([$\w]+):", r"\1: ;", text)
    return [" ".join(part.split()) for part in text.split(";") if part.strip()]


def _instruction(statement: str) -> Instruction:
    match = re.match(r"(?:@(!?)(%?[\w$]+)\s+)?([a-z][\w.:]*)\s*(.*)$", statement, re.DOTALL)
    if match is None:
        raise UnknownInstruction(statement)
    negated, guard, name, rest = match.groups()
    operands = tuple(each.strip() for each in re.split(r",(?![^{}()\[\]]*[})\]])", rest) if each.strip())
    return Instruction(tuple(re.split(r"[.]|::", name)), operands, guard, negated == "!", statement)
