"""What was typed, pressed or filled in at the terminal, through the gate and made into requests."""

from __future__ import annotations

import itertools
from dataclasses import replace

from bot.model.chat import Action, CleanText, Form, Found, MessageRef, Person, Place, Request, Role, SecretSeen
from bot.ports import Clock, Wording
from bot.redaction.gate import Gate


class Requests:
    """From what was typed at the terminal to a Request: everything passes the gate here."""

    def __init__(self, gate: Gate, clock: Clock, person: Person, place: Place, role: Role) -> None:
        self._gate, self._clock = gate, clock
        self._person, self._place, self._role = person, place, role
        self._count = itertools.count(1)

    def typed(self, words: Wording, command: str, text: str) -> Request:
        """A command with its text; the command's name passes the gate as well, for it may be said back."""
        cleaned = self._gate.clean(text)
        # A word that is no command's form still passes the gate: it is said back in "there is no command called …".
        return self.make(words, self._gate.clean(command).text.text, cleaned.text, cleaned.found)

    def pressed(self, words: Wording, action: Action, ref: MessageRef) -> Request:
        """As if a button under the message `ref` had been pressed."""
        return self.make(
            words,
            action.id.partition(".")[0],
            self._gate.trusted(action.value),
            Found(),
            action=action.id,
            value=action.value,
            message=ref,
        )

    def submitted(self, words: Wording, form: Form, ref: MessageRef, fields: dict[str, str]) -> Request:
        """A form's fields by name, each through the gate by itself; what was found is counted together."""
        counts: dict[str, int] = {}
        secrets: list[SecretSeen] = []
        clean: dict[str, CleanText] = {}
        for name, value in fields.items():
            one = self._gate.clean(value)
            clean[name] = one.text
            secrets += one.found.secrets
            for kind, count in one.found.counts.items():
                counts[kind] = counts.get(kind, 0) + count
        return replace(
            self.make(
                words,
                form.id.partition(".")[0],
                self._gate.trusted(form.value),
                Found(counts, tuple(secrets)),
            ),
            action=form.id,
            value=form.value,
            message=ref,
            fields=clean,
        )

    def make(
        self,
        words: Wording,
        command: str,
        text: CleanText,
        found: Found,
        *,
        action: str | None = None,
        value: str = "",
        message: MessageRef | None = None,
    ) -> Request:
        """With the next number, and received now; the person is always the one who sits here."""
        return Request(
            command=command,
            text=text,
            asker=self._person,
            place=self._place,
            language=words.language,
            timezone=words.timezone,
            received_at=self._clock.now(),
            id=f"terminal:{next(self._count)}",
            found=found,
            action=action,
            value=value,
            message=message,
            role=self._role,
        )
