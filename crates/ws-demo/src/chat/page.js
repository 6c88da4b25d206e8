'use strict';
// The page of the chat. Whatever others have sent is only ever set as text.

const $ = (id) => document.getElementById(id);

const NAMES_SHOWN = 12; // in the line above the conversation
const LINES_KEPT = 1000;
const FIRST_DELAY = 1000; // milliseconds
const LONGEST_DELAY = 30_000;
const STABLE = 10_000; // a connection that held so long begins the delays anew

let socket; // the connection, also while it opens
let me; // its id, from the welcome message; none while it opens
let welcomed = false; // in this visit, by any connection
let members = new Map(); // names by id
let pending = []; // lines that have not come back
let attempts = 0; // since a connection was stable
let retryAt = 0;
let timer;

// ---- the connection

function connect() {
  clearInterval(timer);
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const place = new URLSearchParams({ name: $('name').value, room: $('room').value });
  const ws = new WebSocket(`${scheme}//${location.host}/chat?${place}`);
  let opened;
  const last = socket;
  socket = ws;
  last?.close(); // if it is still opening
  // After a loss, the status line stays until there is a connection.
  showState('connecting…', attempts ? 'lost' : '');
  ws.onopen = () => { opened = performance.now(); };
  ws.onmessage = ({ data }) => { if (ws === socket) react(JSON.parse(data)); };
  ws.onclose = ({ code, reason }) => {
    if (ws !== socket) return; // we left
    me = undefined;
    if (opened !== undefined && performance.now() - opened > STABLE) attempts = 0;
    retryLater(opened === undefined ? 'No connection' : `Connection lost${why(code, reason)}`);
  };
}

function why(code, reason) {
  if (reason) return ` (${reason})`;
  return code === 1001 ? ' (the server went away)' : '';
}

// Waits longer each time, and never as long as all others who lost the same server.
function retryLater(text) {
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempts);
  attempts += 1;
  retryAt = Date.now() + longest * (0.5 + Math.random() / 2);
  showState(`${text}.`, 'lost', true);
  // What did not come back may be lost: its author can send it again.
  if (pending.length && !$('text').value) $('text').value = pending.join(' ').slice(0, $('text').maxLength);
  pending = [];
  timer = setInterval(countDown, 250);
  countDown();
}

function countDown() {
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  if (left <= 0) return connect();
  $('countdown').textContent = `Trying again in ${left}\u00a0s.`;
}

function leave() {
  clearInterval(timer);
  const ws = socket;
  socket = undefined;
  me = undefined;
  ws?.close(1000);
  welcomed = false;
  attempts = 0;
  pending = [];
  $('log').replaceChildren();
  $('text').value = '';
  showState('not connected', '');
  showRoom(false);
  $('name').focus();
}

// ---- what the server says

function react(event) {
  switch (event.type) {
    case 'welcome':
      me = event.id;
      members = new Map(event.present.map(({ id, name }) => [id, name]));
      $('title').replaceChildren('Chat', ...(event.room ? [' · ', isolated('bdi', event.room)] : []));
      if (!welcomed) showRoom(true);
      showState('connected', 'connected');
      note(welcomed ? 'You are back as ' : 'You joined as ', event.name);
      welcomed = true;
      showMembers();
      break;
    case 'said':
      if (event.id === me) pending.shift();
      // A member at another server, who was there before.
      if (!members.has(event.id)) {
        members.set(event.id, event.name);
        showMembers();
      }
      said(event);
      break;
    case 'joined':
      members.set(event.id, event.name);
      showMembers();
      note('', event.name, ' joined');
      break;
    case 'left':
      members.delete(event.id);
      showMembers();
      note('', event.name, ' left');
      break;
    case 'refused':
      pending.shift();
      note(event.reason);
      break;
  }
}

// ---- what is shown

function showState(text, className, canRetry = false) {
  const focused = document.activeElement;
  document.body.className = className;
  $('state').textContent = text;
  $('countdown').textContent = '';
  $('retry').hidden = !canRetry;
  $('send').disabled = className !== 'connected';
  // A button that disappears must not take the focus with it.
  if (focused === $('retry') && $('retry').hidden) $('text').focus();
}

function showRoom(open) {
  $('enter').hidden = open;
  $('log').hidden = $('leave').hidden = $('members').hidden = !open;
  document.querySelector('footer').hidden = !open;
  $('members').open = false;
  if (open) $('text').focus();
  else $('title').textContent = 'Chat';
}

function showMembers() {
  const names = [...members.values()];
  const shown = names.slice(0, NAMES_SHOWN).flatMap((name) => [', ', isolated('bdi', name)]).slice(1);
  const more = names.length > NAMES_SHOWN ? `, +${names.length - NAMES_SHOWN} more` : '';
  $('present').replaceChildren(`${names.length} here: `, ...shown, more);
  if ($('members').open) showList();
}

function showList() {
  $('list').replaceChildren(...[...members].map(([id, name]) => {
    const item = document.createElement('li');
    item.append(isolated('bdi', name), id === me ? ' (you)' : '');
    return item;
  }));
}

function said({ id, name, text, time }) {
  const line = document.createElement('div');
  line.className = id === me ? 'said mine' : 'said';
  const head = document.createElement('div');
  head.className = 'head';
  const author = isolated('b', name);
  // Seen from the side it is on; to be heard all the same.
  if (id === me) author.classList.add('unseen');
  const date = new Date(time);
  const when = isolated('time', date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  when.dateTime = date.toISOString();
  when.title = date.toLocaleString();
  head.append(author, when);
  line.append(head, isolated('p', text));
  append(line);
}

function note(before, name = '', after = '') {
  const line = document.createElement('div');
  line.className = 'note';
  line.append(before, ...(name ? [isolated('bdi', name)] : []), after);
  append(line);
}

function isolated(tag, text) {
  const element = document.createElement(tag);
  element.dir = 'auto';
  element.textContent = text;
  return element;
}

// ---- the newest line stays in view, unless an older one is being read

let atEnd = true;

function append(line) {
  $('log').append(line);
  if ($('log').childElementCount > LINES_KEPT) $('log').firstChild.remove();
  follow();
}

function follow() {
  if (atEnd) $('log').scrollTop = $('log').scrollHeight;
}
new ResizeObserver(follow).observe($('log'));
$('log').onscroll = ({ target }) => {
  atEnd = target.scrollTop + target.clientHeight > target.scrollHeight - 40;
};

// Where a keyboard lies over the page instead of making it smaller, what it leaves is the page.
window.visualViewport?.addEventListener('resize', () => {
  document.body.style.height = `${window.visualViewport.height}px`;
  window.scrollTo(0, 0);
});

// ---- what is typed and pressed

$('enter').onsubmit = (event) => {
  event.preventDefault();
  $('name').value = $('name').value.trim();
  if (!$('name').value) return $('name').focus();
  connect();
};

$('speak').onsubmit = (event) => {
  event.preventDefault();
  const text = $('text').value;
  if (!text.trim() || me === undefined || socket.readyState !== WebSocket.OPEN) return;
  atEnd = true;
  socket.send(text);
  pending.push(text);
  $('text').value = '';
  $('text').focus();
};

$('retry').onclick = connect;
$('leave').onclick = leave;
window.addEventListener('online', () => { if (!$('retry').hidden) connect(); });

$('members').ontoggle = () => { if ($('members').open) showList(); };
document.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape' || !$('members').open) return;
  $('members').open = false;
  $('members').firstElementChild.focus();
});
document.addEventListener('click', ({ target }) => {
  if (!$('members').contains(target)) $('members').open = false;
});
