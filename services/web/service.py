"""Making a service: what both services do alike, around the routers that make them different."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.web.dispatch import Dispatch
from services.web.document import finish_document, read_operations
from services.web.document_pages import document_router
from services.web.events import log_to
from services.web.gate import Gate, answer_exception
from services.web.health import health_router
from services.web.measures import Measures
from services.web.operations import Operations
from services.web.problem_types import WEB_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi import APIRouter
    from starlette.routing import BaseRoute
    from starlette.types import Lifespan

    from services.web.health import Check
    from services.web.idempotency import Answers
    from services.web.problem_types import ProblemType
    from services.web.settings import WebSettings


class Service(FastAPI):
    """A FastAPI object whose OpenAPI document is finished by us, and enforced by the gate."""

    problem_types: Sequence[ProblemType] = WEB_PROBLEMS
    _document: dict[str, Any] | None = None

    def openapi(self) -> dict[str, Any]:
        """Give the OpenAPI document; made once."""
        if self._document is None:
            self._document = finish_document(super().openapi(), self.problem_types)
        return self._document


def create_service(  # noqa: PLR0913 - the parts of a service, each by its name.
    *,
    title: str,
    version: str,
    settings: WebSettings,
    routers: Sequence[APIRouter],
    description: str = "",
    lifespan: Lifespan[Service] | None = None,
    ready_checks: Mapping[str, Check] | None = None,
    problem_types: Sequence[ProblemType] = (),
    answers: Answers | None = None,
    gauges: Mapping[str, tuple[str, Callable[[], float]]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Service:
    """Make the ASGI object of a service.

    Args:
        title: its name in the OpenAPI document.
        version: the version of the API.
        settings: limits and callers.
        routers: its operations, each declared with `operation(…)`.
        description: what it is for, in the OpenAPI document.
        lifespan: what to open and close with the process.
        ready_checks: what it needs, by name, for `/readyz`.
        problem_types: the problems of its own domain.
        answers: where it keeps answers, when it has operations that are done once.
        gauges: values of its own to be shown in `/metrics`: by name what each is, and what gives it.
        clock: a monotonic clock in seconds, for the rate limit.

    Raises:
        ValueError: an operation has no scope, summary or id of its own, announces a problem not listed, or is to be
            done once and there are no `answers`.

    """
    measures = Measures()
    for name, (said, value) in (gauges or {}).items():
        measures.watch(name, said, value)
    own = (health_router(ready_checks or {}, settings.ready_timeout_s, measures), document_router())
    routes = [_checked(route) for router in (*routers, *own) for route in router.routes]
    service = Service(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        routes=[Dispatch(answers), *routes],
        exception_handlers={HTTPException: answer_exception, RequestValidationError: answer_exception},
        # The document and its page are operations here: limited, counted and documented like all others.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    service.problem_types = (*WEB_PROBLEMS, *problem_types)
    # Made now, so that a service that is not wholly declared does not start.
    apps = {(method, route.path_format): route.app for route in routes for method in route.methods or ()}
    operations = Operations(read_operations(service.openapi(), apps, settings.max_body_bytes))
    if answers is None and (named := [each.id for each in operations if each.is_once]):
        raise ValueError(f"nobody keeps the answers of {', '.join(named)}")
    service.add_middleware(Gate, operations=operations, settings=settings, measures=measures, clock=clock)
    return service


def _checked(route: BaseRoute) -> APIRoute:
    if not isinstance(route, APIRoute) or not route.include_in_schema:
        raise ValueError(
            f"{route!r} is no operation of the document; name routers one by one rather than including them"
        )
    # Names are short and the same wherever a router is mounted; the document refuses two of the same.
    route.operation_id = route.operation_id or route.name
    return route


class OpenToTheNetworkError(ValueError):
    """A service would let anyone on the network do everything, and nobody has said that it should."""


def serve(service: Service, host: str, port: int, settings: WebSettings) -> None:
    """Answer on `host`:`port` until the process is told to end; logs go to standard error as JSON lines.

    Raises:
        OpenToTheNetworkError: the host is not loopback, there is no token, and `open_access` is only the default.

    """
    is_open = settings.open_access and not settings.tokens
    if is_open and "open_access" not in settings.model_fields_set and not _is_loopback(host):
        raise OpenToTheNetworkError(host)
    import uvicorn  # noqa: PLC0415 - whoever only makes the service (tests, the document) needs no server.

    log_to()
    uvicorn.run(service, host=host, port=port, ws="none", access_log=False, log_config=None, server_header=False)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
