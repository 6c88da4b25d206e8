// The page of the chat when its server goes away, and comes back. Its clock stands still, and is moved on.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { check, shows } = require('./harness.js');
const { join, notes, said, say, text } = require('./chat.js');

async function serve(program, address) {
  const server = spawn(program, [address], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(server.stdout, 'data');
  return { server, address: /127\.0\.0\.1:\d+/.exec(line)[0] };
}

async function testReconnect(browser, program) {
  let { server, address } = await serve(program, '127.0.0.1:0');
  // A clock is that of all pages in a context.
  const context = await browser.newContext();
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const countdown = text(page, '#countdown');
  const restart = async () => { ({ server } = await serve(program, address)); };

  await check('reconnect: Ctrl-C ends the server with 0, and the page says that it is gone', async () => {
    await page.clock.install();
    await page.goto(`http://${address}/`);
    await join(page, 'Ann');
    await shows(text(page, '#state'), 'connected');
    await page.clock.pauseAt(Date.now() + 60_000);
    await page.fill('#text', 'half a line');
    server.kill('SIGINT');
    assert.deepEqual(await once(server, 'exit'), [0, null]);
    await shows(text(page, '#state'), 'Connection lost (the server went away).');
    assert.equal(await countdown(), 'Trying again in 1\u00a0s.');
    assert.ok(await page.isVisible('#retry') && await page.isDisabled('#send'));
  });
  await check('reconnect: what cannot be sent stays where it is', async () => {
    await page.press('#text', 'Enter');
    assert.equal(await page.inputValue('#text'), 'half a line');
  });
  await check('reconnect: it tries again, and waits longer each time', async () => {
    const waits = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      const tried = page.waitForEvent('websocket');
      await page.clock.runFor(30_500);
      await (await tried).waitForEvent('close').catch(() => {}); // it may be closed already
      await shows(async () => /Trying again in \d+/.test(await countdown()), true);
      waits.push(Number(/\d+/.exec(await countdown())[0]));
    }
    // From 2 s, doubled up to 30 s; half of it is chance.
    for (const [index, longest] of [2, 4, 8, 16, 30, 30, 30].entries()) {
      assert.ok(waits[index] >= longest / 2 && waits[index] <= longest, `${waits}`);
    }
    await shows(text(page, '#state'), 'No connection.');
  });
  await check('reconnect: at once with the button, and the focus is in the form', async () => {
    await restart();
    await page.focus('#retry');
    await page.press('#retry', 'Enter');
    await shows(text(page, '#state'), 'connected');
    await shows(notes(page), ['You joined as Ann', 'You are back as Ann']);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
    assert.ok(await page.isHidden('#retry'));
    await page.press('#text', 'Enter');
    await shows(said(page), ['half a line']);
  });
  await check('reconnect: by itself, when the connection broke without a Close', async () => {
    server.kill('SIGKILL');
    await once(server, 'exit');
    await shows(text(page, '#state'), 'Connection lost.');
    await restart();
    await page.clock.runFor(30_500);
    await shows(text(page, '#state'), 'connected');
    await say(page, 'here again');
    await shows(said(page), ['half a line', 'here again']);
    // Its own line, although it has another id now.
    assert.equal(await page.$$eval('#log .mine', (all) => all.length), 2);
  });
  await check('reconnect: not after leaving', async () => {
    await page.click('#leave');
    await page.clock.runFor(60_000);
    assert.equal(await text(page, '#state')(), 'not connected');
  });
  server.kill();
  await context.close();
}

module.exports = { testReconnect };
