"""An `Accept` header and the possible representations → the one to send, or a 406 that lists them.

Pure. The clauses of the header are sorted by q, exact ones before wildcards, and then by position; the first
clause that fits an offer decides. The parameters `as`, `g` and `v` of a clause ask for another form of the
answer (a Table, or metadata only). Other parameters are ignored, as clients send various ones.
https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

import dataclasses
import functools
import re

from apiservice.http import errors

META_GROUP = "meta.k8s.io"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """One representation: `application/{subtype}`, and the kind to which the answer is converted, if any.

    Offers are compared by identity: each request looks up a tuple of them.
    """

    subtype: str
    kind: str = ""
    group: str = ""
    version: str = ""

    @property
    def media_type(self) -> str:
        """The media type, as in `application/json;g=meta.k8s.io;v=v1;as=Table`."""
        plain = f"application/{self.subtype}"
        return f"{plain};g={self.group};v={self.version};as={self.kind}" if self.kind else plain


JSON = Offer("json")


def _offers(*kinds: str) -> tuple[Offer, ...]:
    transformed = [
        Offer(subtype, kind, META_GROUP, version)
        for subtype in ("json", "yaml")
        for kind in kinds
        for version in ("v1", "v1beta1")
    ]
    return (JSON, Offer("yaml"), *transformed)


OBJECT_OFFERS = _offers("Table", "PartialObjectMetadata")
LIST_OFFERS = _offers("Table", "PartialObjectMetadataList")
JSON_OFFERS = (JSON,)


_REMEMBERED = 512
"""Cached headers, and the longest cached header in characters. Clients repeat few headers; kubectl's has 200
characters.
"""


LONGEST = 4096
"""Characters; a longer header is refused, as each of its clauses is compared with every offer."""


def choose(accept: str, *, offers: tuple[Offer, ...]) -> Offer:
    """The offer to send; the first one if the header is empty. Raises `NotAcceptable`."""
    if len(accept) > LONGEST:
        raise errors.NotAcceptable(
            f"the Accept header has {len(accept)} characters; at most {LONGEST} are allowed"
        )
    return _remembered(accept, offers) if len(accept) <= _REMEMBERED else _choose(accept, offers)


def _choose(accept: str, offers: tuple[Offer, ...]) -> Offer:
    clauses = _parse(accept)
    if not clauses:
        return offers[0]
    for clause in clauses:
        for offer in offers:
            if clause.quality and clause.fits(offer):
                return offer
    listed = ", ".join(offer.media_type for offer in offers)
    raise errors.NotAcceptable(f"only the following media types are accepted: {listed}")


_remembered = functools.lru_cache(maxsize=_REMEMBERED)(_choose)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Clause:
    type: str
    subtype: str
    transform: tuple[str, str, str]
    quality: float

    def fits(self, offer: Offer) -> bool:
        if self.type not in {"application", "*"} or self.subtype not in {offer.subtype, "*"}:
            return False
        return self.transform == (offer.kind, offer.group, offer.version)

    def rank(self) -> tuple[float, bool, bool]:
        return (-self.quality, self.type == "*", self.subtype == "*")


_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def _parse(accept: str) -> list[_Clause]:
    clauses = [_clause(text) for text in accept.split(",") if text.strip()]
    return sorted(clauses, key=_Clause.rank)


def _clause(text: str) -> _Clause:
    media_type, *rest = (part.strip() for part in text.split(";"))
    kind, _, subtype = media_type.lower().partition("/")
    parameters = {
        key.strip().lower(): value.strip().strip('"')
        for key, _, value in (part.partition("=") for part in rest)
    }
    quality = parameters.get("q", "1")
    return _Clause(
        type=kind,
        subtype=subtype,
        transform=(parameters.get("as", ""), parameters.get("g", ""), parameters.get("v", "")),
        quality=float(quality) if _QUALITY.fullmatch(quality) else 0.0,
    )
