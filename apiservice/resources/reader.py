"""Answers a read of a resource: calls its provider, selects rows, and renders the negotiated representation.

No answer has a `Retry-After` header. Kubernetes clients obey it several times in a row, and the
HorizontalPodAutoscaler's controller would delay all other HPAs meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from apiservice.authn import authenticator
from apiservice.http import encoding, errors, messages, negotiation, warning_headers
from apiservice.request import list_options, request_info
from apiservice.resources import confinement, declaration, filtering, router, table


class Reader:
    """Answers reads of declared resources.

    `clock` returns the time that printers use. `notices` returns warnings to add to every answer.
    """

    def __init__(
        self, *, clock: Callable[[], datetime], notices: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._clock = clock
        self._notices = notices

    async def read(
        self,
        incoming: messages.Incoming,
        *,
        route: router.Route,
        attributes: request_info.Attributes,
        user: authenticator.User,
        everywhere: declaration.Everywhere,
    ) -> messages.Answer:
        """The answer to a request that is already authorized. Raises `errors.StatusError`.

        `everywhere` returns whether the user may send the same request for all namespaces.
        """
        endpoint, selection = route.endpoint, list_options.EVERYTHING
        fetch = endpoint.fetch if route.name is not None else None
        if fetch is None:
            selection = await _selection(incoming.query, endpoint=endpoint)
            _check_name(attributes, endpoint=endpoint)
        _check_verb(attributes, endpoint=endpoint)
        reach = declaration.Reach(namespace=route.within, everywhere=everywhere)
        query = _query(incoming, route=route, user=user, selection=selection, reach=reach)
        if fetch is not None:
            return await self._one(incoming, query=query, endpoint=endpoint, fetch=fetch)
        return await self._many(incoming, query=query, endpoint=endpoint, selection=selection)

    async def _one(
        self,
        incoming: messages.Incoming,
        *,
        query: declaration.Query,
        endpoint: router.Endpoint,
        fetch: Callable[[declaration.Query], Awaitable[declaration.Row]],
    ) -> messages.Answer:
        offer = _negotiate(incoming, offers=negotiation.OBJECT_OFFERS)
        include = list_options.include_object(incoming.query)
        row = await fetch(query)
        confinement.check([row], endpoint=endpoint, within=query.reach.namespace)
        value: Any = row.object
        if offer.kind == "Table":
            value = self._table([row], endpoint=endpoint, include=include, version=offer.version)
        elif offer.kind:
            (value,) = table.partials([row], api_version=f"{offer.group}/{offer.version}")
        return _encode(value, incoming=incoming, offer=offer, headers=self._warnings(row.warnings))

    async def _many(
        self,
        incoming: messages.Incoming,
        *,
        query: declaration.Query,
        endpoint: router.Endpoint,
        selection: list_options.Selection,
    ) -> messages.Answer:
        offer = _negotiate(incoming, offers=negotiation.LIST_OFFERS)
        include = list_options.include_object(incoming.query)
        collection = await endpoint.collect(query)
        if isinstance(collection, declaration.Verbatim):
            return messages.Answer(
                status=collection.status, body=collection.body, content_type=collection.content_type
            )
        rows = collection.rows
        if endpoint.selects:
            rows = filtering.select(rows, selection=selection)
        confinement.check(rows, endpoint=endpoint, within=query.reach.namespace)
        value: Mapping[str, Any]
        if offer.kind == "Table":
            value = self._table(rows, endpoint=endpoint, include=include, version=offer.version)
        elif offer.kind:
            api_version = f"{offer.group}/{offer.version}"
            items = table.partials(rows, api_version=api_version)
            value = _envelope(offer.kind, api_version=api_version, items=items)
        else:
            value = _envelope(
                endpoint.list_kind,
                api_version=endpoint.group_version,
                items=[row.object for row in rows],
                extra=collection.extra,
            )
        return _encode(value, incoming=incoming, offer=offer, headers=self._warnings(collection.warnings))

    def _warnings(self, own: Sequence[str]) -> Sequence[tuple[str, str]]:
        return warning_headers.headers((*own, *self._notices()))

    def _table(
        self,
        rows: Sequence[declaration.Row],
        *,
        endpoint: router.Endpoint,
        include: list_options.IncludeObject,
        version: str,
    ) -> dict[str, Any]:
        return table.render(
            rows,
            columns=endpoint.columns,
            printer=endpoint.printer,
            now=self._clock(),
            include=include,
            version=version,
        )


_LONG_SELECTOR = 4096
"""Characters. Longer ones are read in a thread: other requests do not wait for it."""


async def _selection(query: Mapping[str, str], *, endpoint: router.Endpoint) -> list_options.Selection:
    if len(query.get("labelSelector", "")) > _LONG_SELECTOR:
        return await asyncio.to_thread(list_options.selection, query, field_labels=endpoint.field_labels)
    return list_options.selection(query, field_labels=endpoint.field_labels)


def _check_verb(attributes: request_info.Attributes, *, endpoint: router.Endpoint) -> None:
    """Refuses all verbs but those for reading. A watch is refused, as it would never have an event."""
    if attributes.verb in endpoint.verbs:
        return
    resource = f"{attributes.resource}.{endpoint.group}"
    raise errors.MethodNotAllowed(
        f'{attributes.verb or "this method"} is not supported on resources of kind "{resource}"',
        details={"group": endpoint.group, "kind": attributes.resource},
    )


def _check_name(attributes: request_info.Attributes, *, endpoint: router.Endpoint) -> None:
    """Refuses a name in a field selector for values, which are not selected by fields.

    Otherwise the request would be authorized for that name, and the answer would have all values.
    """
    if attributes.name and len(attributes.parts) < 2 and not endpoint.selects:
        raise errors.BadRequest("values are not selected by fields; leave out the fieldSelector")


def _negotiate(incoming: messages.Incoming, *, offers: tuple[negotiation.Offer, ...]) -> negotiation.Offer:
    return negotiation.choose(incoming.headers.get("Accept", ""), offers=offers)


def _query(
    incoming: messages.Incoming,
    *,
    route: router.Route,
    user: authenticator.User,
    selection: list_options.Selection,
    reach: declaration.Reach,
) -> declaration.Query:
    endpoint, sent = route.endpoint, incoming.query
    return declaration.Query(
        reach=reach,
        group=endpoint.group,
        version=endpoint.version,
        resource=route.resource,
        subresource=route.subresource,
        namespace=route.namespace,
        name=route.name,
        labels=selection.labels,
        fields=selection.fields,
        parameters={name: sent[name] for name in endpoint.parameters if name in sent} if sent else {},
        user=user,
    )


def _envelope(
    kind: str,
    *,
    api_version: str,
    items: Sequence[Mapping[str, Any]],
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "apiVersion": api_version,
        "metadata": {"resourceVersion": ""},
        **(extra or {}),
        "items": items,
    }


def _encode(
    value: Any,
    *,
    incoming: messages.Incoming,
    offer: negotiation.Offer,
    headers: Sequence[tuple[str, str]] = (),
) -> messages.Answer:
    pretty = list_options.pretty(incoming.query, user_agent=incoming.headers.get("User-Agent", ""))
    return messages.Answer(
        body=encoding.dump(value, subtype=offer.subtype, pretty=pretty),
        content_type=f"application/{offer.subtype}",
        headers=headers,
    )
