"""The OpenAPI document as JSON for programs, and as one page for readers.

The page is written by the service itself, without scripts or anything fetched from elsewhere: it works in a network
that ends at its own border, and the strictest content policy holds for it too.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from services.web.etags import etag, not_modified
from services.web.operations import METHODS, operation

_STYLE = """
body{font:16px/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;max-width:60rem;
margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
details{border:1px solid #c8ccd0;border-radius:4px;margin:.4rem 0;padding:.3rem .8rem}
summary{cursor:pointer}code,pre{font-family:ui-monospace,Consolas,monospace;font-size:.9em}
pre{overflow:auto;background:#f4f5f6;padding:.6rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;border-top:1px solid #e3e5e7;padding:.25rem .6rem .25rem 0}
.method{display:inline-block;min-width:4.5rem;font-weight:600;color:#0b5394}.scope{color:#5f6368;font-size:.85em}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181a}pre{background:#222528}
.method{color:#8ab4f8}a{color:#8ab4f8}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def document_router() -> APIRouter:
    """Give `/openapi.json` and `/docs`, both answered from one rendering of the document."""
    router = APIRouter(tags=["document"])
    rendered: dict[str, bytes] = {}

    @router.get(
        "/openapi.json",
        summary="接口说明（OpenAPI） · The OpenAPI document",
        response_class=JSONResponse,
        **operation("public", conditional="get"),
    )
    async def get_openapi_document(request: Request) -> Response:
        if "json" not in rendered:
            rendered["json"] = json.dumps(request.app.openapi(), ensure_ascii=False).encode()
        return _versioned(request, rendered["json"], "application/json", {})

    @router.get(
        "/docs",
        summary="接口说明（网页） · The API reference as a page",
        response_class=HTMLResponse,
        **operation("public", conditional="get"),
    )
    async def get_reference_page(request: Request) -> Response:
        if "html" not in rendered:
            rendered["html"] = reference_page(request.app.openapi()).encode()
        policy = {"Content-Security-Policy": _PAGE_POLICY}
        return _versioned(request, rendered["html"], "text/html; charset=utf-8", policy)

    return router


def reference_page(document: Mapping[str, Any]) -> str:
    """Give the HTML page that shows every operation, problem and schema of an OpenAPI document."""
    info = document["info"]
    title = escape(info["title"])
    return "".join(
        [
            f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<style>{_STYLE}</style><h1>{title} <small>{escape(info['version'])}</small></h1>",
            f"<p>{escape(info.get('description', ''))}</p>",
            '<p><a href="openapi.json">openapi.json</a> · <a href="#problems">问题类型 Problems</a> · ',
            '<a href="#schemas">数据结构 Schemas</a></p><h2>操作 Operations</h2>',
            *_operations(document),
            '<h2 id="problems">问题类型 Problems</h2><table>',
            *(_problem_row(uri, problem) for uri, problem in document["x-problems"].items()),
            '</table><h2 id="schemas">数据结构 Schemas</h2>',
            *(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
            "</html>",
        ]
    )


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(method.upper(), path, item[method], document["components"]["responses"])


def _operation(method: str, path: str, declared: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    rows = [
        (f"<code>{escape(p['name'])}</code> ({p['in']})", escape(p.get("description", "")) + _schema_note(p["schema"]))
        for p in declared.get("parameters", [])
    ]
    for media_type, content in declared.get("requestBody", {}).get("content", {}).items():
        rows.append((f"<code>{escape(media_type)}</code>", _schema_note(content.get("schema", {}))))
    for status, response in declared["responses"].items():
        spelt_out = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        notes = [_schema_note(content.get("schema", {})) for content in spelt_out.get("content", {}).values()]
        rows.append((status, escape(spelt_out["description"]) + "".join(notes)))
    table = "".join(f"<tr><th>{name}</th><td>{said}</td></tr>" for name, said in rows)
    return (
        f'<details id="{escape(declared["operationId"])}"><summary><span class="method">{method}</span>'
        f'<code>{escape(path)}</code> {escape(declared["summary"])} <span class="scope">{declared["x-scope"]}</span>'
        f"</summary><p>{escape(declared.get('description', ''))}</p><table>{table}</table></details>"
    )


def _schema_note(schema: Mapping[str, Any]) -> str:
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref")
    if reference:
        name = escape(reference.rpartition("/")[2])
        return f' <a href="#schema-{name}">{name}</a>'
    if "type" in schema or "enum" in schema:
        return f" <code>{escape(json.dumps(schema, ensure_ascii=False))}</code>"
    return ""


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    body = escape(json.dumps(schema, ensure_ascii=False, indent=2))
    return (
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary><pre>{body}</pre></details>'
    )


def _problem_row(uri: str, problem: Mapping[str, Any]) -> str:
    title = escape(f"{problem['title-zh']} · {problem['title']}")
    return f"<tr><th>{problem['status']}</th><td>{title}</td><td><code>{escape(uri)}</code></td></tr>"


def _versioned(request: Request, content: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    version = etag(content)
    return not_modified(request, version) or Response(
        content, media_type=media_type, headers={"ETag": version, **headers}
    )
