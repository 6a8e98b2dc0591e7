"""The index over HTTP: how far it has come, and by how much it may lag."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from services.audit.following import Following, Standing, State
from services.web import operation

router = APIRouter(prefix="/v1", tags=["index"])


class IndexStanding(BaseModel):
    """How the index stands."""

    model_config = ConfigDict(frozen=True)

    state: State = Field(
        description="off 未启用；loading 正在读取快照；following 正在跟随；waiting 登记系统没有答复或空间不足"
        " · off; loading a snapshot; following the feed; waiting for a registry that gives no answer, or for room"
    )
    revision: int | None = Field(description="索引的登记号 · the registry revision of the index")
    newest: int | None = Field(description="所知最新的登记号 · the newest registry revision heard of")
    lag_s: float | None = Field(
        description="多少秒以来不能确定没有更新的登记号 · seconds for which it is not certain that nothing newer exists"
    )
    apps: int = Field(description="应用数 · apps at hand")
    offers: int = Field(description="供给数 · offers in the index")
    reason: str | None = Field(description="为何等候 · why it waits")


@router.get("/index", summary="索引的状况 · How the index stands", **operation("public"))
async def get_index(request: Request) -> IndexStanding:
    """Tell how far the index has come, and by how much it may lag behind the registry."""
    following: Following | None = request.state.checks.following
    standing = Standing(State.OFF) if following is None else following.standing()
    return IndexStanding(**standing._asdict())
