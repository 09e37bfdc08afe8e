"""Lines of Snowplow's enriched topic (TSV) -> the document that Snowplow's own analytics SDKs make of them.

A line has 131 fields, known by their place. An empty field is left out. Whole numbers, decimal numbers and booleans
become values of JSON, moments ISO 8601 texts in UTC. What cannot be read as such stays the text that it is: a field
that no one needs is no reason to refuse the record. Contexts become lists, and the event of its own an object, under
names such as `contexts_com_acme_basket_1` and `unstruct_event_com_acme_basket_1`: vendor, name and the first number
of the version of their schema.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from schemas.events import MAX_BODY_BYTES, InvalidEvent, read_json

_IN_ORDER: Final = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base
tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network
etl_tags dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp
event_vendor event_name event_format event_version event_fingerprint true_tstamp
"""
_NAMES: Final = tuple(_IN_ORDER.split())
_LATITUDE: Final = _NAMES.index("geo_latitude")
_LONGITUDE: Final = _NAMES.index("geo_longitude")
_WHOLE: Final = frozenset(
    {
        "txn_id",
        "domain_sessionidx",
        "page_urlport",
        "refr_urlport",
        "ti_quantity",
        "pp_xoffset_min",
        "pp_xoffset_max",
        "pp_yoffset_min",
        "pp_yoffset_max",
        "br_viewwidth",
        "br_viewheight",
        "dvce_screenwidth",
        "dvce_screenheight",
        "doc_width",
        "doc_height",
    }
)
_DECIMAL: Final = frozenset(
    {
        "geo_latitude",
        "geo_longitude",
        "tr_total",
        "tr_tax",
        "tr_shipping",
        "ti_price",
        "tr_total_base",
        "tr_tax_base",
        "tr_shipping_base",
        "ti_price_base",
    }
)
_SCHEMA: Final = re.compile(r"iglu:([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+)/[^/]+/([0-9]+)(?:-.*)?")
_SMALL_THEN_LARGE: Final = re.compile(r"([^A-Z_])([A-Z])")
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,2})?")


def read_enriched_event(raw: bytes | None) -> Any:
    """Read one line, or the document that an analytics SDK made of it already.

    Args:
        raw: the value of a record.

    Returns:
        The fields by name.

    Raises:
        InvalidEvent: `empty`, `too_large`, `not_snowplow` (not UTF-8, another number of fields, a schema that cannot
            be read), or what `read_json` raises for a context.
    """
    if not raw:
        raise InvalidEvent("empty", "the record has no value")
    if len(raw) > MAX_BODY_BYTES:
        raise InvalidEvent("too_large", f"{len(raw)} bytes, at most {MAX_BODY_BYTES} are read")
    try:
        fields = raw.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        raise InvalidEvent("not_snowplow", f"it is not UTF-8; it begins with {raw[:40]!r}") from None
    if len(fields) != len(_NAMES):
        if raw[:1] == b"{":
            # The same document, as an analytics SDK or Snowbridge writes it.
            return read_json(raw)
        detail = f"expected {len(_NAMES)} fields with tabs between, found {len(fields)}; it begins with {raw[:40]!r}"
        raise InvalidEvent("not_snowplow", detail)
    document: dict[str, Any] = {}
    if fields[_LATITUDE] and fields[_LONGITUDE]:
        document["geo_location"] = f"{fields[_LATITUDE]},{fields[_LONGITUDE]}"
    for text, name, read in zip(fields, _NAMES, _READERS, strict=True):
        if not text:
            continue
        if read is None:
            document[name] = text
        else:
            for key, value in read(name, text):
                document[key] = document[key] + value if key in document and isinstance(value, list) else value
    return document


_Read = Callable[[str, str], Iterable[tuple[str, Any]]]


def _whole(name: str, text: str) -> list[tuple[str, Any]]:
    return [(name, int(text) if _WHOLE_NUMBER.fullmatch(text) else text)]


def _decimal(name: str, text: str) -> list[tuple[str, Any]]:
    # A float, as the parser of JSON gives: it is written with the same digits again.
    return [(name, float(text) if _NUMBER.fullmatch(text) else text)]


def _boolean(name: str, text: str) -> list[tuple[str, Any]]:
    return [(name, {"0": False, "1": True}.get(text, text))]


def _moment(name: str, text: str) -> list[tuple[str, Any]]:
    return [(name, f"{text.replace(' ', 'T')}Z")]


def _contexts(name: str, text: str) -> Iterator[tuple[str, Any]]:
    found = read_json(text.encode())
    data = found.get("data") if found.__class__ is dict else None
    if data.__class__ is not list:
        raise _refused(name, text, "a list of contexts under 'data'")
    by_name: dict[str, list[Any]] = {}
    for context in data:
        schema, value = _described(name, context)
        by_name.setdefault(f"contexts_{schema}", []).append(value)
    yield from by_name.items()


def _own_event(name: str, text: str) -> list[tuple[str, Any]]:
    found = read_json(text.encode())
    schema, value = _described(name, found.get("data") if found.__class__ is dict else None)
    return [(f"unstruct_event_{schema}", value)]


def _described(name: str, described: Any) -> tuple[str, Any]:
    """Return the name of a value's schema, as it is used in names of fields, and the value."""
    is_described = described.__class__ is dict and "data" in described and described.get("schema").__class__ is str
    schema = _short(described["schema"]) if is_described else None
    if schema is None:
        raise _refused(name, str(described), "an object with 'schema' (iglu:vendor/name/format/version) and 'data'")
    return schema, described["data"]


@lru_cache(maxsize=4_096)
def _short(schema: str) -> str | None:
    """Return vendor, name and the first number of the version, None if it is no address of a schema."""
    parts = _SCHEMA.fullmatch(schema)
    if parts is None:
        return None
    vendor, name, model = parts.groups()
    vendor = re.sub(r"[.-]", "_", vendor).lower()
    name = re.sub(r"[.-]", "_", _SMALL_THEN_LARGE.sub(r"\1_\2", name)).lower()
    return f"{vendor}_{name}_{model}"


def _refused(name: str, text: str, expected: str) -> InvalidEvent:
    shown = text if len(text) <= 80 else f"{text[:79]}…"
    return InvalidEvent("not_snowplow", f"'{name}' is {shown!r}, expected {expected}", field=name)


def _reader_of(name: str) -> _Read | None:
    if name in _WHOLE:
        return _whole
    if name in _DECIMAL:
        return _decimal
    if name.startswith("br_features_") or name in ("br_cookies", "dvce_ismobile"):
        return _boolean
    if name.endswith("_tstamp"):
        return _moment
    if name in ("contexts", "derived_contexts"):
        return _contexts
    return _own_event if name == "unstruct_event" else None


_READERS: Final = tuple(_reader_of(name) for name in _NAMES)
