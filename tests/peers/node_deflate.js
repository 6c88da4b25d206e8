// Node's ws with permessage-deflate (RFC 7692), every combination of its parameters.
//
//   node node_deflate.js client URL   is a client of our echo servers
//   node node_deflate.js server       is an echo server: the path /S/C/s/c says whether it grants takeover to the
//                                     server and the client (0 or 1), and their window bits
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { createServer } = require('node:http');
const { WebSocket, WebSocketServer } = require('ws');

const text = (length) => {
  let all = '';
  for (let line = 0; all.length < length; line += 1) all += `{"line":${line},"name":"user${(line * 31) % 97}","on":true}`;
  return all.slice(0, length);
};

const MESSAGES = [text(60), text(1000), text(1000), 'x', text(20_000), '', text(300_000), text(1000)];

let failed = 0;
async function check(name, run) {
  try {
    await Promise.race([run(), new Promise((_, reject) => setTimeout(reject, 20_000, new Error('took too long')).unref())]);
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${String(error.message).replace(/\s+/g, ' ').slice(0, 300)}`);
  }
}

async function client(url) {
  for (const serverNoContextTakeover of [false, true]) {
    for (const clientNoContextTakeover of [undefined, true]) {
      for (const serverMaxWindowBits of [undefined, 9, 12, 15]) {
        for (const clientMaxWindowBits of [undefined, 9, 12, 15]) {
          const options = { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits, threshold: 0 };
          const name = [serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits].join(' ');
          await check(`compression: ${name}`, async () => {
            const ws = new WebSocket(url, { perMessageDeflate: options });
            await once(ws, 'open');
            assert.match(ws.extensions, /^permessage-deflate/);
            const { _socket: socket } = ws;
            const before = [socket.bytesRead, socket.bytesWritten];
            let bytes = 0;
            for (const message of MESSAGES) {
              ws.send(message);
              const [answer, isBinary] = await once(ws, 'message');
              assert.equal(isBinary, false);
              assert.ok(String(answer) === message, `${message.length} bytes`);
              bytes += message.length;
            }
            // Theirs, in fragments.
            ws.send(text(500), { fin: false });
            ws.send(text(500), { fin: true });
            assert.equal(String((await once(ws, 'message'))[0]), text(500) + text(500));
            const [read, written] = [socket.bytesRead - before[0], socket.bytesWritten - before[1]];
            assert.ok(read < bytes / 3 && written < bytes / 3, `${read} read, ${written} written, of ${bytes}`);
            ws.close(1000);
            assert.equal((await once(ws, 'close'))[0], 1000);
          });
        }
      }
    }
  }
}

function server() {
  const http = createServer();
  http.on('upgrade', (request, socket, head) => {
    const [, s, c, sw, cw] = request.url.split('/').map(Number);
    const wss = new WebSocketServer({
      noServer: true,
      perMessageDeflate: {
        ...(s === 0 ? { serverNoContextTakeover: true } : {}),
        ...(c === 0 ? { clientNoContextTakeover: true } : {}),
        ...(sw ? { serverMaxWindowBits: sw } : {}),
        ...(cw ? { clientMaxWindowBits: cw } : {}),
        threshold: 0,
      },
    });
    wss.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
      ws.on('error', () => {}); // followed by 'close'
    });
  });
  http.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${http.address().port}`));
}

async function main([role, url]) {
  if (role === 'server') return server();
  await client(url);
  console.log('done');
  process.exit(failed ? 1 : 0);
}
main(process.argv.slice(2));
