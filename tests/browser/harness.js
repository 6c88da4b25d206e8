// What all checks in the browser need.
'use strict';

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');

const PATIENCE = 20_000; // how long a check may take

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
    console.log(`FAIL ${name}: ${String(error.message).replace(/\s+/g, ' ').slice(0, 400)}`);
  }
  timer.abort();
}

// What a page shows comes when it comes.
async function shows(read, expected) {
  const until = Date.now() + 5000;
  for (;;) {
    const got = await read();
    try {
      return assert.deepEqual(got, expected);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await sleep(20);
  }
}

const hasFailed = () => failed > 0;

module.exports = { check, shows, hasFailed };
