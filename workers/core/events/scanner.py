"""The bytes of a plain canonical event -> a few numbers, without making an object of anything.

`Scanner.scan` takes what is quite usual. The rest it leaves to `decoding.decode_event` and `schemas.events`: an
escape, a character beyond ASCII, a field it does not know or sees twice, another zone than Z, an exponent, an event
whose attributes a rule reads. It takes nothing that those refuse or change, and reads nothing otherwise: a law of the
tests.

In plain Python, reading byte by byte takes ten times as long as msgspec. There it takes what `checked` takes.
"""

from collections.abc import Collection, Sequence
from typing import Final

from schemas.events import MAX_ATTRIBUTES, MAX_BODY_BYTES, MAX_ID_BYTES, MAX_TEXT_BYTES
from workers.core.events.checked import checked
from workers.core.events.decoding import epoch_ms, scaled
from workers.core.events.fingerprint import Fingerprint
from workers.core.events.plain import PlainEvent, currency_number
from workers.core.memory import Numbers

_IS_COMPILED: Final = not __file__.endswith((".py", ".pyc"))

_DAY_MS: Final = 86_400_000
_DAYS_TO_1970: Final = 719_468
"""From the first of March of the year 0, when the days of `_instant` begin."""
_NO_TIME: Final = -1_000_000
"""Stands for two characters that are no number: no sum with it is a part of a moment."""
_MOST_DIGITS: Final = 18
"""A whole number of as many digits fits into 64 bits."""
_MOST_DIGITS_OF_FLOAT: Final = 15
"""A number of as many digits stays the same when another reader makes a float of it."""
_LARGEST_AMOUNT: Final = 10**16
"""In ten-thousandths."""
_WHOLE_DIGITS: Final = 13
"""The largest amount has as many."""

_MAX_BODY: Final = MAX_BODY_BYTES
_MAX_ID: Final = MAX_ID_BYTES
_MAX_TEXT: Final = MAX_TEXT_BYTES
_MAX_NUMBER: Final = MAX_ATTRIBUTES
_ROOM_OF_TYPE: Final = 65

# The fields, each a bit.
_EVENT_ID: Final = 1
_TYPE: Final = 2
_CUSTOMER: Final = 4
_OCCURRED: Final = 8
_AMOUNT: Final = 16
_CURRENCY: Final = 32
_ORDER: Final = 64
_WHAT: Final = 128
_REASON: Final = 256
_EFFECTIVE: Final = 512
_HISTORY: Final = 1024
_ATTRIBUTES: Final = 2048
_NEEDED: Final = _EVENT_ID | _TYPE | _CUSTOMER | _OCCURRED
_MONEY: Final = _AMOUNT | _CURRENCY
_OF_EVERY_TYPE: Final = _NEEDED | _HISTORY | _ATTRIBUTES
_FIELDS_OF: Final = {
    "purchase": _OF_EVERY_TYPE | _MONEY | _ORDER,
    "login": _OF_EVERY_TYPE,
    "cancellation": _OF_EVERY_TYPE | _WHAT | _REASON | _EFFECTIVE,
}
_FIELDS_OF_DECLARED: Final = _OF_EVERY_TYPE | _MONEY


class Scanner:
    """Reads plain events of the types of a rule set, one after the other.

    What is found is valid until the next event is read, and only if it was taken.

    Attributes:
        type_place: the place of the event's type among those that were given.
        at_ms: when it happened, in epoch milliseconds.
        amount: in ten-thousandths, 0 if it has none.
        currency: of the amount, as a number (`plain.currency_number`); 0 if it has none.
        history_ms: up to when it is history, in epoch milliseconds; 0 if it is not.
        raw: the bytes in which the ids are: of the whole event or, in plain Python, of the ids.
        customer_at, customer_size: where the customer's id is in `raw`.
        event_id_at, event_id_size: where the event's id is.
    """

    def __init__(self, types: Sequence[str], plain: Collection[str]) -> None:
        """Prepare to read events.

        Args:
            types: every known event type; each has the place that it has here.
            plain: those whose events are taken. Of them nothing is read but what is found here.
        """
        self.types = list(types)
        self.plain = frozenset(plain)
        self.number = len(self.types)
        self.names = b"".join(bytes([len(name)]) + name.encode().ljust(_ROOM_OF_TYPE - 1) for name in types)
        self.name = self.names
        self._allowed = Numbers(self.number)
        self.allowed = self._allowed.numbers()
        for place in range(self.number):
            if self.types[place] in self.plain:
                self.allowed[place] = _FIELDS_OF.get(self.types[place], _FIELDS_OF_DECLARED)
        self.purchase = self.types.index("purchase") if "purchase" in self.types else -1
        self.fingerprints = [Fingerprint(name) for name in types]
        self.raw = self.given = b""
        self.type_place = self.at_ms = self.amount = self.currency = self.history_ms = 0
        self.customer_at = self.customer_size = self.event_id_at = self.event_id_size = 0
        self.at = self.end = self.text = self.size = 0

    def scan(self, raw: bytes, latest_ms: int) -> bool:
        """Read an event; return whether it is taken.

        Args:
            raw: its bytes.
            latest_ms: the event, and the end of the history that it is, lie before this moment, in epoch ms.
        """
        return self.read(raw, latest_ms) if _IS_COMPILED else self.decode(raw, latest_ms)

    def event_type(self) -> str:
        """Return the event's type."""
        return self.types[self.type_place]

    def customer_id(self) -> str:
        """Return the customer's id."""
        return self.raw[self.customer_at : self.customer_at + self.customer_size].decode()

    def event_id(self) -> str:
        """Return the event's id."""
        return self.event_id_bytes().decode()

    def event_id_bytes(self) -> bytes:
        """Return the event's id as UTF-8."""
        return self.raw[self.event_id_at : self.event_id_at + self.event_id_size]

    def is_of(self, key: bytes | None) -> bool:
        """Return whether these bytes, such as a record's key, are the customer's id."""
        return key is not None and self.raw[self.customer_at : self.customer_at + self.customer_size] == key

    def takes(self, raw: bytes, key: bytes | None, latest_ms: int) -> bool:
        """Read the event of a record; return whether it is taken, is of the customer of the key, and is no history.

        Args:
            raw: the record's value.
            key: the record's key.
            latest_ms: as for `scan`.
        """
        return self.scan(raw, latest_ms) and not self.history_ms and self.is_of(key)

    def event(self) -> PlainEvent:
        """Return the event that was taken."""
        return PlainEvent(
            self.type_place, self.at_ms, self.amount, self.fingerprint(), self.event_id_bytes(), self.currency
        )

    def fingerprint(self) -> int:
        """Return the hash of type and event id as a number: that of `DecodedEvent.fingerprint`."""
        by_type = self.fingerprints[self.type_place]
        return by_type.of(self.raw, self.event_id_at, self.event_id_size)

    # -- by msgspec ----------------------------------------------------------------------------------------------

    def decode(self, raw: bytes, latest_ms: int) -> bool:
        """Read an event as `scan` does in plain Python."""
        wire = checked(raw, self.plain, latest_ms)
        if wire is None or "amount" in wire.attributes:
            return False
        self.type_place = self.types.index(wire.type)
        self.at_ms = epoch_ms(wire.occurred_at)
        self.amount = scaled(wire.amount)
        self.currency = 0 if wire.currency is None else currency_number(wire.currency)
        self.history_ms = 0 if wire.history_until is None else epoch_ms(wire.history_until)
        customer, event_id = wire.customer_id.encode(), wire.event_id.encode()
        self.raw = customer + event_id
        self.customer_at, self.customer_size = 0, len(customer)
        self.event_id_at, self.event_id_size = len(customer), len(event_id)
        return True

    # -- byte by byte --------------------------------------------------------------------------------------------

    def read(self, raw: bytes, latest_ms: int) -> bool:
        """Read an event as `scan` does when compiled."""
        self.raw = raw
        self.given = raw
        self.at, self.end = 0, len(raw)
        if self.end > _MAX_BODY or self._next() != 123:
            return False
        self.amount = self.currency = self.history_ms = 0
        seen = 0
        while True:
            field = self._field()
            if not field or seen & field or not self._value(field):
                return False
            seen |= field
            after = self._next()
            if after == 125:
                break
            if after != 44:
                return False
        return self._next() < 0 and self._is_whole(seen, latest_ms)

    def _is_whole(self, seen: int, latest_ms: int) -> bool:
        """Return whether these fields make an event that has happened."""
        if seen & _NEEDED != _NEEDED or seen & ~self.allowed[self.type_place]:
            return False
        money = seen & _MONEY
        if money != _MONEY and (money or self.type_place == self.purchase):
            return False
        return self.at_ms < latest_ms and self.history_ms < latest_ms

    def _value(self, field: int) -> bool:
        """Read the value of a field; return whether it is usual."""
        if field == _ATTRIBUTES:
            return self._attributes()
        first = self._next()
        if first != 34:
            return field == _AMOUNT and 48 <= first <= 57 and self._bare_amount()
        if not self._text():
            return False
        if field == _OCCURRED:
            self.at_ms = self._instant(self.text, self.size)
            return self.at_ms >= 0
        if field == _TYPE:
            self.type_place = self._place()
            return self.type_place >= 0
        if field == _CUSTOMER:
            self.customer_at, self.customer_size = self.text, self.size
            return self._is_id()
        if field == _EVENT_ID:
            self.event_id_at, self.event_id_size = self.text, self.size
            return self._is_id()
        if field == _AMOUNT:
            self.amount = self._money(self.text, self.size, _MOST_DIGITS)
            return self.amount >= 0
        if field == _CURRENCY:
            return self._is_currency()
        if field == _ORDER:
            return self._is_id()
        if field == _HISTORY:
            self.history_ms = self._instant(self.text, self.size)
            return self.history_ms >= 0
        if field == _EFFECTIVE:
            return self._instant(self.text, self.size) >= 0
        return self.size <= _MAX_TEXT

    def _next(self) -> int:
        """Return the next character that is no blank, and go on behind it; -1 at the end."""
        given, at, end = self.given, self.at, self.end
        while at < end:
            character = given[at]
            at += 1
            if character > 32 or not (character == 32 or character == 10 or character == 13 or character == 9):
                self.at = at
                return character
        self.at = at
        return -1

    def _text(self) -> bool:
        """Read a text up to its closing quote, and go on behind it; return whether all of it is plain."""
        given, at, end = self.given, self.at, self.end
        self.text = at
        while at < end:
            character = given[at]
            if character == 34:
                self.size = at - self.text
                self.at = at + 1
                return True
            if character < 32 or character > 126 or character == 92:
                return False
            at += 1
        return False

    def _field(self) -> int:
        """Read a key and the colon behind it; return its field, 0 for one that is not known."""
        if self._next() != 34 or not self._text() or self._next() != 58:
            return 0
        size = self.size
        if size == 4:
            return _TYPE if self._is(b"type") else _WHAT if self._is(b"what") else 0
        if size == 6:
            return _AMOUNT if self._is(b"amount") else _REASON if self._is(b"reason") else 0
        if size == 8:
            if self._is(b"event_id"):
                return _EVENT_ID
            return _CURRENCY if self._is(b"currency") else _ORDER if self._is(b"order_id") else 0
        if size == 10:
            return _ATTRIBUTES if self._is(b"attributes") else 0
        if size == 11:
            return _CUSTOMER if self._is(b"customer_id") else _OCCURRED if self._is(b"occurred_at") else 0
        if size == 12:
            return _EFFECTIVE if self._is(b"effective_at") else 0
        return _HISTORY if size == 13 and self._is(b"history_until") else 0

    def _is(self, name: bytes) -> bool:
        """Return whether the text, which is as long as this name, is the name."""
        given, at, wanted = self.given, self.text, name
        for place in range(self.size):
            if given[at + place] != wanted[place]:
                return False
        return True

    def _place(self) -> int:
        """Return the place of the type that the text names, -1 if none does."""
        given, name, text, size = self.given, self.name, self.text, self.size
        for place in range(self.number):
            at = _ROOM_OF_TYPE * place
            if name[at] != size:
                continue
            same = 0
            while same < size and name[at + 1 + same] == given[text + same]:
                same += 1
            if same == size:
                return place if self.allowed[place] else -1
        return -1

    def _is_id(self) -> bool:
        """Return whether the text is an id; one that begins with a blank is left to others."""
        return 0 < self.size <= _MAX_ID and self.given[self.text] != 32

    def _is_currency(self) -> bool:
        """Keep the currency; return whether the text is three capital letters."""
        if self.size != 3:
            return False
        for place in range(self.text, self.text + 3):
            if not 65 <= self.given[place] <= 90:
                return False
        at = self.text
        self.currency = self.given[at] << 16 | self.given[at + 1] << 8 | self.given[at + 2]
        return True

    def _two(self, at: int) -> int:
        """Return the number that two characters are, `_NO_TIME` if they are none."""
        tens, ones = self.given[at] - 48, self.given[at + 1] - 48
        return 10 * tens + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else _NO_TIME

    def _instant(self, at: int, size: int) -> int:
        """Return a moment from 1970 to 9998, such as `2024-01-01T00:00:00.123Z`, in epoch milliseconds; else -1.

        The days are counted as in Howard Hinnant's `days_from_civil`.
        """
        given = self.given
        if size < 20 or size > 27 or given[at + 10] != 84 or given[at + size - 1] != 90:
            return -1
        if given[at + 4] != 45 or given[at + 7] != 45 or given[at + 13] != 58 or given[at + 16] != 58:
            return -1
        year = 100 * self._two(at) + self._two(at + 2)
        month, day = self._two(at + 5), self._two(at + 8)
        hour, minute, second = self._two(at + 11), self._two(at + 14), self._two(at + 17)
        if not (1970 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= 31):
            return -1
        if day > 28 and day > self._days(year, month):
            return -1
        if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
            return -1
        thousandths = 0 if size == 20 else self._thousandths(at + 19, size - 20)
        if thousandths < 0:
            return -1
        if month <= 2:
            year -= 1
            month += 12
        days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1
        return (days - _DAYS_TO_1970) * _DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + thousandths

    def _days(self, year: int, month: int) -> int:
        """Return the number of days of a month."""
        if month == 2:
            return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
        return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31

    def _thousandths(self, at: int, size: int) -> int:
        """Return a point and at most six digits in thousandths, what is finer cut off; -1 for anything else."""
        given = self.given
        if size < 2 or given[at] != 46:
            return -1
        thousandths, scale = 0, 100
        for place in range(at + 1, at + size):
            digit = given[place] - 48
            if digit < 0 or digit > 9:
                return -1
            thousandths += digit * scale
            scale //= 10
        return thousandths

    def _bare_amount(self) -> bool:
        """Read an amount that is a number without quotes; its first digit has been read."""
        given, start = self.given, self.at - 1
        while self.at < self.end and (48 <= given[self.at] <= 57 or given[self.at] == 46):
            self.at += 1
        self.amount = self._money(start, self.at - start, _MOST_DIGITS_OF_FLOAT)
        return self.amount >= 0

    def _money(self, at: int, size: int, most_digits: int) -> int:
        """Return an amount in ten-thousandths, rounded half to even; -1 for one that is unusual."""
        given = self.given
        value, digits, decimals = 0, 0, -1
        for place in range(at, at + size):
            digit = given[place] - 48
            if digit == -2 and digits and decimals < 0:
                decimals = 0
                continue
            if digit < 0 or digit > 9 or digits == most_digits:
                return -1
            value = 10 * value + digit
            digits += 1
            if decimals >= 0:
                decimals += 1
        if not digits or not decimals:
            return -1
        if decimals < 0:
            decimals = 0
        if digits - decimals > _WHOLE_DIGITS or (digits - decimals > 1 and given[at] == 48):
            return -1
        rest = 0
        while decimals < 4:
            value *= 10
            decimals += 1
        if decimals > 4:
            scale = 1
            while decimals > 4:
                scale *= 10
                decimals -= 1
            rest = value % scale
            value //= scale
            if value < _LARGEST_AMOUNT and (2 * rest > scale or (2 * rest == scale and value % 2)):
                value += 1
                rest = 0
        return value if value < _LARGEST_AMOUNT or (value == _LARGEST_AMOUNT and not rest) else -1

    def _attributes(self) -> bool:
        """Read attributes that no rule reads; return whether others would read them, too, and none is an amount."""
        if self._next() != 123:
            return False
        number, after = 0, self._next()
        if after == 125:
            return True
        while after == 34 and number < _MAX_NUMBER:
            if not self._text() or (self.size == 6 and self._is(b"amount")):
                return False
            if self._next() != 58 or not self._scalar():
                return False
            number += 1
            after = self._next()
            if after == 125:
                return True
            if after != 44:
                return False
            after = self._next()
        return False

    def _scalar(self) -> bool:
        """Read the value of an attribute; return whether it is a plain text, number, true, false or null."""
        first = self._next()
        if first == 34:
            return self._text() and self.size <= _MAX_TEXT
        if first == 116:
            return self._is_word(b"true")
        if first == 102:
            return self._is_word(b"false")
        if first == 110:
            return self._is_word(b"null")
        if first == 45:
            if self.at >= self.end:
                return False
            first = self.given[self.at]
            self.at += 1
        if first < 48 or first > 57:
            return False
        more = self._digits()
        if (first == 48 and more) or more >= _MOST_DIGITS:
            return False
        if self.at < self.end and self.given[self.at] == 46:
            self.at += 1
            more = self._digits()
            return 0 < more <= _MOST_DIGITS
        return True

    def _digits(self) -> int:
        """Read digits; return how many there are."""
        given, start = self.given, self.at
        while self.at < self.end and 48 <= given[self.at] <= 57:
            self.at += 1
        return self.at - start

    def _is_word(self, word: bytes) -> bool:
        """Read a word, whose first letter has been read; return whether it is this."""
        self.text, self.size = self.at - 1, len(word)
        self.at += self.size - 1
        return self.at <= self.end and self._is(word)
