// A real browser in front of our servers. run.sh starts it:
//
//   node browser.js CHROMIUM CHAT_URL ECHO_URL PEER_URL PICTURE
//
//   CHAT          the example that serves the chat, to be ended and started again
//   CHAT_CLIENT   the example chat_client, which joins the chat from a terminal
//   DEFLATE       an echo server that compresses
//   PEER          "loop", if the peer has no special paths
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { chromium } = require('playwright-core');
const { testChat } = require('./chat.js');
const { check, hasFailed } = require('./harness.js');
const { testLayout } = require('./layout.js');
const { testReconnect } = require('./reconnect.js');

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const [executablePath, chat, echo, peer, picture] = process.argv.slice(2);
const special = process.env.PEER !== 'loop';

// Runs in every page: a WebSocket whose events can be awaited in order.
function helpers() {
  window.dial = (url, subprotocols) => {
    const ws = new WebSocket(url, subprotocols);
    const events = [];
    const waiting = [];
    const deliver = (event) => {
      events.push(event);
      while (events.length && waiting.length) waiting.shift()(events.shift());
    };
    ws.onopen = () => deliver('open');
    ws.onmessage = ({ data }) => deliver(data);
    ws.onerror = () => deliver('error');
    ws.onclose = ({ code, reason, wasClean }) => deliver({ code, reason, wasClean });
    ws.next = () => (events.length ? Promise.resolve(events.shift()) : new Promise((wake) => waiting.push(wake)));
    ws.ask = (message) => { ws.send(message); return ws.next(); };
    return ws;
  };
  window.ended = async (url, id) => {
    const ws = window.dial(url);
    await ws.next();
    const end = await ws.ask(`ended ${id}`);
    ws.close();
    return end;
  };
  window.pattern = (length) => Uint8Array.from({ length }, (_, index) => index % 251);
  window.same = (buffer, length) => {
    const bytes = new Uint8Array(buffer);
    return bytes.length === length && bytes.every((byte, index) => byte === index % 251);
  };
}

async function testScript(context) {
  const page = await context.newPage();
  await page.goto(chat);
  const urls = { chat: `${chat.replace('http:', 'ws:')}chat`, echo, peer };
  // Runs `steps` in the page and compares what they return.
  const checkPage = (name, expected, steps, extra) =>
    check(name, async () => assert.deepEqual(await page.evaluate(steps, { ...urls, ...extra }), expected));

  await checkPage('readyState: 0, 1, 2, 3', [0, 'open', 1, 2, 3], async ({ echo }) => {
    const ws = dial(echo);
    const seen = [ws.readyState, await ws.next(), ws.readyState];
    ws.close();
    seen.push(ws.readyState);
    await ws.next();
    return [...seen, ws.readyState];
  });
  await checkPage('bufferedAmount: grows, and drains', [0, 1 << 20, true, 0], async ({ echo }) => {
    const ws = dial(echo);
    await ws.next();
    const seen = [ws.bufferedAmount];
    ws.send(pattern(1 << 20));
    seen.push(ws.bufferedAmount);
    seen.push((await ws.next()).size === 1 << 20, ws.bufferedAmount);
    ws.close();
    return seen;
  });
  await checkPage('echo: text, empty, NUL, emoji', [true, true, true, true], async ({ echo }) => {
    const ws = dial(echo);
    await ws.next();
    const seen = [];
    for (const text of ['Hello', '', 'a\0b', 'Grüße, 你好, 👋🏽\u{10FFFF}']) seen.push(await ws.ask(text) === text);
    ws.close();
    return seen;
  });
  for (const length of [0, 125, 126, 65535, 65536, 1 << 20, 16 << 20]) {
    await checkPage(`echo: text of ${length} bytes`, true, async ({ echo, length }) => {
      const ws = dial(echo);
      await ws.next();
      const same = await ws.ask('x'.repeat(length)) === 'x'.repeat(length);
      ws.close();
      return same;
    }, { length });
    await checkPage(`echo: binary of ${length} bytes, as Blob and as ArrayBuffer`, ['Blob', true, 'ArrayBuffer', true],
      async ({ echo, length }) => {
        const ws = dial(echo);
        await ws.next();
        const blob = await ws.ask(new Blob([pattern(length)]));
        const seen = [blob.constructor.name, same(await blob.arrayBuffer(), length)];
        ws.binaryType = 'arraybuffer';
        const buffer = await ws.ask(pattern(length).buffer);
        ws.close();
        return [...seen, buffer.constructor.name, same(buffer, length)];
      }, { length });
  }
  await checkPage('echo: part of an ArrayBuffer', [2, 3], async ({ echo }) => {
    const ws = dial(echo);
    await ws.next();
    ws.binaryType = 'arraybuffer';
    const answer = await ws.ask(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    ws.close();
    return [...new Uint8Array(answer)];
  });
  await checkPage('a large message of the server', [16 << 20, true], async ({ peer }) => {
    const ws = dial(peer);
    await ws.next();
    const blob = await ws.ask(`large ${16 << 20}`);
    ws.close();
    return [blob.size, same(await blob.arrayBuffer(), 16 << 20)];
  });
  if (special) await checkPage('fragments of the server, a Ping between',
    ['Fragmentiert: ä€😀', 100_000, { code: 1000, reason: 'all came back', wasClean: true }],
    async ({ peer }) => {
      const ws = dial(`${peer}/fragments`);
      await ws.next();
      const [text, binary] = [await ws.next(), await ws.next()];
      ws.send(text);
      ws.send(binary);
      // The Pong has come back, too, or the server would not close.
      return [text, binary.size, await ws.next()];
    });
  if (special) await checkPage('the keep-alive is content', 'still there', async ({ peer }) => {
    const ws = dial(`${peer}/keepalive`);
    await ws.next();
    await new Promise((wake) => setTimeout(wake, 300));
    const answer = await ws.ask('still there');
    ws.close();
    return answer;
  });

  await checkPage('protocol: the preferred of the server', ['open', 'chat.v2'], async ({ peer }) => {
    const ws = dial(peer, ['chat.v1', 'chat.v2']);
    const seen = [await ws.next(), ws.protocol];
    ws.close();
    return seen;
  });
  await checkPage('protocol: none asked for', ['open', ''], async ({ peer }) => {
    const ws = dial(peer);
    const seen = [await ws.next(), ws.protocol];
    ws.close();
    return seen;
  });
  const lost = { code: 1006, reason: '', wasClean: false };
  const refused = async ({ url, subprotocols }) => {
    const ws = dial(url, subprotocols);
    return [await ws.next(), await ws.next(), ws.readyState];
  };
  await checkPage('protocol: none selected is a failure', ['error', lost, 3], refused,
    { url: peer, subprotocols: ['chat.v9'] });
  for (const status of [401, 403, 404]) {
    await checkPage(`refused with ${status}: error and 1006`, ['error', lost, 3], refused,
      { url: `${peer}/refuse/${status}` });
  }
  await checkPage('chat without a name: error and 1006', ['error', lost, 3], refused, { url: urls.chat });
  await check('nobody listens: error and 1006', async () => {
    // A port that was free a moment ago.
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((wake) => server.once('listening', wake));
    const url = `ws://127.0.0.1:${server.address().port}`;
    await new Promise((wake) => server.close(wake));
    assert.deepEqual(await page.evaluate(refused, { url }), ['error', lost, 3]);
  });

  await check('headers: Origin, and the cookie of an earlier handshake', async () => {
    const headers = await page.evaluate(async ({ peer }) => {
      const ws = dial(peer);
      await ws.next();
      const headers = await ws.ask('headers');
      ws.close();
      return headers.split('\n');
    }, urls);
    assert.ok(headers.includes(`origin: ${new URL(chat).origin}`), 'no Origin');
    assert.ok(headers.includes('cookie: seen=1; theme=dark'), 'no cookies');
  });
  await check('compression: offered and declined', async () => {
    const [headers, extensions, same] = await page.evaluate(async ({ peer }) => {
      const ws = dial(peer);
      await ws.next();
      const headers = await ws.ask('headers');
      const text = 'could be shorter '.repeat(1000);
      const same = await ws.ask(text) === text;
      ws.close();
      return [headers, ws.extensions, same];
    }, urls);
    assert.match(headers, /^sec-websocket-extensions: permessage-deflate/m);
    assert.deepEqual([extensions, same], ['', true]);
  });

  await check('compression: agreed, both ways', async () => {
    const [extensions, same, blob] = await page.evaluate(async ({ deflate }) => {
      const ws = dial(deflate);
      await ws.next();
      let same = true;
      for (const length of [1, 100, 1000, 1000, 100_000, 1_000_000]) {
        const text = 'compresses well, '.repeat(length / 10).slice(0, length);
        same &&= await ws.ask(text) === text;
      }
      ws.binaryType = 'arraybuffer';
      const bytes = new Uint8Array(70_000).map((_, at) => at * at);
      const answer = new Uint8Array(await ws.ask(bytes));
      const blob = answer.length === bytes.length && answer.every((byte, at) => byte === bytes[at]);
      ws.close();
      return [ws.extensions, same, blob];
    }, { deflate: process.env.DEFLATE });
    assert.match(extensions, /^permessage-deflate; client_no_context_takeover/);
    assert.deepEqual([same, blob], [true, true]);
  });

  // 123 bytes.
  const longest = 'ä'.repeat(61) + '.';
  for (const [number, end] of [[1000, 'bye'], [3000, 'ä€😀'], [4001, ''], [4999, longest], []].entries()) {
    const [code = 1005, reason = ''] = end;
    await checkPage(`closing: ${end[0] ?? 'no code'} from the page`,
      [{ code, reason, wasClean: true }, `${code} clean ${reason}`],
      async ({ peer, id, end }) => {
        const ws = dial(`${peer}/?id=${id}`);
        await ws.next();
        ws.close(...end);
        return [await ws.next(), await ended(peer, id)];
      }, { id: `page-${number}`, end });
  }
  for (const end of [[1000, 'bye'], [1001, ''], [1011, 'something broke'], [3000, 'ä€😀'], [4999, longest], []]) {
    const [code = 1005, reason = ''] = end;
    await checkPage(`closing: ${end[0] ?? 'no code'} from the server`, { code, reason, wasClean: true },
      async ({ peer, end }) => {
        const ws = dial(peer);
        await ws.next();
        return ws.ask(`close ${end.join(' ')}`.trim());
      }, { end });
  }
  await checkPage('closing: 1003 by the chat, for binary', { code: 1003, reason: 'text only', wasClean: true },
    async ({ chat }) => {
      const ws = dial(`${chat}?name=Eve&room=binary`);
      await ws.next();
      await ws.next(); // welcome
      return ws.ask(new Uint8Array(1));
    });
  await checkPage('closing: 1009 by the chat, for a message too big', { code: 1009, reason: '', wasClean: true },
    async ({ chat }) => {
      const ws = dial(`${chat}?name=Eve&room=big`);
      await ws.next();
      await ws.next(); // welcome
      return ws.ask('x'.repeat(4097));
    });
  await checkPage('abort of the server: 1006', lost, async ({ peer }) => {
    const ws = dial(peer);
    await ws.next();
    ws.send('abort');
    let event = await ws.next();
    if (event === 'error') event = await ws.next(); // depends on how the transport ended
    return event;
  });
  await check('a closed tab: 1001 at the server', async () => {
    const tab = await context.newPage();
    await tab.goto(chat);
    await tab.evaluate(({ peer }) => dial(`${peer}/?id=tab`).next(), urls);
    await tab.close();
    assert.equal(await page.evaluate(({ peer }) => ended(peer, 'tab'), urls), '1001 clean ');
  });
  await checkPage('100 connections at once', true, async ({ echo }) => {
    const all = Array.from({ length: 100 }, () => dial(echo));
    await Promise.all(all.map((ws) => ws.next()));
    const answers = await Promise.all(all.map((ws, number) => ws.ask(`number ${number}`)));
    all.forEach((ws) => ws.close());
    return answers.every((answer, number) => answer === `number ${number}`);
  });
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: 30_000 });
  try {
    const context = await browser.newContext();
    context.setDefaultTimeout(10_000);
    await context.addInitScript(helpers);
    console.log(`chromium ${browser.version()}`);
    await testChat(context, chat, picture);
    await testReconnect(browser, process.env.CHAT);
    await testLayout(browser, chat, picture);
    await testScript(context);
  } finally {
    await browser.close();
  }
  // Without this line a program that ended too early could be taken for a success.
  console.log('done');
  process.exitCode = hasFailed() ? 1 : 0;
}
main();
