"""What every elementary condition says of how it is written, so that readers of rule files know no kind by name."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

from schemas.conditions.filters import event_and_filter
from schemas.conditions.uses import AttributeType, AttributeUse, uses_of_filter
from schemas.conditions.words import Strict

Way = Literal["value", "sum", "sums", "mean", "moment"]
"""What is done with an attribute: its latest value is compared with values or bounds; it is added up, and the sum has
bounds; it is added up in two windows, which are compared; the mean has bounds; it is a moment, compared with now."""

_NEEDED: Final[Mapping[Way | None, AttributeType]] = {
    "sum": "number",
    "sums": "number",
    "mean": "number",
    "moment": "moment",
}
"""Of what type an attribute must be; its latest value may be of any."""


class Elementary(Strict):
    """A condition without other conditions in it.

    Attributes:
        naming: the key whose value names an event type, or an event type and an attribute with a dot between; "" for
            none.
        one_of: the keys that can name it instead; exactly one of them is there. Empty: only `naming` can.
        against: keys whose values may be another measurement of the customer, as a text.
        steps: keys whose values are an event type, or a mapping with `event` and `where`.
        compares: what it does with the attribute that it names; None for nothing.
        also_written: by its word, and by keys that it alone has, what people write instead: words with blanks
            between, and `_` for a blank in one.
        meant_keys: by a key that people write in it, the key that they mean.
        elsewhere: by a key that people write in it, how what they want is written.
        alone: by a text that people write instead of the condition, how it is written.
        begun: by a first word for which there is a key below another one, how the condition is written.
        lacking: by a key that is missing, how the condition is written; otherwise an example of the key is shown.
    """

    naming: ClassVar[str] = ""
    one_of: ClassVar[tuple[str, ...]] = ()
    against: ClassVar[tuple[str, ...]] = ()
    steps: ClassVar[tuple[str, ...]] = ()
    compares: ClassVar[Way | None] = None
    also_written: ClassVar[Mapping[str, str]] = {}
    meant_keys: ClassVar[Mapping[str, str]] = {}
    elsewhere: ClassVar[Mapping[str, str]] = {}
    alone: ClassVar[Mapping[str, str]] = {}
    begun: ClassVar[Mapping[str, str]] = {}
    lacking: ClassVar[Mapping[str, str]] = {}

    @property
    def named(self) -> str:
        """The event type that it names, perhaps with a dot and an attribute; "" for none."""
        named: str = getattr(self, self.naming.replace(" ", "_"), "")
        return named

    def events(self) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yield the events that it names, each as a type and a filter; None for every event of the type."""
        if self.named:
            yield self.named.partition(".")[0], getattr(self, "where", None)
        for key in self.steps:
            if (step := getattr(self, key, None)) is not None:
                yield event_and_filter(step)

    def uses(self) -> Iterator[AttributeUse]:
        """Yield every use of an attribute that needs a type."""
        kind = _NEEDED.get(self.compares)
        if kind is not None and "." in self.named:
            yield AttributeUse(self.named, kind)
        for event_type, where in self.events():
            yield from uses_of_filter(event_type, where)

    def observed(self) -> set[str]:
        """Return the attributes that it compares or adds up, as `type.attribute`, and perhaps event types."""
        return {self.named}

    def shares(self) -> set[Decimal]:
        """Return the shares of all customers, in percent, whose thresholds it needs."""
        return set()

    def measured_by(self, measured: Any, amounts: Mapping[str, Any]) -> "Elementary":
        """Return the condition as it is meant with what one file says for all rules.

        Args:
            measured: how the value of a customer is measured (`schemas.conditions.value.Measured`); None if no file
                says it.
            amounts: the amounts that a condition can name, such as `cost of winning`.
        """
        return self

    def told_apart(self) -> tuple[str, ...]:
        """Return the attributes whose distinct values it counts, each as `type.attribute`."""
        return ()
