// A real browser that loads a page over HTTP/2, and opens its WebSockets on the same connection (RFC 8441). run.sh
// starts it:
//
//   node http2.js CHROMIUM URL
//
// The example hyper_upgrade serves URL: /connection, and the first message of a WebSocket at /echo, name the version
// of HTTP and the number of the TCP connection.
'use strict';

const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');
const { check, hasFailed } = require('./harness.js');

const [executablePath, url] = process.argv.slice(2);

// Runs in the page: opens a WebSocket whose messages can be awaited in order.
function helpers() {
  window.dial = () => new Promise((opened, failed) => {
    const ws = new WebSocket(new URL('/echo', location.href.replace(/^http/, 'ws')));
    const events = [];
    const waiting = [];
    const deliver = (event) => (waiting.length ? waiting.shift()(event) : events.push(event));
    ws.next = () => (events.length ? Promise.resolve(events.shift()) : new Promise((wake) => waiting.push(wake)));
    ws.ask = (message) => { ws.send(message); return ws.next(); };
    ws.onmessage = ({ data }) => deliver(data);
    ws.onclose = ({ code, reason, wasClean }) => deliver({ code, reason, wasClean });
    ws.onerror = () => failed(new Error('no WebSocket'));
    ws.onopen = () => opened(ws);
  });
  window.connection = async () => (await fetch('/connection')).text();
}

async function testHttp2(page) {
  await check('the page comes over HTTP/2', async () => {
    const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
    assert.equal(protocol, 'h2');
    assert.match(await page.evaluate(() => connection()), /^HTTP\/2\.0, connection \d+$/);
  });
  await check('its WebSocket is a stream of the same connection', async () => {
    const [before, first, after] = await page.evaluate(async () => {
      const before = await connection();
      const ws = await dial();
      const first = await ws.next();
      const after = await connection();
      ws.close();
      return [before, first, after];
    });
    assert.match(first, /^HTTP\/2\.0, /);
    assert.deepEqual([first, after], [before, before]);
  });
  await check('messages of every size, both ways', async () => {
    const same = await page.evaluate(async () => {
      const ws = await dial();
      await ws.next();
      const same = [];
      for (const length of [0, 125, 126, 65535, 65536, 1_000_000]) {
        same.push(await ws.ask('x'.repeat(length)) === 'x'.repeat(length));
        same.push((await ws.ask(new Uint8Array(length))).size === length);
      }
      ws.close();
      return same;
    });
    assert.deepEqual(same, Array(12).fill(true));
  });
  await check('the closing handshake', async () => {
    const end = await page.evaluate(async () => {
      const ws = await dial();
      await ws.next();
      ws.close(4000, 'bye');
      return ws.next();
    });
    assert.deepEqual(end, { code: 4000, reason: 'bye', wasClean: true });
  });
  await check('fifty WebSockets on the same connection', async () => {
    const [here, all, answers] = await page.evaluate(async () => {
      const here = await connection();
      const sockets = await Promise.all(Array.from({ length: 50 }, () => dial()));
      const all = await Promise.all(sockets.map((ws) => ws.next()));
      const answers = await Promise.all(sockets.map((ws, number) => ws.ask(`number ${number}`)));
      sockets.forEach((ws) => ws.close());
      return [here, all, answers.every((answer, number) => answer === `number ${number}`)];
    });
    assert.deepEqual(all, Array(50).fill(here));
    assert.ok(answers);
  });
}

async function main() {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  const browser = await chromium.launch({ executablePath, args, timeout: 30_000 });
  try {
    // The certificate is made for this run.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    await context.addInitScript(helpers);
    console.log(`chromium ${browser.version()}`);
    const page = await context.newPage();
    await page.goto(url);
    await testHttp2(page);
  } finally {
    await browser.close();
  }
  // Without this line a program that ended too early could be taken for a success.
  console.log('done');
  process.exitCode = hasFailed() ? 1 : 0;
}
main();
