// A guest book: lists who came by, and takes a name and, from 2.0.0 on, a line of text.
//
// `lifecycle` and `incomingHandler` are what the host calls; `release.js` says which of the two
// versions this is.

import { basePath } from 'newleaf:app/config@1.1.0';
import { write as log } from 'newleaf:app/log@1.1.0';
import { execute, query } from 'newleaf:app/sql@1.1.0';
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';

import { SCHEMA } from './release.js';

const WORDS = "words TEXT NOT NULL DEFAULT ''";

// The most bytes of one write to a stream of WASI.
const CHUNK = 4096;

// What the host calls around the app's life. What is thrown here, the admin reads.
export const lifecycle = {
  init() {
    const columns = ['id INTEGER PRIMARY KEY', 'name TEXT NOT NULL'];
    if (SCHEMA === 2) columns.push(WORDS);
    change(`CREATE TABLE guest (${columns.join(', ')})`);
  },

  migrate(from, to) {
    if (from !== 1 || to !== 2) throw `there is no way from schema ${from} to ${to}`;
    change(`ALTER TABLE guest ADD COLUMN ${WORDS}`);
  },

  health() {
    guests(1);
  },
};

// What the host calls for each request.
export const incomingHandler = {
  handle(request, out) {
    let response;
    try {
      response = answer(request);
    } catch (error) {
      log('error', String(error));
      response = { status: 500, page: 'The book cannot be opened right now.\n' };
    }
    send(out, response);
  },
};

// Status, fields and page of the answer.
function answer(request) {
  const method = request.method().tag;
  const [path] = (request.pathWithQuery() ?? '/').split('?');
  if (path !== '/' || !['get', 'post'].includes(method)) {
    return { status: 404, page: 'There is only one page here.\n' };
  }
  if (method === 'get') {
    return { status: 200, fields: { 'content-type': 'text/html; charset=utf-8' }, page: book() };
  }
  const form = new URLSearchParams(new TextDecoder().decode(bodyOf(request)));
  sign(form.get('name') ?? 'somebody', form.get('words') ?? '');
  return { status: 303, fields: { location: `${basePath()}/` }, page: '' };
}

// The one page.
function book() {
  const words = SCHEMA === 2 ? '<input name="words" maxlength="200">' : '';
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Guests</title>',
    `<form method="post" action="${escape(basePath())}/">`,
    `<input name="name" maxlength="60" required>${words}<button>Sign</button></form><ul>`,
    ...guests(100).map((row) => {
      const texts = row.map((value) => escape(value.val)).filter((text) => text !== '');
      return `<li>${texts.join(': ')}</li>`;
    }),
    '</ul>\n',
  ].join('\n');
}

// The last guests, newest first: the name and, from 2.0.0 on, the words of each.
function guests(limit) {
  const columns = SCHEMA === 2 ? 'name, words' : 'name';
  const statement = `SELECT ${columns} FROM guest ORDER BY id DESC LIMIT ?1`;
  return inWords(() => query(statement, [{ tag: 'integer', val: BigInt(limit) }])).rows;
}

// Adds a guest.
function sign(name, words) {
  if (SCHEMA === 2) change('INSERT INTO guest (name, words) VALUES (?1, ?2)', name, words);
  else change('INSERT INTO guest (name) VALUES (?1)', name);
}

// Runs a statement that gives no rows.
function change(statement, ...texts) {
  inWords(() => execute(statement, texts.map((val) => ({ tag: 'text', val }))));
}

// What `call` gives; the host's errors as a text, which is what `lifecycle` may throw.
function inWords(call) {
  try {
    return call();
  } catch (error) {
    throw `the database: ${JSON.stringify(error.payload ?? String(error))}`;
  }
}

function escape(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (sign) => names[sign]);
}

// The whole body.
function bodyOf(request) {
  const stream = request.consume().stream();
  const read = [];
  for (;;) {
    try {
      read.push(...stream.blockingRead(65536n));
    } catch (error) {
      if (error.payload?.tag === 'closed') return new Uint8Array(read);
      throw error;
    }
  }
}

// Answers the request.
function send(out, { status, fields = {}, page }) {
  const encoder = new TextEncoder();
  const entries = Object.entries(fields).map(([name, value]) => [name, encoder.encode(value)]);
  const response = new OutgoingResponse(Fields.fromList(entries));
  response.setStatusCode(status);
  const body = response.body();
  ResponseOutparam.set(out, { tag: 'ok', val: response });
  const bytes = encoder.encode(page);
  const stream = body.write();
  for (let begin = 0; begin < bytes.length; begin += CHUNK) {
    stream.blockingWriteAndFlush(bytes.subarray(begin, begin + CHUNK));
  }
  stream[Symbol.dispose]?.();
  OutgoingBody.finish(body, undefined);
}
