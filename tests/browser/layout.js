// How the page of the chat looks: on a phone, in the dark, and to a screen reader.
'use strict';

const assert = require('node:assert/strict');
const { check, shows } = require('./harness.js');
const { join, text } = require('./chat.js');

const MEMBERS = 40;

// Runs in the page: which of the elements are not wholly in view.
function outside(selectors) {
  return selectors.filter((selector) => {
    const { left, top, right, bottom } = document.querySelector(selector).getBoundingClientRect();
    return left < 0 || top < 0 || right > window.innerWidth || bottom > window.innerHeight || left === right;
  });
}

// Runs in the page: whether anything is wider than its place.
function overflows() {
  const all = ['html', 'body', 'header', '#log', '#enter', '#list'].map((selector) => document.querySelector(selector));
  return all.filter((element) => element.scrollWidth > element.clientWidth && element.clientWidth).map((element) => element.id || element.tagName);
}

// Runs in the page: the contrast of every text in view with what is behind it (WCAG 2.2, 1.4.3).
function contrasts() {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parse(color).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (parse(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const visible = [...document.body.querySelectorAll('*')].filter((element) => own(element) && element.checkVisibility());
  return visible.map((element) => {
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((x, y) => y - x);
    return [element.id || element.className || element.tagName, (a + 0.05) / (b + 0.05)];
  });
}

async function testLayout(browser, chat, picture) {
  const context = await browser.newContext({
    viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, locale: 'en-GB', timezoneId: 'Asia/Tokyo',
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  await page.goto(chat);

  await check('phone: the whole form is in view, also above a keyboard', async () => {
    for (const height of [640, 320]) {
      await page.setViewportSize({ width: 360, height });
      const parts = ['label[for=name]', '#name', 'label[for=room]', '#room', '#enter button'];
      await shows(() => page.evaluate(outside, parts), []);
      assert.deepEqual(await page.evaluate(overflows), []);
    }
    await page.setViewportSize({ width: 360, height: 640 });
  });
  await check('phone: many members, long names and long words do not move the form', async () => {
    await join(page, 'M'.repeat(24), 'W'.repeat(24));
    await shows(text(page, '#state'), 'connected');
    await page.evaluate(async ({ members, room }) => {
      for (let number = 1; number < members; number += 1) {
        const query = new URLSearchParams({ name: `Somebody with number ${number}`, room });
        const ws = new WebSocket(`ws://${location.host}/chat?${query}`);
        await new Promise((wake) => { ws.onopen = wake; });
        if (number === 1) ws.send('x'.repeat(1000));
        if (number === 2) ws.send('שלום לכולם, מה שלומכם היום?');
      }
    }, { members: MEMBERS, room: 'W'.repeat(24) });
    await page.fill('#text', 'mine');
    await page.press('#text', 'Enter');
    await shows(async () => (await text(page, '#present')()).replace(/: .*, /, ': …, '), `${MEMBERS} here: …, +28 more`);
    await shows(() => page.$$eval('#log .said', (all) => all.length), 3);
    for (const height of [640, 320]) {
      await page.setViewportSize({ width: 360, height });
      await shows(() => page.evaluate(outside, ['header', '#leave', '#present', '#text', '#send']), []);
      assert.deepEqual(await page.evaluate(overflows), []);
      assert.ok(await page.$eval('header', (header) => header.offsetHeight) < 100, 'the header has grown');
    }
    await page.setViewportSize({ width: 360, height: 640 });
    await page.screenshot({ path: `${picture}-phone.png` });
  });
  await check('phone: the list of members is in view, and scrolls', async () => {
    await page.click('#members summary');
    await shows(() => page.$$eval('#list li', (all) => all.length), MEMBERS);
    await shows(() => page.evaluate(outside, ['#list', '#text', '#send']), []);
    assert.deepEqual(await page.evaluate(overflows), []);
    assert.ok(await page.$eval('#list', (list) => list.scrollHeight > list.clientHeight));
    await page.keyboard.press('Escape');
    assert.ok(await page.isHidden('#list'));
  });
  await check('times are in the zone of the page', async () => {
    const [iso, shown] = await page.$eval('#log .mine time', (time) => [time.dateTime, time.textContent]);
    const options = { hour: '2-digit', minute: '2-digit', timeZone: 'Asia/Tokyo' };
    assert.equal(shown, new Date(iso).toLocaleTimeString('en-GB', options));
  });
  await check('text from right to left is shown so, in its place', async () => {
    const line = page.locator('#log .said p', { hasText: 'שלום' });
    assert.equal(await line.evaluate((element) => getComputedStyle(element).direction), 'rtl');
  });

  for (const colorScheme of ['light', 'dark']) {
    await check(`contrast: AA, ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.click('#members summary');
      const texts = await page.evaluate(contrasts);
      await page.evaluate(() => showState('Connection lost.', 'lost', true));
      texts.push(...await page.evaluate(contrasts));
      await page.evaluate(() => showState('connected', 'connected'));
      await page.keyboard.press('Escape');
      assert.ok(texts.length > 2 * MEMBERS, `${texts.length} texts`);
      assert.deepEqual(texts.filter(([, contrast]) => contrast < 4.5), []);
    });
  }
  await check('nothing moves for those who do not like that', async () => {
    const animation = () => page.$eval('#log .said', (line) => getComputedStyle(line).animationName);
    assert.equal(await animation(), 'come');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    assert.equal(await animation(), 'none');
  });
  await check('a screen reader finds everything, and hears what is new', async () => {
    assert.equal(await page.getByRole('log', { name: 'Conversation' }).getAttribute('aria-live'), 'polite');
    assert.equal(await page.getByRole('status').textContent(), 'connected');
    assert.equal(await page.getByRole('textbox', { name: 'Say something' }).count(), 1);
    assert.equal(await page.getByRole('button', { name: 'Send' }).count(), 1);
    assert.equal(await page.$('[role=status] #countdown'), null);
    assert.equal(await page.evaluate(() => document.activeElement.closest('details')?.id), 'members');
    await page.getByRole('button', { name: 'Leave' }).click();
    assert.equal(await page.getByRole('textbox', { name: 'Your name' }).count(), 1);
    assert.equal(await page.getByRole('textbox', { name: 'Room (optional)' }).count(), 1);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'name');
    const unnamed = await page.$$eval('input', (all) => all.filter((input) => input.labels.length !== 1).length);
    assert.equal(unnamed, 0);
  });
  await context.close();
}

module.exports = { testLayout };
