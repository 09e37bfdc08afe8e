"""What `linger rules explain` says of the block `book`."""

from schemas.rules import RuleBook, RuleFile
from tests.support.builders import TYPES
from workers.explain.bookkeeping import book_explained, lines_of_book

TYPES_HERE = {*TYPES, "complaint", "renewal", "refund", "order"}


def said(written: dict[str, object], **more: object) -> dict[str, str]:
    file = RuleFile.model_validate({"book": written, **more})
    (entry,) = book_explained(RuleBook(book=file.book, value=file.value), TYPES_HERE)
    phrases: dict[str, str] = entry["book"]
    return phrases


def test_what_is_not_written_is_not_explained() -> None:
    assert book_explained(RuleBook(), TYPES_HERE) == []


def test_every_word_of_the_block_is_explained_with_what_holds_where_it_says_nothing() -> None:
    assert said({"purchase": ["purchase", "order"], "contract": "renewal"}) == {
        "purchase": "purchase or order",
        "revenue": "purchase.amount and order.amount",
        "cancellation": "cancellation, for the reason in cancellation.reason",
        "failed renewal": "nothing: no such event type",
        "complaint": "complaint, about what is in complaint.about",
        "recommends": "nothing: no such event type",
        "contract": "renewal begins one or goes on with it",
        "break after": "a customer is back with a purchase 90 days or more after the one before",
    }


def test_revenue_is_what_value_says() -> None:
    value = {"revenue": ["purchase.amount"], "less": ["refund.amount"], "currency": "EUR"}
    assert said({"break after": "30 days"}, value=value)["revenue"] == "purchase.amount, less refund.amount"


def test_without_the_event_types_everything_is_taken_to_exist() -> None:
    file = RuleFile.model_validate({"book": {"recommends": "survey.answer"}})
    (entry,) = book_explained(RuleBook(book=file.book), None)
    lines = list(lines_of_book(entry))
    assert lines[0] == "book: what is counted over all customers"
    assert "  recommends: survey.answer, from 0 to 10" in lines
    assert "  failed renewal: renewal_failed" in lines
    assert lines[-1] == ""
