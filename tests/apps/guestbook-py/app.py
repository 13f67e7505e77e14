"""A guest book: lists who came by, and takes a name and, from 2.0.0 on, a line of text.

The functions below the two classes know nothing of WebAssembly; the classes are what the host
calls, and `release` says which of the two versions this is.
"""

from html import escape
from urllib.parse import parse_qs

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import config, log, sql
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    Method_Get,
    Method_Post,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

from release import SCHEMA

WORDS = "words TEXT NOT NULL DEFAULT ''"

# The most bytes of one write to a stream of WASI.
CHUNK = 4096


class Lifecycle(exports.Lifecycle):
    """What the host calls around the app's life. What is raised here, the admin reads."""

    def init(self) -> None:
        columns = ["id INTEGER PRIMARY KEY", "name TEXT NOT NULL"]
        if SCHEMA == 2:
            columns.append(WORDS)
        change(f"CREATE TABLE guest ({', '.join(columns)})")

    def migrate(self, from_schema: int, to_schema: int) -> None:
        if (from_schema, to_schema) != (1, 2):
            raise Err(f"there is no way from schema {from_schema} to {to_schema}")
        change(f"ALTER TABLE guest ADD COLUMN {WORDS}")

    def health(self) -> None:
        guests(1)


class IncomingHandler(exports.IncomingHandler):
    """What the host calls for each request."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        try:
            status, fields, page = answer(request)
        except Err as error:
            log.write(log.Level.ERROR, str(error.value))
            status, fields, page = 500, [], "The book cannot be opened right now.\n"
        send(response_out, status, fields, page.encode())


def answer(request: IncomingRequest) -> tuple[int, list[tuple[str, str]], str]:
    """Status, fields and body of the answer."""
    method, path = request.method(), (request.path_with_query() or "/").partition("?")[0]
    if path != "/" or not isinstance(method, (Method_Get, Method_Post)):
        return 404, [], "There is only one page here.\n"
    if isinstance(method, Method_Get):
        return 200, [("content-type", "text/html; charset=utf-8")], book()
    form = parse_qs(body_of(request).decode(errors="replace"))
    sign(form.get("name", ["somebody"])[0], form.get("words", [""])[0])
    return 303, [("location", f"{config.base_path()}/")], ""


def book() -> str:
    """The one page."""
    words = '<input name="words" maxlength="200">' if SCHEMA == 2 else ""
    page = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Guests</title>',
        f'<form method="post" action="{escape(config.base_path())}/">',
        f'<input name="name" maxlength="60" required>{words}<button>Sign</button></form><ul>',
    ]
    for row in guests(100):
        name, *words = (escape(value.value) for value in row)
        page.append(f"<li>{': '.join([name, *filter(None, words)])}</li>")
    return "\n".join([*page, "</ul>\n"])


def guests(limit: int) -> list[list[sql.Value]]:
    """The last guests, newest first: the name and, from 2.0.0 on, the words of each."""
    columns = "name, words" if SCHEMA == 2 else "name"
    query = f"SELECT {columns} FROM guest ORDER BY id DESC LIMIT ?1"
    return in_words(sql.query, query, [sql.Value_Integer(limit)]).rows


def sign(name: str, words: str) -> None:
    """Adds a guest."""
    if SCHEMA == 2:
        change("INSERT INTO guest (name, words) VALUES (?1, ?2)", name, words)
    else:
        change("INSERT INTO guest (name) VALUES (?1)", name)


def change(statement: str, *texts: str) -> None:
    """Runs a statement that gives no rows."""
    in_words(sql.execute, statement, [sql.Value_Text(text) for text in texts])


def in_words(call, *arguments):
    """What `call` gives; the host's errors as a text, which is what `lifecycle` may raise."""
    try:
        return call(*arguments)
    except Err as error:
        raise Err(f"the database: {error.value}") from error


def body_of(request: IncomingRequest) -> bytes:
    """The whole body."""
    read = bytearray()
    with request.consume() as body, body.stream() as stream:
        while True:
            try:
                read += stream.blocking_read(65536)
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    return bytes(read)
                raise


def send(out: ResponseOutparam, status: int, fields: list[tuple[str, str]], page: bytes) -> None:
    """Answers the request."""
    response = OutgoingResponse(Fields.from_list([(name, value.encode()) for name, value in fields]))
    response.set_status_code(status)
    body = response.body()
    ResponseOutparam.set(out, Ok(response))
    with body.write() as stream:
        for begin in range(0, len(page), CHUNK):
            stream.blocking_write_and_flush(page[begin : begin + CHUNK])
    OutgoingBody.finish(body, None)
