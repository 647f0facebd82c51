"""What Slack refuses in blocks and views, with the places it names; and how a message reads as plain text."""

from __future__ import annotations

import json
import re
from typing import Any

Json = dict[str, Any]

MAX_TEXT_SUM = 9_600  # measured by users of the real thing: 9,597 passed, 11,341 did not
_VIEW = frozenset({"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id", "clear_on_close", "notify_on_close", "external_id", "submit_disabled"})  # fmt: skip
_CONTROL = re.compile(r"<([@#!]|https?://|mailto:)[^>]*>")


class Faults(list[str]):
    def add(self, why: str, at: str) -> None:
        self.append(f"[ERROR] {why} [json-pointer:{at}]")

    def length(self, value: Any, most: int, at: str, least: int = 1) -> None:
        if not isinstance(value, str):
            self.add("must be a string", at)
        elif units(value) > most:
            self.add(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            self.add(f"must be more than {least - 1} characters", at)


def units(text: str) -> int:
    """UTF-16 units: the stricter way to count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _text_object(faults: Faults, value: Any, most: int, at: str, *, plain: bool = False) -> int:
    if not isinstance(value, dict):
        faults.add("must provide an object", at)
        return 0
    kind = value.get("type")
    if kind not in ("plain_text",) if plain else kind not in ("plain_text", "mrkdwn"):
        faults.add("unsupported type", f"{at}/type")
    extra = set(value) - ({"type", "text", "emoji"} if kind == "plain_text" else {"type", "text", "verbatim"})
    if extra:
        faults.add(f"additional property: {sorted(extra)[0]}", at)
    faults.length(value.get("text"), most, f"{at}/text")
    return units(value.get("text") or "") if isinstance(value.get("text"), str) else 0


def _element(faults: Faults, element: Any, at: str, where: str) -> int:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind == "button":
        total = _text_object(faults, element.get("text"), 75, f"{at}/text", plain=True)
        if "value" in element:
            faults.length(element["value"], 2000, f"{at}/value")
        if "url" in element:
            faults.length(element["url"], 3000, f"{at}/url")
            if not re.match(r"^(https?|mailto|tel|slack)://?\S+$", str(element["url"])):
                faults.add("invalid url", f"{at}/url")
        if "style" in element and element["style"] not in ("primary", "danger"):
            faults.add("must be a valid enum value", f"{at}/style")
        if "action_id" in element:
            faults.length(element["action_id"], 255, f"{at}/action_id")
        if "accessibility_label" in element:
            faults.length(element["accessibility_label"], 75, f"{at}/accessibility_label")
        if "confirm" in element:
            confirm = element["confirm"]
            _text_object(faults, confirm.get("title"), 100, f"{at}/confirm/title", plain=True)
            _text_object(faults, confirm.get("text"), 300, f"{at}/confirm/text")
            _text_object(faults, confirm.get("confirm"), 30, f"{at}/confirm/confirm", plain=True)
            _text_object(faults, confirm.get("deny"), 30, f"{at}/confirm/deny", plain=True)
        return total
    if kind in ("static_select", "overflow"):
        options = element.get("options") or []
        most = 5 if kind == "overflow" else 100
        if not 1 <= len(options) <= most:
            faults.add(f"must have 1 to {most} items", f"{at}/options")
        for n, option in enumerate(options):
            _text_object(faults, option.get("text"), 75, f"{at}/options/{n}/text")
            faults.length(option.get("value"), 150, f"{at}/options/{n}/value")
        if "initial_option" in element and element["initial_option"] not in options:
            faults.add("must match exactly one of the options", f"{at}/initial_option")
        return 0
    if kind == "plain_text_input" and where == "input":
        most = element.get("max_length", 3000)
        if not isinstance(most, int) or not 1 <= most <= 3000:
            faults.add("must be less than 3001", f"{at}/max_length")
        if "placeholder" in element:
            _text_object(faults, element["placeholder"], 150, f"{at}/placeholder", plain=True)
        return 0
    faults.add("unsupported element type", at)
    return 0


def _rich(faults: Faults, part: Any, at: str) -> int:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
        elements = part.get("elements")
        if not isinstance(elements, list) or not elements:
            faults.add("must provide elements", f"{at}/elements")
            return 0
        total = 0
        for n, leaf in enumerate(elements):
            where = f"{at}/elements/{n}"
            if leaf.get("type") == "text":
                if not isinstance(leaf.get("text"), str) or not leaf["text"]:
                    faults.add("must be more than 0 characters", f"{where}/text")
                else:
                    total += units(leaf["text"])
            elif leaf.get("type") == "link":
                if not str(leaf.get("url", "")).startswith(("http://", "https://")):
                    faults.add("invalid url", f"{where}/url")
                total += units(leaf.get("text", "") or leaf.get("url", ""))
            elif leaf.get("type") not in ("user", "emoji", "channel", "broadcast", "usergroup"):
                faults.add("unsupported element", where)
        return total
    if kind == "rich_text_list":
        if part.get("style") not in ("bullet", "ordered"):
            faults.add("must be a valid enum value", f"{at}/style")
        return sum(_rich(faults, item, f"{at}/elements/{n}") for n, item in enumerate(part.get("elements") or []))
    faults.add("unsupported element", at)
    return 0


def _block(faults: Faults, block: Any, at: str, surface: str) -> int:
    if not isinstance(block, dict):
        faults.add("must provide an object", at)
        return 0
    if "block_id" in block:
        faults.length(block["block_id"], 255, f"{at}/block_id")
    kind = block.get("type")
    if kind == "section":
        if "text" not in block and not block.get("fields"):
            faults.add("missing required field: text or fields", at)
        total = _text_object(faults, block["text"], 3000, f"{at}/text") if "text" in block else 0
        fields = block.get("fields", [])
        if len(fields) > 10:
            faults.add("no more than 10 items allowed", f"{at}/fields")
        total += sum(_text_object(faults, value, 2000, f"{at}/fields/{n}") for n, value in enumerate(fields))
        if "accessory" in block:
            total += _element(faults, block["accessory"], f"{at}/accessory", "section")
        return total
    if kind == "header":
        return _text_object(faults, block.get("text"), 150, f"{at}/text", plain=True)
    if kind == "divider":
        return 0
    if kind == "context":
        elements = block.get("elements") or []
        if not 1 <= len(elements) <= 10:
            faults.add("must have 1 to 10 items", f"{at}/elements")
        return sum(_text_object(faults, e, 2000, f"{at}/elements/{n}") for n, e in enumerate(elements))
    if kind == "actions":
        elements = block.get("elements") or []
        if not 1 <= len(elements) <= 25:
            faults.add("must have 1 to 25 items", f"{at}/elements")
        ids = [e.get("action_id") for e in elements if isinstance(e, dict) and "action_id" in e]
        for twice in {i for i in ids if ids.count(i) > 1}:
            faults.add(f"`action_id` {twice} already exists for this block", f"{at}/elements")
        return sum(_element(faults, e, f"{at}/elements/{n}", "actions") for n, e in enumerate(elements))
    if kind == "rich_text":
        parts = block.get("elements")
        if not isinstance(parts, list) or not parts:
            faults.add("must provide elements", f"{at}/elements")
            return 0
        return sum(_rich(faults, part, f"{at}/elements/{n}") for n, part in enumerate(parts))
    if kind == "input" and surface == "modal":
        _text_object(faults, block.get("label"), 2000, f"{at}/label", plain=True)
        if "hint" in block:
            _text_object(faults, block["hint"], 2000, f"{at}/hint", plain=True)
        if not isinstance(block.get("dispatch_action", False), bool):
            faults.add("must be a boolean", f"{at}/dispatch_action")
        element = block.get("element") or {}
        if element.get("type") not in ("plain_text_input", "static_select"):
            faults.add("unsupported element type", f"{at}/element")
        _element(faults, element, f"{at}/element", "input")
        return 0
    if kind == "image":
        faults.length(block.get("alt_text"), 2000, f"{at}/alt_text")
        return 0
    faults.add(f"unsupported type: {kind}", f"{at}/type")
    return 0


def check_blocks(blocks: Any, surface: str = "message") -> tuple[Faults, int]:
    """Faults with their places, and the sum of all text."""
    faults = Faults()
    if not isinstance(blocks, list):
        faults.add("must be an array", "/blocks")
        return faults, 0
    if len(blocks) > (50 if surface == "message" else 100):
        faults.add(f"no more than {50 if surface == 'message' else 100} items allowed", "/blocks")
    ids = [b.get("block_id") for b in blocks if isinstance(b, dict) and "block_id" in b]
    for twice in {i for i in ids if ids.count(i) > 1}:
        faults.add(f"`block_id` {twice} already exists", "/blocks")
    total = sum(_block(faults, block, f"/blocks/{n}", surface) for n, block in enumerate(blocks))
    return faults, total


def check_view(view: Any) -> Faults:
    faults = Faults()
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        faults.add("must be a view", "/view")
        return faults
    if extra := set(view) - _VIEW:
        faults.add(f"additional property: {sorted(extra)[0]}", "/view")
    if units(json.dumps(view)) > 250_000:
        faults.add("must be less than 250001 bytes", "/view")
    if view["type"] == "modal":
        _text_object(faults, view.get("title"), 24, "/view/title", plain=True)
        for part in ("submit", "close"):
            if part in view:
                _text_object(faults, view[part], 24, f"/view/{part}", plain=True)
        if "submit" not in view and any(b.get("type") == "input" for b in view.get("blocks", [])):
            faults.add("missing required field: submit", "/view")
    if units(view.get("private_metadata", "")) > 3000:
        faults.add("must be less than 3001 characters", "/view/private_metadata")
    if "callback_id" in view:
        faults.length(view["callback_id"], 255, "/view/callback_id")
    faults.extend(check_blocks(view.get("blocks"), "modal" if view["type"] == "modal" else "home")[0])
    return faults


# --- reading ---------------------------------------------------------------------------------------------------------


def mentions(text: str) -> list[str]:
    """What would notify somebody or become a link in a mrkdwn or `text` string."""
    return [m.group(0) for m in _CONTROL.finditer(text)]


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(value: Json) -> str:
    return _unescape(value["text"]) if value.get("type") == "mrkdwn" else str(value.get("text", ""))


def _rich_lines(part: Json) -> list[str]:
    if part["type"] == "rich_text_list":
        ordered = part.get("style") == "ordered"
        return [
            (f"{n}. " if ordered else "• ") + "".join(_rich_lines(item)) for n, item in enumerate(part["elements"], 1)
        ]
    text = "".join(
        f"@{leaf['user_id']}" if leaf["type"] == "user" else str(leaf.get("text") or leaf.get("url") or "")
        for leaf in part["elements"]
    )
    mark = "    " if part["type"] == "rich_text_preformatted" else ""
    return [mark + line for line in text.split("\n")]


def read_blocks(blocks: list[Json]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        kind = block["type"]
        if kind == "header":
            lines += [f"# {block['text']['text']}"]
        elif kind == "section":
            if "text" in block:
                lines += _shown(block["text"]).split("\n")
            lines += ["  " + _shown(field).replace("\n", " ") for field in block.get("fields", [])]
            if "accessory" in block and block["accessory"].get("type") == "button":
                lines[-1] += f"   [{block['accessory']['text']['text']}]"
        elif kind == "context":
            lines += ["~ " + "  ".join(_shown(element) for element in block["elements"])]
        elif kind == "rich_text":
            for part in block["elements"]:
                lines += _rich_lines(part)
        elif kind == "actions":
            lines += [" ".join(f"[{element['text']['text']}]" for element in block["elements"])]
        elif kind == "divider":
            lines += ["---"]
        elif kind == "input":
            lines += [f"{block['label']['text']}: ____"]
    return lines


def buttons(blocks: list[Json]) -> list[tuple[str, Json]]:
    """(block_id, button) of every button, in order."""
    found = []
    for n, block in enumerate(blocks):
        elements = block.get("elements", []) if block["type"] == "actions" else []
        elements = [*elements, *([block["accessory"]] if "accessory" in block else [])]
        found += [(block.get("block_id", f"b{n}"), e) for e in elements if e.get("type") == "button"]
    return found
