"""Both bare echoes in one process: what cold start and memory are held against. `python -m bench.echo_both PORT`."""

from __future__ import annotations

from bench import echo_slack, echo_telegram

if __name__ == "__main__":
    echo_slack.main(echo_slack.add_to, echo_telegram.add_to)
