// Node's ws as the peer of our crates.
//
//   node node_ws.js server       serves what our `peer call` asks for (tests/examples/peer)
//   node node_ws.js echo URL     is a client of our echo servers
//   node node_ws.js client URL   is a client of our `peer serve` or, with PEERS_LOOP set, `peer loop`
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { createServer: createSecureServer } = require('node:https');
const { setTimeout: sleep } = require('node:timers/promises');
const { WebSocket, WebSocketServer } = require('ws');

const PATIENCE = 20_000; // how long a check may take
const MIB = 1 << 20;
const LONGEST =
  'This reason is as long as one can be, which is one hundred and twenty-three ' +
  'bytes: after the code, no more fits in a frame.';

const pattern = (length) => Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));

function server() {
  const ends = new Map(); // how connections ended, by their IDs
  const end = (id) => {
    if (!ends.has(id)) {
      let tell;
      const told = new Promise((resolve) => { tell = resolve; });
      ends.set(id, { told, tell });
    }
    return ends.get(id);
  };

  // With PEERS_CERT and PEERS_KEY it is over TLS.
  const { PEERS_CERT: cert, PEERS_KEY: key } = process.env;
  const http = cert ? createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }) : createServer();
  const wss = new WebSocketServer({
    server: http,
    perMessageDeflate: true,
    handleProtocols(offered, request) {
      if (request.url === '/wrong-subprotocol') return 'chat.v9';
      return ['chat.v2', 'chat.v1'].find((known) => offered.has(known)) ?? false;
    },
    verifyClient({ req: request }, decide) {
      const [, status] = /^\/refuse\/(\d+)$/.exec(request.url) ?? [];
      decide(!status, Number(status), 'not today\n', { 'WWW-Authenticate': 'Basic' });
    },
  });
  wss.on('headers', (lines) => lines.push('Set-Cookie: seen=1', 'Set-Cookie: theme=dark; HttpOnly'));
  wss.on('connection', (ws, request) => {
    const id = new URL(request.url, 'ws://localhost').searchParams.get('id');
    const pings = [];
    ws.on('ping', (payload) => pings.push(String(payload)));
    ws.on('close', (code, reason) => { if (id) end(id).tell(`${code} ${reason}`); });
    ws.on('error', () => {}); // followed by 'close'
    ws.on('message', async (data, isBinary) => {
      if (isBinary) return ws.send(data);
      const [command, ...words] = String(data).split(' ');
      const rest = words.join(' ');
      switch (command) {
        case 'close': return words[0] ? ws.close(Number(words[0]), words.slice(1).join(' ')) : ws.close();
        case 'abort': return ws.terminate();
        case 'ping':
          ws.ping(rest);
          return ws.send(`pong ${(await once(ws, 'pong'))[0]}`);
        case 'pings': return ws.send(pings.join(' '));
        case 'headers':
          return ws.send(Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\n`).join(''));
        case 'large': return ws.send(pattern(Number(rest)));
        case 'fragments':
          ws.send('Frag', { fin: false });
          ws.ping('between');
          ws.send('mentiert: ä€', { fin: false });
          return ws.send('😀', { fin: true });
        case 'ended': return ws.send(await end(rest).told);
        default: return ws.send(data, { binary: false });
      }
    });
  });
  http.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${http.address().port}`));
}

// Opens a connection; rejects with the response if the handshake is refused.
function open(url, subprotocols = [], options = {}) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, subprotocols, options);
    const messages = [];
    const waiting = [];
    const deliver = () => {
      while (messages.length && waiting.length) waiting.shift()(messages.shift());
    };
    const connection = {
      ws,
      pings: [],
      // Gives text as a string, binary as a Buffer, and the end as an object.
      next: () => new Promise((wake) => { waiting.push(wake); deliver(); }),
      async ask(message, sendOptions) {
        ws.send(message, sendOptions);
        return connection.next();
      },
      async finish() {
        ws.close(1000);
        assert.deepEqual(await connection.next(), { code: 1000, reason: '' });
      },
    };
    ws.on('message', (data, isBinary) => { messages.push(isBinary ? data : String(data)); deliver(); });
    ws.on('ping', (payload) => connection.pings.push(String(payload)));
    ws.on('close', (code, reason) => { messages.push({ code, reason: String(reason) }); deliver(); });
    ws.on('upgrade', (response) => { connection.answer = response.headers; });
    ws.on('open', () => resolve(connection));
    ws.on('error', reject);
    ws.on('unexpected-response', async (request, response) => {
      let body = '';
      for await (const part of response.setEncoding('utf8')) body += part;
      const { statusCode: status, headers } = response;
      reject(Object.assign(new Error(`refused with ${status}`), { status, body, headers }));
    });
  });
}

let failed = 0;
async function check(name, run) {
  const timer = new AbortController();
  try {
    await Promise.race([
      run(),
      sleep(PATIENCE, null, { signal: timer.signal }).then(() => { throw new Error('took too long'); }),
    ]);
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message).replace(/\s+/g, ' ').slice(0, 300)}`);
  }
  timer.abort();
}

async function echo(url) {
  const messages = {
    text: 'Grüße, κόσμε, 你好, 👋🏽\0\u{10FFFF}',
    'empty text': '',
    'empty binary': Buffer.alloc(0),
  };
  for (const length of [1, 125, 126, 65535, 65536, 16 * MIB]) {
    messages[`text of ${length} bytes`] = 'x'.repeat(length);
    messages[`binary of ${length} bytes`] = pattern(length);
  }
  for (const [name, message] of Object.entries(messages)) {
    await check(`echo: ${name}`, async () => {
      const connection = await open(url);
      const answer = await connection.ask(message);
      assert.equal(typeof answer, typeof message);
      assert.ok(typeof message === 'string' ? answer === message : answer.equals(message));
      await connection.finish();
    });
  }
  await check('echo: 1000 messages at once', async () => {
    const connection = await open(url);
    for (let number = 0; number < 1000; number += 1) connection.ws.send(`number ${number}`);
    for (let number = 0; number < 1000; number += 1) assert.equal(await connection.next(), `number ${number}`);
    await connection.finish();
  });
  await check('fragments: theirs, a Ping between', async () => {
    const connection = await open(url);
    const pong = once(connection.ws, 'pong');
    connection.ws.send('Frag', { fin: false });
    connection.ws.ping('between');
    connection.ws.send('mentiert: ä€', { fin: false });
    assert.equal(await connection.ask('😀', { fin: true }), 'Fragmentiert: ä€😀');
    assert.equal(String((await pong)[0]), 'between');
    await connection.finish();
  });
  await check('fragments: theirs, 16 MiB in 256', async () => {
    const connection = await open(url);
    const all = pattern(16 * MIB);
    for (let start = 0; start < all.length; start += 65536) {
      connection.ws.send(all.subarray(start, start + 65536), { fin: start + 65536 === all.length });
    }
    assert.ok((await connection.next()).equals(all));
    await connection.finish();
  });
  await check('fragments: theirs, a character cut in two', async () => {
    const connection = await open(url);
    const bytes = Buffer.from('€');
    connection.ws.send(bytes.subarray(0, 1), { fin: false, binary: false });
    assert.equal(await connection.ask(bytes.subarray(1), { fin: true, binary: false }), '€');
    await connection.finish();
  });
  await check('compression: offered and declined', async () => {
    const connection = await open(url, [], { perMessageDeflate: { threshold: 0 } });
    assert.equal(connection.ws.extensions, '');
    assert.equal(connection.answer['sec-websocket-extensions'], undefined);
    const text = 'could be shorter '.repeat(1000);
    assert.equal(await connection.ask(text), text);
    await connection.finish();
  });
  await check('ping: theirs is answered', async () => {
    const connection = await open(url);
    for (const payload of ['', 'theirs', 'x'.repeat(125)]) {
      const pong = once(connection.ws, 'pong');
      connection.ws.ping(payload);
      assert.equal(String((await pong)[0]), payload);
    }
    await connection.finish();
  });
  await check('text that is not UTF-8: 1007', async () => {
    const connection = await open(url);
    connection.ws.send(Buffer.from([0xc0, 0xaf]), { binary: false });
    assert.equal((await connection.next()).code, 1007);
  });
  await check('200 connections at once', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => open(url)));
    const answers = await Promise.all(all.map((connection, number) => connection.ask(`number ${number}`)));
    answers.forEach((answer, number) => assert.equal(answer, `number ${number}`));
    await Promise.all(all.map((connection) => connection.finish()));
  });
}

async function client(url) {
  const hasEnded = async (id, expected) => {
    const connection = await open(url);
    assert.equal(await connection.ask(`ended ${id}`), expected);
    await connection.finish();
  };

  await check('a large message of ours', async () => {
    const connection = await open(url);
    assert.ok((await connection.ask(`large ${16 * MIB}`)).equals(pattern(16 * MIB)));
    await connection.finish();
  });
  // Over TLS, and on a loop, ours has no special paths.
  const plain = url.startsWith('ws:') && !process.env.PEERS_LOOP;
  if (plain) await check('fragments: ours, a Ping between', async () => {
    const connection = await open(`${url}/fragments`);
    const text = await connection.next();
    assert.equal(text, 'Fragmentiert: ä€😀');
    const binary = await connection.next();
    assert.ok(binary.equals(pattern(100_000)));
    assert.deepEqual(connection.pings, ['between']);
    connection.ws.send(text);
    connection.ws.send(binary);
    assert.deepEqual(await connection.next(), { code: 1000, reason: 'all came back' });
  });

  for (const [offered, selected] of [
    [['chat.v1', 'chat.v2'], 'chat.v2'],
    [['chat.v9', 'chat.v1'], 'chat.v1'],
    [[], ''],
  ]) {
    await check(`subprotocol: "${selected}" of ${JSON.stringify(offered)}`, async () => {
      const connection = await open(url, offered);
      assert.equal(connection.ws.protocol, selected);
      await connection.finish();
    });
  }
  await check('subprotocol: none selected', () =>
    assert.rejects(open(url, ['chat.v9']), { message: 'Server sent no subprotocol' }));

  await check('headers: theirs arrive', async () => {
    const headers = {
      Cookie: 'a=1; b=2', Authorization: 'Basic dXNlcjpwYXNz', 'X-Two': ['one', 'two'],
    };
    const connection = await open(url, [], { headers, origin: 'http://example.com' });
    const lines = (await connection.ask('headers')).split('\n');
    for (const line of [
      'cookie: a=1; b=2', 'authorization: Basic dXNlcjpwYXNz', 'x-two: one', 'x-two: two',
      'origin: http://example.com',
      'sec-websocket-extensions: permessage-deflate; client_max_window_bits',
    ]) assert.ok(lines.includes(line), `no ${line}`);
    await connection.finish();
  });
  await check('headers: ours arrive', async () => {
    const connection = await open(url);
    assert.deepEqual(connection.answer['set-cookie'], ['seen=1', 'theme=dark; HttpOnly']);
    await connection.finish();
  });

  for (const status of [401, 403, 404, 503]) {
    await check(`refusal: ${status} with a body`, () =>
      assert.rejects(open(`${url}/refuse/${status}`), { status, body: 'not today\n' }));
  }
  await check('refusal: 426 to another version', () =>
    assert.rejects(open(url, [], { protocolVersion: 8 }), (refusal) => {
      assert.equal(refusal.status, 426);
      assert.equal(refusal.headers['sec-websocket-version'], '13');
      return true;
    }));
  await check('refusal: 426 to an ordinary request', async () => {
    const response = await fetch(url.replace('ws', 'http'));
    assert.equal(response.status, 426);
    assert.equal(response.headers.get('upgrade'), 'websocket');
    assert.notEqual(await response.text(), '');
  });

  await check('ping: ours is seen', async () => {
    const connection = await open(url);
    const ping = once(connection.ws, 'ping');
    connection.ws.send('ping ours');
    assert.equal(String((await ping)[0]), 'ours');
    await connection.finish();
  });
  if (plain) await check('ping: the keep-alive is content', async () => {
    const connection = await open(`${url}/keepalive`);
    // Each goes out only after the Pong to the one before.
    for (let seen = 0; seen < 5; seen += 1) await once(connection.ws, 'ping');
    await connection.finish();
  });

  const ends = [[1000, 'bye'], [1001, ''], [1011, 'something broke'], [3000, 'ä€😀'], [4001, 'bye'], [4999, LONGEST], []];
  for (const [number, end] of ends.entries()) {
    const [code = 1005, reason = ''] = end;
    await check(`closing: ${end[0] ?? 'no code'} from them`, async () => {
      const connection = await open(`${url}/?id=ws-${number}`);
      connection.ws.close(...end);
      assert.deepEqual(await connection.next(), { code, reason });
      await hasEnded(`ws-${number}`, `${code} clean ${reason}`);
    });
    await check(`closing: ${end[0] ?? 'no code'} from us`, async () => {
      const connection = await open(url);
      assert.deepEqual(await connection.ask(`close ${end.join(' ')}`.trim()), { code, reason });
    });
  }
  await check('abort: 1006 at our end', async () => {
    const connection = await open(`${url}/?id=ws-abort`);
    connection.ws.terminate();
    await hasEnded('ws-abort', '1006 unclean ');
  });
  await check('abort: 1006 at their end', async () => {
    const connection = await open(url);
    assert.deepEqual(await connection.ask('abort'), { code: 1006, reason: '' });
  });
}

async function main([role, url]) {
  if (role === 'server') return server();
  await { echo, client }[role](url);
  // Without this line a program that ended too early could be taken for a success.
  console.log('done');
  process.exit(failed ? 1 : 0);
}
main(process.argv.slice(2));
