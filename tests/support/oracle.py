"""The actions that are left: the view of a mailer that keeps the newest record per action id."""

from collections.abc import Iterable

from schemas.actions import Action, Decision, encode


def left(decisions: Iterable[Action | Decision]) -> dict[str, bytes]:
    """Return the actions that are not retracted, as published bytes by id."""
    newest: dict[str, Action] = {}
    for decision in decisions:
        if isinstance(decision, Action):
            newest[decision.action_id] = decision
    return {name: encode(action) for name, action in newest.items() if action.status == "active"}
