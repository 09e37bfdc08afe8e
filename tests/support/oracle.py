"""The actions that are left, as a mailer sees them: the newest record per action id counts; a retraction is final."""

from collections.abc import Iterable

from schemas.actions import Action, Decision, encode


def left(decisions: Iterable[Action | Decision]) -> dict[str, bytes]:
    """Return the actions that are not retracted, as published bytes by id."""
    newest: dict[str, Action] = {}
    for decision in decisions:
        if isinstance(decision, Action) and not _is_retracted(newest.get(decision.action_id)):
            newest[decision.action_id] = decision
    return {name: encode(action) for name, action in newest.items() if action.status == "active"}


def _is_retracted(action: Action | None) -> bool:
    return action is not None and action.status == "retracted"
