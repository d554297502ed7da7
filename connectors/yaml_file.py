"""Read a YAML file into plain data that still knows its lines, so that a refusal can name one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING or not yaml.__with_libyaml__:
    from yaml import SafeLoader as BaseLoader
else:
    from yaml import CSafeLoader as BaseLoader  # the same, ten times as fast

Where = tuple[str | int, ...]

# Scalars as in YAML 1.2: `no` and `on` are words, `0101` and `09:30` are text, dates stay text.
_SCALARS = (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$", "-+0123456789"),
    ("merge", r"^<<$", "<"),
)


class YamlError(ValueError):
    """A YAML file that says something it must not; the sentence names file and line."""


class _Loader(BaseLoader):
    """Safe, and with the scalars above instead of those of YAML 1.1."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


class Document:
    """Plain data of one YAML file, and the line of each of its parts."""

    def __init__(self, data: Any, name: str, lines: dict[Where, int]) -> None:
        self.data = data
        self.name = name
        self._lines = lines

    def line_of(self, where: Where) -> int:
        """The line of a part, or of the nearest part around it that is in the file."""
        while where and where not in self._lines:
            where = where[:-1]
        return self._lines.get(where, 1)

    def at(self, where: Where) -> str:
        """`file:line` of a part, for the end of a sentence."""
        return f"{self.name}:{self.line_of(where)}"

    def refuse(self, sentence: str, where: Where = ()) -> YamlError:
        """The error to raise: a sentence in the form `what must be; got what`, with its place."""
        return YamlError(f"{sentence} ({self.at(where)})")

    def check_keys(self, value: Any, known: Iterable[str], where: Where = ()) -> None:
        """Refuse anything but a map whose keys are all known; name the nearest known one."""
        inside = f"`{'.'.join(map(str, where))}`" if where else "the file"
        if not isinstance(value, dict):
            raise self.refuse(f"{inside} must be a map; got `{value}`", where)
        names = sorted(known)
        for key in value:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.5)
                hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(names)}"
                raise self.refuse(f"keys of {inside} must be known; got `{key}`; {hint}", (*where, key))


def load(path: Path | str) -> Document:
    """Read a file; refuse what is not YAML, more than one document and keys that come twice."""
    return loads(Path(path).read_text(encoding="utf-8"), str(path))


def loads(text: str, name: str = "text") -> Document:
    """Like `load`, from a string that calls itself `name`."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Where, int] = {}
        if node is None:
            return Document(None, name, lines)
        _note_lines(node, (), lines, name)
        return Document(loader.construct_document(node), name, lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"file must be YAML; got {error.problem} ({name}:{line})") from error
    except yaml.YAMLError as error:
        raise YamlError(f"file must be YAML; got {error} ({name}:1)") from error
    finally:
        loader.dispose()


def _note_lines(node: yaml.Node, where: Where, lines: dict[Where, int], name: str) -> None:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*where, index), lines, name)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*where, str(key.value))
            line = key.start_mark.line + 1
            if inner in lines:
                raise YamlError(f"a key must come once; got `{key.value}` again ({name}:{line})")
            lines[inner] = line
            _note_lines(value, inner, lines, name)
