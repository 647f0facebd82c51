"""Every text of a reply, one by one, so that the gate sees them a last time before they become blocks or HTML; and every text of
what a platform delivers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.model.chat import Block, Board, Facts, Form, Heading, Line, Links, Quote, Reply, Steps

# A private marker that a chat's `mention` makes and only its renderer turns into a mention. Both signs are from Unicode's
# private use area and are taken out of every text from outside.
MARKER = re.compile("\ue000(slack|telegram|terminal):([A-Za-z0-9_-]{1,64})\ue001")
_LOOSE = {0xE000: None, 0xE001: None}


def marker(address: str) -> str:
    """`address` as Person.address."""
    return f"\ue000{address}\ue001"


def unmarked(text: str) -> str:
    """Text from outside without the two signs, so that it cannot forge a mention."""
    return text.translate(_LOOSE)


def strings(node: Any, shown: Collection[str], about: Collection[str]) -> Iterator[str]:
    """Of a delivered JSON the raw texts in fields named in `shown`, wherever they stand, except below a field named in `about`."""
    if isinstance(node, list):
        for item in node:
            yield from strings(item, shown, about)
    elif isinstance(node, Mapping):
        for name, value in node.items():
            if isinstance(value, str):
                if name in shown:
                    yield value
            elif name not in about:
                yield from strings(value, shown, about)


def labelled(label: str, value: str) -> str:
    """`label: value`, with the colon of the label's script."""
    chinese = any("\u4e00" <= sign <= "\u9fff" for sign in label)
    return f"{label}{'：' if chinese else ': '}{value}"


def each_text(reply: Reply, change: Callable[[str], str]) -> Reply:
    """The reply with `change` applied to every text that people read. Markers stay; an address that changes is dropped."""

    def text(raw: str) -> str:
        parts, at = [], 0
        for found in MARKER.finditer(raw):
            parts += [change(raw[at : found.start()]) if found.start() > at else "", found.group()]
            at = found.end()
        return "".join(parts) + (change(raw[at:]) if at < len(raw) else "")

    def form(one: Form) -> Form:
        inputs = tuple(
            replace(
                i, label=text(i.label), hint=text(i.hint), choices=tuple((v, text(label)) for v, label in i.choices)
            )
            for i in one.inputs
        )
        return replace(
            one,
            title=text(one.title),
            inputs=inputs,
            blocks=tuple(_block(b, text) for b in one.blocks),
            submit=text(one.submit),
            errors={name: text(said) for name, said in one.errors.items()},
        )

    actions = tuple(replace(a, label=text(a.label)) for a in reply.actions if a.url is None or change(a.url) == a.url)
    return replace(
        reply,
        title=text(reply.title),
        blocks=tuple(_block(b, text) for b in reply.blocks),
        details=tuple(_block(b, text) for b in reply.details),
        actions=actions,
        form=form(reply.form) if reply.form else None,
    )


def _block(block: Block, text: Callable[[str], str]) -> Block:
    match block:
        case Line() | Heading():
            return replace(block, text=text(block.text))
        case Quote():
            return replace(block, text=text(unmarked(block.text)))
        case Facts():
            return Facts(tuple((text(label), text(value)) for label, value in block.rows))
        case Steps():
            return replace(block, items=tuple(text(item) for item in block.items))
        case Board():
            return Board(
                tuple(
                    replace(
                        row,
                        state=text(row.state),
                        name=text(row.name),
                        figure=text(row.figure),
                        note=text(row.note),
                        under=tuple(text(line) for line in row.under),
                    )
                    for row in block.rows
                )
            )
        case Links():
            return Links(tuple((text(label), url) for label, url in block.items if text(url) == url))
