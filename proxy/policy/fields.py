"""Which keys a pydantic model allows at a location: what "did you mean" chooses from."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


def known_names(model_class: type[BaseModel], loc: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys allowed beside the last part of an error's location.

    Args:
        model_class: the model that was validated.
        loc: pydantic's location, union labels included.
    """
    models = _beside(model_class, loc)
    names = (_key(name, field.alias) for model in models for name, field in _fields(model))
    return tuple(dict.fromkeys(names))


def is_required(model_class: type[BaseModel], loc: Sequence[str | int]) -> bool:
    """Whether the key that a location ends in must be there; False for an item of a list."""
    return any(
        field.is_required()
        for model in _beside(model_class, loc)
        for name, field in _fields(model)
        if loc and loc[-1] == _key(name, field.alias)
    )


def _beside(model_class: type[BaseModel], loc: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that a location's last part is a key of."""
    models: list[type[BaseModel]] = [model_class]
    for part in loc[:-1]:
        models = list(_step(models, part)) or models
    return models


def _step(models: Sequence[type[BaseModel]], part: str | int) -> Iterator[type[BaseModel]]:
    """Yield the models one step further; a union's label narrows to the members it names."""
    for model in models:
        for name, field in _fields(model):
            if part == _key(name, field.alias):
                yield from _models(field.annotation)
            elif _is_label(field.annotation, part) or part == model.__name__:
                yield model
                break


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    yield from model.model_fields.items()


def _key(name: str, alias: str | None) -> str:
    return alias or name


def _is_label(annotation: Any, part: str | int) -> bool:
    return get_origin(annotation) is Literal and part in get_args(annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside an annotation, through optionals, unions, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, types.UnionType, list, tuple, dict}:
        for argument in get_args(annotation):
            yield from _models(argument)
