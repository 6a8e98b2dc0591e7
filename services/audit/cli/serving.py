"""Running the services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Annotated, Literal

import typer

from services.audit.cli.program import LangOption, Refusal, app, say
from services.text import Text

Service = Literal["registry", "audit"]

PORTS: dict[Service, int] = {"registry": 8401, "audit": 8402}
EXTRAS: dict[Service, str] = {"registry": "services", "audit": "services"}


@app.command()
def serve(
    service: Annotated[Service, typer.Argument(help="登记或审查服务 · which service")],
    host: Annotated[str, typer.Option(help="监听地址 · address to listen on")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="端口，登记 8401，审查 8402 · registry 8401, audit 8402")
    ] = None,
) -> None:
    """启动一个服务 · Run a service.

    设置取自环境变量 · Settings come from the environment.
    """
    main = _load(service)
    try:
        with _settings_of(service):
            main.serve(host, PORTS[service] if port is None else port)
    except main.web.OpenToTheNetworkError as error:
        prefix = f"GOVAPP_{service.upper()}_WEB__"
        raise Refusal(
            f"{host} 不是本机地址，没有令牌就对所有人开放：设置 {prefix}TOKENS，或明确设置 {prefix}OPEN_ACCESS=true",
            f"{host} is not loopback, and without tokens everything is open to everyone: set {prefix}TOKENS, "
            f"or say {prefix}OPEN_ACCESS=true",
        ) from error


@app.command()
def migrate(
    service: Annotated[Service, typer.Argument(help="哪个服务的数据库 · whose database")],
    lang: LangOption = "zh",
) -> None:
    """把数据库更新到最新的表结构 · Bring a database to the newest schema.

    在一个事务中：要么全部完成，要么什么也没有变；已是最新则不做任何事。设置取自环境变量。
    In one transaction, wholly or not at all; when it is the newest already, nothing happens. Settings come from the
    environment.
    """
    main = _load(service)
    try:
        with _settings_of(service):
            reached = main.migrate()
    except import_module("services.database.doors").UnavailableError as error:
        raise Refusal(
            f"数据库不可用，什么也没有变：{error}", f"the database is not available, and nothing has changed: {error}"
        ) from error
    say(Text(f"表结构为 {reached}，是最新的。", f"The schema is {reached}, the newest."), lang)


def _load(service: Service) -> ModuleType:
    try:
        return import_module(f"services.{service}.main")
    except ModuleNotFoundError as error:
        raise Refusal(
            f"缺少 {error.name}，请安装附加依赖：pip install 'govapp[{EXTRAS[service]}]'",
            f"{error.name} is not installed; install the extra: pip install 'govapp[{EXTRAS[service]}]'",
        ) from error


@contextmanager
def _settings_of(service: Service) -> Iterator[None]:
    """Tell which settings from the environment cannot be used."""
    from pydantic import ValidationError

    try:
        yield
    except ValidationError as error:
        names = ["__".join(map(str, each["loc"])).upper() for each in error.errors()]
        wrong = ", ".join(f"GOVAPP_{service.upper()}_{name}" for name in names)
        raise Refusal(f"环境变量的值不可用：{wrong}", f"these settings cannot be used: {wrong}") from error
