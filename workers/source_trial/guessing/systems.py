"""Systems for which a pack is shipped, recognised by the structure of their records."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

__all__ = ["system_of"]

_SEGMENT_CALLS: Final = frozenset({"track", "identify", "page", "screen", "group", "alias"})
_COMMERCE: Final = ("com.adobe.commerce.", "observer.", "plugin.")
Headers = Mapping[str, str]
"""The headers of a record, by their names in small letters."""


def system_of(documents: Sequence[Any], headers: Sequence[Headers]) -> str | None:
    """Return the pack for the system from which all these records are; None if it is none of those known.

    Args:
        documents: the values of the records, as JSON.
        headers: of the same records.
    """
    found = {_system(document, of_record) for document, of_record in zip(documents, headers, strict=True)}
    return found.pop() if len(found) == 1 else None


def _system(document: Any, headers: Headers) -> str | None:
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    return next((name for name, is_from in _SYSTEMS.items() if is_from(document, headers)), None)


def _inner(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    value: Any = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _shopify(document: Mapping[str, Any], headers: Headers) -> bool:
    return str(document.get("admin_graphql_api_id")).startswith("gid://shopify/") or "x-shopify-topic" in headers


def _stripe(document: Mapping[str, Any], _: Headers) -> bool:
    return document.get("object") == "event" and "object" in _inner(document, "data", "object")


def _segment(document: Mapping[str, Any], _: Headers) -> bool:
    calls = document.get("batch")
    call = calls[0] if isinstance(calls, list) and calls and isinstance(calls[0], dict) else document
    sent = call.keys() & {"sentAt", "receivedAt", "originalTimestamp", "context", "integrations"}
    someone = call.keys() & {"anonymousId", "userId"}
    return str(call.get("type")) in _SEGMENT_CALLS and "messageId" in call and bool(sent) and bool(someone)


def _revenuecat(document: Mapping[str, Any], _: Headers) -> bool:
    return {"app_user_id", "type"} <= _inner(document, "event").keys() and "api_version" in document


def _keycloak(document: Mapping[str, Any], _: Headers) -> bool:
    return {"realmId", "type", "time"} <= document.keys() and bool(document.keys() & {"clientId", "operationType"})


def _auth0(document: Mapping[str, Any], _: Headers) -> bool:
    log = _inner(document, "data") or document
    return (
        "log_id" in document
        and {"type", "date"} <= log.keys()
        and bool(log.keys() & {"client_id", "tenant_name", "$event_schema"})
    )


def _commercetools(document: Mapping[str, Any], _: Headers) -> bool:
    return "projectKey" in document and bool(document.keys() & {"notificationType", "resource"})


def _adobe_commerce(document: Mapping[str, Any], _: Headers) -> bool:
    kind = str(document.get("type", ""))
    return kind.startswith(_COMMERCE) or "commerceEdition" in _inner(document, "data", "_metadata")


def _chargebee(document: Mapping[str, Any], _: Headers) -> bool:
    return document.get("object") == "event" and "content" in document and "event_type" in document


def _recurly(document: Mapping[str, Any], _: Headers) -> bool:
    return {"object_type", "event_type", "event_time", "site_id"} <= document.keys()


def _woocommerce(document: Mapping[str, Any], headers: Headers) -> bool:
    return str(document.get("order_key")).startswith("wc_order_") or "x-wc-webhook-topic" in headers


def _snowplow(document: Mapping[str, Any], _: Headers) -> bool:
    return {"collector_tstamp", "event_id", "v_tracker"} <= document.keys()


_SYSTEMS: Final[dict[str, Callable[[Mapping[str, Any], Headers], bool]]] = {
    "shopify": _shopify,
    "stripe": _stripe,
    "segment": _segment,
    "revenuecat": _revenuecat,
    "keycloak": _keycloak,
    "auth0": _auth0,
    "commercetools": _commercetools,
    "adobe-commerce": _adobe_commerce,
    "chargebee": _chargebee,
    "recurly": _recurly,
    "woocommerce": _woocommerce,
    "snowplow": _snowplow,
}
