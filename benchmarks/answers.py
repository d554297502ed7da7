"""Equal answers come before figures: programs that do not say the same are not compared."""

from __future__ import annotations

from collections.abc import Mapping


class AnswersDifferError(Exception):
    """Runs that must say the same do not."""


def one_answer(answers: Mapping[str, str]) -> str:
    """The digest that all runs have, by their names; raises `AnswersDifferError` when it is not one."""
    if len(set(answers.values())) != 1:
        told = ", ".join(f"{name}: {answer[:16]}" for name, answer in answers.items())
        raise AnswersDifferError(f"all runs must say the same; got {told}")
    return next(iter(answers.values()))
