// The playground: what is in hand, what is decided on it, and how the next deck answers.

import { Api, Outbox } from "./api.js";
import { draggable } from "./drag.js";
import * as news from "./news.js";
import * as view from "./view.js";
import * as words from "./words.js";

const SIZE = 20;
const FEW = 4;
const DECKS = 30;
// A swipe is learned from within a second of its answer: asked sooner, the deck would not know it.
const LEARNED_MS = 600;
const KEYS = {
  ArrowLeft: "pass",
  ArrowRight: "like",
  ArrowUp: "superlike",
  ArrowDown: "rewind",
  Backspace: "rewind",
};
// The card itself is as good as before.
const STILL_GOOD = new Set(["over_limit", "over_superlikes"]);
const GOOD = new Set(["accepted", "duplicate", "already_swiped", "rewound"]);

const at = (id) => document.getElementById(id);
/** What is only looked at again with the next deck may fail. */
const quietly = (look) => look.catch(() => {});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const { viewer, api: root } = document.body.dataset;
const api = new Api(root, Number(viewer));
const outbox = new Outbox(api, { answered, rewound, refused, waits });

let queue = []; // cards to decide on, the one in hand first
let ranked = []; // the newest deck
let exhausted = false;
let decks = []; // of each the place of everybody in it
let decided = new Set(outbox.ops.map((op) => op.card.id));
let last = null; // the swipe that can be taken back
let selected = null;
let wanted = 0; // timer of the next deck
let fetching = null;

function say(text, problem = false) {
  // Who cannot see the card is told whose it is.
  const next = queue[0] && ` Now ${view.summary(queue[0])}`;
  at("said").replaceChildren(text, view.make("span", { class: "hidden", text: next ?? "" }));
  at("said").classList.toggle("problem", problem);
}

// --- deciding

function decide(action) {
  const [card] = queue;
  if (action === "rewind") return takeBack();
  if (!card) return undefined;
  queue.shift();
  decided.add(card.id);
  last = outbox.swipe(card, action);
  leave(card, action);
  show();
  say(`${words.DONE[action]} ${card.name}.`);
  if (queue.length < FEW && !exhausted) wantDeck(0);
  return undefined;
}

function takeBack() {
  if (!last) return say(words.refusal("not_rewindable"), true);
  const { card } = last;
  outbox.rewind(last);
  last = null;
  putBack(card);
  return say(`Took it back: ${card.name} is undecided again.`);
}

function putBack(card) {
  decided.delete(card.id);
  queue = [card, ...queue.filter((each) => each.id !== card.id)];
  show();
}

function answered(op, status, left) {
  news.showLeft(left.swipes, left.superlikes);
  if (GOOD.has(status)) {
    if (at("said").classList.contains("problem")) say(`${words.DONE[op.action]} ${op.card.name}.`);
    wantDeck(LEARNED_MS);
  } else {
    undo(op, words.refusal(status, `Not accepted: ${status.replaceAll("_", " ")}.`), STILL_GOOD.has(status));
  }
}

function rewound(op, answer) {
  op.card.token = answer.token;
  for (const card of queue) if (card.id === op.card.id) card.token = answer.token;
  quietly(news.quota(api));
  wantDeck(LEARNED_MS);
}

function refused(op, error) {
  if (op.action === "rewind") {
    decided.add(op.card.id);
    queue = queue.filter((card) => card.id !== op.card.id);
    show();
    say(words.refusal(error.code, `${error.message}.`), true);
  } else {
    undo(op, words.refusal(error.code, `${error.message}.`), false);
  }
}

function undo(op, why, back) {
  if (last === op) last = null;
  decided.delete(op.card.id);
  if (back) putBack(op.card);
  else wantDeck(0);
  say(why, true);
}

function waits(error) {
  say(words.refusal(error.code, `${error.message}.`), true);
}

// --- decks

function wantDeck(ms) {
  clearTimeout(wanted);
  wanted = setTimeout(fetchDeck, ms);
}

async function fetchDeck() {
  if (fetching) {
    await fetching;
    return wantDeck(0);
  }
  fetching = api.get("/v1/deck", { size: SIZE }).then(dealt, failed);
  await fetching;
  fetching = null;
  return undefined;
}

function dealt(deck) {
  const cards = deck.cards.filter((card) => !decided.has(card.id));
  const before = ranked.filter((card) => !decided.has(card.id)).map((card) => card.id);
  const first = !decks.length;
  ranked = cards;
  exhausted = deck.exhausted;
  decks = [...decks, new Map(deck.cards.map((card, n) => [card.id, n]))].slice(-DECKS);
  // Whoever is in hand stays there.
  const hand = queue.slice(0, 1);
  queue = [...hand, ...cards.filter((card) => card.id !== hand[0]?.id)];
  at("policy").textContent = words.policy(deck);
  show();
  rank(first ? null : before);
  quietly(news.likes(api));
}

async function failed(error) {
  const text = words.refusal(error.code, `${error.message}.`);
  say(text, true);
  if (!queue.length) at("why-empty").textContent = text;
  if (error.passes) {
    await pause(1000 * Math.max(1, error.waitS));
    wantDeck(0);
  }
}

// --- showing

function show() {
  const stack = at("stack");
  const shown = queue.slice(0, 2);
  const there = new Map([...stack.querySelectorAll(".card:not(.left)")].map((each) => [each.dataset.id, each]));
  for (const [id, each] of there) if (!shown.some((card) => String(card.id) === id)) each.remove();
  shown.forEach((card, n) => {
    let each = there.get(String(card.id));
    if (!each) {
      each = view.card(card);
      draggable(each, decide);
    }
    each.inert = n > 0;
    each.style.zIndex = String(2 - n);
    each.style.transform = "";
    if (!each.isConnected) stack.append(each);
  });
  mark();
  for (const card of queue.slice(2, 6)) {
    if (card.photos[0]?.url.startsWith("/photos/")) new Image().src = card.photos[0].url;
  }
  at("empty").hidden = queue.length > 0;
  at("another").hidden = !exhausted;
  if (!queue.length && decks.length) {
    at("why-empty").textContent = exhausted
      ? "That was everybody who can be shown to this viewer now."
      : "Fetching the next deck …";
  }
  // Not `disabled`, which would take the focus away from whoever is there.
  for (const action of ["pass", "like", "superlike"]) at(action).ariaDisabled = !queue.length;
  at("rewind").ariaDisabled = !last;
  expose();
}

function mark() {
  for (const each of at("ranked").querySelectorAll("button")) {
    each.ariaCurrent = String(each.dataset.id === String(queue[0]?.id));
  }
}

function leave(card, action) {
  const each = at("stack").querySelector(`.card[data-id="${card.id}"]:not(.left)`);
  if (!each) return;
  each.classList.add("left");
  each.inert = true;
  const to = { like: "120%, 4%", pass: "-120%, 4%", superlike: "0, -110%" }[action];
  const turn = { like: 12, pass: -12, superlike: 0 }[action];
  const moved = { transform: `translate(${to}) rotate(${turn}deg)`, opacity: 0 };
  const ends = each.animate([{}, moved], { duration: calm.matches ? 0 : 260, easing: "ease-in" });
  ends.onfinish = () => each.remove();
}

function rank(before) {
  const list = at("ranked");
  const items = new Map([...list.children].map((item) => [item.firstChild.dataset.id, item]));
  const was = new Map([...items].map(([id, item]) => [id, item.getBoundingClientRect()]));
  const now = ranked.map((card, n) => {
    const item = items.get(String(card.id)) ?? view.thumb(card);
    const place = before?.indexOf(card.id) ?? n;
    view.place(item, card, n, place < 0 ? null : place - n, card.id === selected);
    return item;
  });
  const focused = document.activeElement;
  list.replaceChildren(...now);
  mark();
  if (list.contains(focused)) focused.focus({ preventScroll: true });
  if (!calm.matches) for (const item of now) glide(item, was.get(item.firstChild.dataset.id));
}

function glide(item, from) {
  if (!from) return item.animate([{ opacity: 0 }, {}], 300);
  const to = item.getBoundingClientRect();
  const shift = `translate(${from.x - to.x}px, ${from.y - to.y}px)`;
  return item.animate([{ transform: shift }, {}], { duration: 300, easing: "ease-out" });
}

function expose() {
  const card = ranked.find((each) => each.id === selected) ?? queue[0];
  if (!card) return;
  const positions = decks.map((deck) => deck.get(card.id) ?? null);
  const shown = positions.filter((position) => position !== null);
  const mean = shown.reduce((sum, position) => sum + position + 1, 0) / shown.length;
  at("exposed").textContent = `of ${card.name}`;
  at("chart").replaceChildren(view.chart(positions, SIZE));
  at("exposure").textContent = shown.length
    ? `In ${shown.length} of the last ${decks.length} decks of this viewer, at place ${mean.toFixed(1)} on average.`
    : `In none of the last ${decks.length} decks of this viewer.`;
}

function withdraw(people) {
  queue = queue.filter((card) => !people.includes(card.id));
  show();
  wantDeck(0);
}

// --- hands

for (const action of ["rewind", "pass", "superlike", "like"]) {
  at(action).addEventListener("click", () => decide(action));
}

addEventListener("keydown", (event) => {
  const modified = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  const writes = event.target.closest?.("input, select, textarea");
  if (modified || writes || at("match").open || !KEYS[event.key]) return;
  event.preventDefault();
  if (!event.repeat) decide(KEYS[event.key]);
});

at("ranked").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const id = Number(button.dataset.id);
  selected = selected === id ? null : id;
  for (const each of at("ranked").querySelectorAll("button")) {
    each.setAttribute("aria-pressed", String(Number(each.dataset.id) === selected));
  }
  expose();
});

fetchDeck();
outbox.run();
news.follow(api, { withdrawn: withdraw, reset: () => wantDeck(0) });
for (const look of [news.quota, news.me]) quietly(look(api));
