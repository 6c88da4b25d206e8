// The chat, as its members see it: in several tabs, and in a terminal.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { check, shows } = require('./harness.js');

const join = async (page, name, room = '') => {
  await page.fill('#name', name);
  await page.fill('#room', room);
  await page.click('#enter button');
};
const say = async (page, text) => {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
};
const text = (page, selector) => () => page.$eval(selector, (element) => element.textContent);
const texts = (page, selector) => () => page.$$eval(selector, (all) => all.map((element) => element.textContent));
// What was said, without the names and times above it.
const said = (page) => texts(page, '#log .said p');
const mine = (page) => texts(page, '#log .mine p');
const authors = (page) => texts(page, '#log .said b');
const notes = (page) => texts(page, '#log .note');
const last = async (page) => (await said(page)()).at(-1);

async function testChat(context, chat, picture) {
  const errors = [];
  const foreign = [];
  const tab = async () => {
    const page = await context.newPage();
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
    page.on('request', (request) => {
      if (!request.url().startsWith(chat) && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    const response = await page.goto(chat);
    assert.equal(response.status(), 200);
    return page;
  };

  let ada;
  let bob;
  await check('chat: the page opens in two tabs', async () => {
    [ada, bob] = [await tab(), await tab()];
    assert.equal(await ada.title(), 'Chat');
    await ada.screenshot({ path: `${picture}-begin.png` });
  });
  await check('chat: one joins', async () => {
    await join(ada, 'Ada');
    await shows(text(ada, '#state'), 'connected');
    await shows(text(ada, '#present'), '1 here: Ada');
  });
  await check('chat: another joins, and both see it', async () => {
    await join(bob, 'Bob');
    await shows(text(ada, '#present'), '2 here: Ada, Bob');
    await shows(text(bob, '#present'), '2 here: Ada, Bob');
    await shows(notes(ada), ['You joined as Ada', 'Bob joined']);
    await shows(notes(bob), ['You joined as Bob']);
  });
  const lines = [
    'Hello, Bob',
    'Grüße, κόσμε, 你好',
    '👋🏽 👩‍👩‍👧‍👦 🇪🇺',
    '<b>bold</b> <img src=x onerror="window.markup = 1"> &amp; <script>window.markup = 2</script>',
    '{"type":"left","id":"1","name":"Bob"}',
  ];
  for (const [index, name] of ['text', 'not ASCII', 'emoji', 'markup', 'JSON'].entries()) {
    await check(`chat: ${name} is shown literally in both`, async () => {
      await say(ada, lines[index]);
      await shows(said(ada), lines.slice(0, index + 1));
      await shows(said(bob), lines.slice(0, index + 1));
    });
  }
  await check('chat: markup does nothing', async () => {
    for (const page of [ada, bob]) {
      assert.equal(await page.evaluate(() => window.markup), undefined);
      assert.equal(await page.$$eval('#log img, #log script', (all) => all.length), 0);
    }
  });
  await check('chat: the other answers, with the name', async () => {
    await say(bob, 'Hello, Ada');
    await shows(said(ada), [...lines, 'Hello, Ada']);
    assert.equal((await authors(ada)()).at(-1), 'Bob');
  });
  await check('chat: every tab knows its own lines', async () => {
    assert.deepEqual(await mine(ada)(), lines);
    await shows(mine(bob), ['Hello, Ada']);
  });
  await check('chat: a name that is taken gets a number, and its lines are not taken for those of the first', async () => {
    const second = await tab();
    await join(second, ' ada ');
    await shows(notes(second), ['You joined as ada 2']);
    await shows(text(ada, '#present'), '3 here: Ada, Bob, ada 2');
    await say(second, 'who am I?');
    await shows(mine(second), ['who am I?']);
    await shows(() => last(ada), 'who am I?');
    assert.deepEqual(await mine(ada)(), lines);
    assert.equal((await authors(ada)()).at(-1), 'ada 2');
    await second.close();
    await shows(text(ada, '#present'), '2 here: Ada, Bob');
  });
  await check('chat: times are those of the server, in the zone of the page', async () => {
    const [iso, shown, expected] = await ada.$eval('#log .said time', (time) => [
      time.dateTime, time.textContent,
      new Date(time.dateTime).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
    ]);
    assert.equal(shown, expected);
    assert.ok(Math.abs(Date.now() - Date.parse(iso)) < 60_000, iso);
  });
  await check('chat: another room hears nothing', async () => {
    const carol = await tab();
    await join(carol, 'Carol', 'elsewhere');
    await shows(text(carol, '#present'), '1 here: Carol');
    await shows(text(carol, '#title'), 'Chat · elsewhere');
    await say(carol, 'anybody here?');
    await shows(said(carol), ['anybody here?']);
    assert.equal(await last(ada), 'who am I?');
    assert.equal(await text(ada, '#present')(), '2 here: Ada, Bob');
  });
  await check('chat: a line that is too long comes back with the reason', async () => {
    assert.equal(await ada.getAttribute('#text', 'maxlength'), '1000');
    await ada.evaluate(() => socket.send('x'.repeat(1001)));
    await shows(async () => (await notes(ada)()).at(-1), 'A line has at most 1000 characters.');
    assert.equal(await last(ada), 'who am I?');
  });
  await check('chat: one closes the tab, and the other sees it', async () => {
    await bob.close();
    await shows(text(ada, '#present'), '1 here: Ada');
    await shows(async () => (await notes(ada)()).at(-1), 'Bob left');
  });
  await check('chat: one leaves with the button, and can come back', async () => {
    bob = await tab();
    await join(bob, 'Bob');
    await shows(text(ada, '#present'), '2 here: Ada, Bob');
    await bob.click('#leave');
    await shows(text(ada, '#present'), '1 here: Ada');
    assert.equal(await text(bob, '#state')(), 'not connected');
    assert.equal(await bob.evaluate(() => document.activeElement.id), 'name');
    await join(bob, 'Bob');
    await shows(text(ada, '#present'), '2 here: Ada, Bob');
  });

  let dan;
  let printed = '';
  const spoken = () => printed.replace(/^\d\d:\d\d /gm, '00:00 ');
  await check('chat: a terminal joins, and the tabs see it', async () => {
    dan = spawn(process.env.CHAT_CLIENT, [chat.replace('http:', 'ws:'), 'bob'], { stdio: ['pipe', 'pipe', 'inherit'] });
    dan.stdout.setEncoding('utf8').on('data', (text) => { printed += text; });
    await shows(text(ada, '#present'), '3 here: Ada, Bob, bob 2');
    await shows(text(bob, '#present'), '3 here: Ada, Bob, bob 2');
    await shows(() => printed, '* You are bob 2; 3 here: Ada, Bob, bob 2\n');
  });
  await check('chat: the terminal shows what a tab says', async () => {
    printed = '';
    await say(bob, lines[2]);
    await shows(spoken, `00:00 Bob: ${lines[2]}\n`);
  });
  await check('chat: the terminal is not controlled by what a tab says', async () => {
    printed = '';
    await say(bob, 'a\u001b[2Jb');
    await shows(spoken, '00:00 Bob: a\ufffd[2Jb\n');
  });
  await check('chat: the tabs show what the terminal says, and the terminal knows its own', async () => {
    printed = '';
    dan.stdin.write(`${lines[1]}\n\n${lines[3]}\n`);
    const lastTwo = async (page) => (await said(page)()).slice(-2);
    await shows(() => lastTwo(ada), [lines[1], lines[3]]);
    await shows(() => lastTwo(bob), [lines[1], lines[3]]);
    await shows(spoken, `00:00 You: ${lines[1]}\n00:00 You: ${lines[3]}\n`);
    assert.equal((await authors(ada)()).at(-1), 'bob 2');
  });
  await check('chat: a picture of it', async () => {
    await say(ada, 'I see what the terminal says');
    await shows(() => last(ada), 'I see what the terminal says');
    await ada.screenshot({ path: `${picture}.png` });
    // Smaller, the newest line is still in view.
    await ada.setViewportSize({ width: 390, height: 500 });
    await ada.emulateMedia({ colorScheme: 'dark' });
    await shows(() => ada.$eval('#log', (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2), true);
    await ada.screenshot({ path: `${picture}-small.png` });
  });
  await check('chat: the terminal leaves, and the tabs see it', async () => {
    dan.stdin.end();
    assert.deepEqual(await once(dan, 'exit'), [0, null]);
    await shows(text(ada, '#present'), '2 here: Ada, Bob');
    await shows(async () => (await notes(bob)()).at(-1), 'bob 2 left');
  });
  dan?.kill();
  await check('chat: no errors in the console, nothing from elsewhere', async () => {
    assert.deepEqual({ errors, foreign }, { errors: [], foreign: [] });
  });
}

module.exports = { testChat, join, say, text, notes, said };
