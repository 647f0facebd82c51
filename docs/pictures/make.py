"""Draws the pictures of the README from real answers: the bot runs as a process between the local Slack and Telegram, and what it
sent is laid out as the platforms would. Needs a headless Chromium and a font with Chinese letters: python docs/pictures/make.py"""

from __future__ import annotations

import asyncio
import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.e2e.harness import ADMIN, SUPPORT, Scene, scene  # noqa: E402

RIDDLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}"
STYLE = """
body{margin:0;font-family:Lato,'Noto Sans','Noto Sans CJK SC',sans-serif;font-size:15px;line-height:1.46;background:#fff;color:#1d1c1d}
.slack{padding:16px 20px}.slack .who{font-weight:700}.slack .app{background:#ddd;color:#616061;font-size:10px;border-radius:2px;padding:1px 3px;margin-left:4px}
.slack h3{font-size:18px;margin:6px 0}.slack pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;white-space:pre-wrap;font-size:12px;margin:4px 0}
.slack .btn{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:4px 12px;margin:6px 6px 0 0;font-weight:700;font-size:13px}
.slack .primary{background:#007a5a;color:#fff;border-color:#007a5a}.slack .danger{background:#e01e5a;color:#fff}
.slack .ctx{color:#616061;font-size:13px}.slack .only{color:#616061;font-size:12px;margin-bottom:4px}.slack .f{display:inline-block;width:48%;vertical-align:top}
.view .slack{padding:2px 0}.view .top{font-size:18px;border-bottom:1px solid #ddd;padding-bottom:8px;margin-bottom:8px}.view .in{margin:10px 0}
.view .box{border:1px solid #999;border-radius:4px;padding:7px 10px;margin-top:4px}.view .box span{float:right}.view .end{text-align:right;border-top:1px solid #ddd;margin-top:8px}
.tg{background:#dfe6ea;padding:16px}.tg .bubble{background:#fff;border-radius:12px;padding:8px 12px;max-width:430px;white-space:pre-wrap;font-size:14px}
.tg .kb{max-width:454px;display:flex;flex-wrap:wrap;gap:4px;margin-top:4px}.tg .kb div{flex:1 1 40%;background:rgba(80,110,130,.75);color:#fff;border-radius:8px;text-align:center;padding:8px 4px;font-size:13px}
.tg pre,.tg code{background:#f1f1f1;font-size:12px;white-space:pre-wrap;border-radius:4px;margin:2px 0;padding:2px 4px}.tg blockquote{border-left:3px solid #3390ec;margin:2px 0;padding:2px 8px;background:#eef5fc}
"""


def mrkdwn(text: str) -> str:
    text = re.sub(r"<(https?://[^|>]+)\|([^>]+)>", r'<a href="\1">\2</a>', text)
    text = re.sub(r"<(https?://[^>]+)>", r'<a href="\1">\1</a>', text)
    text = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", text)
    return text.replace("\n", "<br>")


def rich(elements: list[dict[str, Any]]) -> str:
    out = []
    for item in elements:
        kind = item.get("type")
        if kind in ("rich_text", "rich_text_section"):
            inner = rich(item["elements"])
            out.append(f"<div>{inner}</div>" if kind == "rich_text_section" else inner)
        elif kind == "rich_text_preformatted":
            out.append(f"<pre>{rich(item['elements'])}</pre>")
        elif kind == "rich_text_quote":
            out.append(f"<blockquote>{rich(item['elements'])}</blockquote>")
        elif kind == "rich_text_list":
            tag = "ol" if item.get("style") == "ordered" else "ul"
            out.append(f"<{tag}>" + "".join(f"<li>{rich([e])}</li>" for e in item["elements"]) + f"</{tag}>")
        elif kind == "text":
            text = html.escape(item["text"]).replace("\n", "<br>")
            style = item.get("style", {})
            out.append(f"<b>{text}</b>" if style.get("bold") else f"<code>{text}</code>" if style.get("code") else text)
        elif kind == "link":
            out.append(f'<a href="#">{html.escape(item.get("text") or item["url"])}</a>')
        elif kind == "emoji":
            out.append(
                {"red": "🔴", "large_yellow": "🟡", "large_green": "🟢", "white": "⚪"}[
                    item["name"].removesuffix("_circle")
                ]
            )
        elif kind == "user":
            out.append(f"<b>@{html.escape(item['user_id'])}</b>")
    return "".join(out)


def slack_html(blocks: list[dict[str, Any]], note: str) -> str:
    out = [
        f'<div class="only">{note}</div>' if note else "",
        '<span class="who">quotadesk</span><span class="app">APP</span>',
    ]
    for block in blocks:
        kind = block["type"]
        if kind == "header":
            out.append(f"<h3>{html.escape(block['text']['text'])}</h3>")
        elif kind == "section":
            text = block.get("text")
            if text:
                out.append(
                    f"<div>{mrkdwn(text['text']) if text['type'] == 'mrkdwn' else html.escape(text['text'])}</div>"
                )
            out += [f'<div class="f">{mrkdwn(f["text"])}</div>' for f in block.get("fields", [])]
        elif kind == "context":
            out.append('<div class="ctx">' + " ".join(mrkdwn(e.get("text", "")) for e in block["elements"]) + "</div>")
        elif kind == "rich_text":
            out.append(rich([block]))
        elif kind == "actions":
            out += [
                f'<span class="btn {e.get("style", "")}">{html.escape(e["text"]["text"])}</span>'
                for e in block["elements"]
            ]
        elif kind == "divider":
            out.append("<hr>")
    return f'<div class="slack">{"".join(out)}</div>'


def view_html(view: dict[str, Any]) -> str:
    """A modal or a Home tab."""
    out = [f'<div class="top"><b>{html.escape(view["title"]["text"])}</b></div>'] if "title" in view else []
    for block in view["blocks"]:
        if block["type"] != "input":
            out.append(
                slack_html([block], "").replace('<span class="who">quotadesk</span><span class="app">APP</span>', "")
            )
            continue
        chosen = block["element"].get("initial_option") or {"text": {"text": ""}}
        out.append(f'<div class="in"><b>{html.escape(block["label"]["text"])}</b>')
        out.append(f'<div class="box">{html.escape(chosen["text"]["text"])} <span>⌄</span></div>')
        out.append(f'<div class="ctx">{html.escape(block.get("hint", {}).get("text", ""))}</div></div>')
    if "submit" in view:
        close, submit = (html.escape(view[name]["text"]) for name in ("close", "submit"))
        out.append(f'<div class="end"><span class="btn">{close}</span><span class="btn primary">{submit}</span></div>')
    return f'<div class="slack view">{"".join(out)}</div>'


def telegram_html(message: dict[str, Any]) -> str:
    text, tags = (
        message["text"],
        {
            "bold": "b",
            "pre": "pre",
            "code": "code",
            "blockquote": "blockquote",
            "expandable_blockquote": "blockquote",
            "italic": "i",
            "text_link": "u",
        },
    )
    units = text.encode("utf-16-le")
    marks: dict[int, list[str]] = {}
    for span in sorted(message.get("entities", []), key=lambda s: (s["offset"], -s["length"])):
        if tag := tags.get(span["type"]):
            marks.setdefault(span["offset"], []).append(f"<{tag}>")
            marks.setdefault(span["offset"] + span["length"], []).insert(0, f"</{tag}>")
    out, last = [], 0
    for at in sorted(marks):
        out.append(html.escape(units[last * 2 : at * 2].decode("utf-16-le")) + "".join(marks[at]))
        last = at
    out.append(html.escape(units[last * 2 :].decode("utf-16-le")))
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    keys = "".join(f"<div>{html.escape(b['text'])}</div>" for row in rows for b in row)
    text = "".join(out).replace("</pre>\n", "</pre>")  # a block ends its line by itself
    return f'<div class="tg"><div class="bubble">{text}</div><div class="kb">{keys}</div></div>'


def shoot(name: str, body: str, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("A headless Chromium is needed to draw the pictures.")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}", encoding="utf-8")
        height = 2400
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--disable-component-update",
            "--disable-sync",
        ]
        subprocess.run(
            [
                browser,
                *flags,
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{height}",
                f"--screenshot={folder}/shot.png",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        from PIL import Image, ImageChops

        with Image.open(f"{folder}/shot.png") as shot:
            picture = shot.convert("RGB")
            plain = Image.new("RGB", picture.size, (255, 255, 255))
            box = ImageChops.difference(picture, plain).getbbox() or (0, 0, width, height)
            picture.crop((0, 0, width, min(height, box[3] + 12))).quantize(200).save(
                HERE / f"{name}.png", optimize=True
            )
    print(name)


async def slack_pictures(s: Scene, language: str) -> None:
    only = {"en": "Only visible to you", "zh": "仅对你可见"}[language]
    await s.slack.slash("U0BOB", "C0TEAM", "/balance")
    board = await s.slack.wait_for(
        lambda m: "balance.refresh" in " ".join(m.action_ids) and "deepseek-backup" in s.slack.render_text(m), 15
    )
    shoot(f"slack-balance-{language}", slack_html(board.blocks, only), 720)
    await s.slack.slash("U0BOB", "C0TEAM", "/diagnose", RIDDLE)
    answer = await s.slack.wait_for(
        lambda m: (
            "switch.plan" in " ".join(m.action_ids)
            and "402" in s.slack.render_text(m)
            and "Insufficient" in s.slack.render_text(m)
        ),
        15,
    )
    shoot(f"slack-diagnose-{language}", slack_html(answer.blocks, only), 720)
    await s.slack.slash("U0ADMIN", "C0TEAM", "/switch", "query deepseek-backup")
    plan = await s.slack.wait_for(lambda m: m.channel == "C0TEAM" and "switch.confirm" in m.action_ids, 15)
    shoot(f"slack-switch-{language}", slack_html(plan.blocks, only), 720)
    await s.slack.slash("U0ADMIN", "C0TEAM", "/switch")
    engines = await s.slack.wait_for(lambda m: "switch.choose" in m.action_ids, 15)
    await s.slack.press("U0ADMIN", engines, "switch.choose")
    await s.slack.until(lambda: bool(s.slack.views))
    view = next(iter(s.slack.views.values()))
    await s.slack.choose("U0ADMIN", view, "model", "deepseek-chat")
    await s.slack.until(lambda: "→ deepseek-chat" in str(view["blocks"]))
    shoot(f"slack-choose-{language}", view_html(view), 560)
    await s.slack.open_home("U0ADMIN")
    await s.slack.until(lambda: "U0ADMIN" in s.slack.homes, 15)
    shoot(f"slack-home-{language}", view_html(s.slack.homes["U0ADMIN"]), 720)
    await s.slack.slash("U0BOB", "C0TEAM", "/quota", "help")
    page = await s.slack.wait_for(lambda m: "/quota oncall" in s.slack.render_text(m), 15)
    shoot(f"slack-help-{language}", slack_html(page.blocks, only), 720)
    await s.slack.press("U0BOB", answer, "diagnose.escalate")
    note = await s.slack.wait_for(lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in " ".join(m.action_ids), 15)
    shoot(f"slack-note-{language}", slack_html(note.blocks, "#support"), 720)


async def telegram_pictures(s: Scene, language: str) -> None:
    async def with_button(chat: int, data: str, text: str = "") -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            for message in reversed(s.telegram.seen(chat)):
                rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
                if text in message.get("text", "") and any(
                    data in str(b.get("callback_data", "")) for row in rows for b in row
                ):
                    return message
            return None

        return await s.telegram.until(look, 15)

    await s.telegram.say(ADMIN, ADMIN, "/balance")
    shoot(f"telegram-balance-{language}", telegram_html(await with_button(ADMIN, "balance.refresh")), 500)
    await s.telegram.say(ADMIN, ADMIN, f"/diagnose {RIDDLE}")
    shoot(
        f"telegram-diagnose-{language}",
        telegram_html(await with_button(ADMIN, "switch.plan:query", "Insufficient")),
        500,
    )
    await s.telegram.say(ADMIN, ADMIN, "/switch query deepseek-backup")
    shoot(f"telegram-switch-{language}", telegram_html(await with_button(ADMIN, "switch.confirm")), 500)
    await s.telegram.say(ADMIN, ADMIN, "/quota oncall")
    shoot(
        f"telegram-oncall-{language}",
        telegram_html(
            await s.telegram.until(
                lambda: next(
                    (
                        m
                        for m in reversed(s.telegram.seen(ADMIN))
                        if "Alice" in m.get("text", "") and "QueryEngine" not in m.get("text", "")
                    ),
                    None,
                ),
                15,
            )
        ),
        500,
    )
    shoot(f"telegram-note-{language}", telegram_html(await with_button(SUPPORT, "ticket.ack")), 500)


async def main() -> None:
    for language in ("en", "zh"):
        with tempfile.TemporaryDirectory() as folder:
            async with scene(Path(folder), language=language) as s:
                for user in s.slack.users.values():
                    user["locale"] = {"en": "en-US", "zh": "zh-CN"}[language]
                s.telegram.people[ADMIN]["language_code"] = language
                await slack_pictures(s, language)
                await telegram_pictures(s, language)


if __name__ == "__main__":
    asyncio.run(main())
