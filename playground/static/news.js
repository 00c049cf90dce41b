// What comes by itself: matches, likes received, what is left of the day.

import * as view from "./view.js";
import * as words from "./words.js";

const POLL_S = 25;

const at = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let known = null; // people matched; null before the first look

async function matches(api, news) {
  const { items, count } = await api.get("/v1/matches", { size: 20 });
  at("matches").replaceChildren(...items.map(view.match));
  at("match-count").textContent = count || "";
  at("no-matches").hidden = items.length > 0;
  const fresh = news && known ? items.filter((item) => !known.has(item.person)) : [];
  known = new Set(items.map((item) => item.person));
  if (fresh.length) celebrate(fresh[0]);
}

function celebrate(person) {
  at("match-picture").replaceChildren(view.picture(person));
  at("match-words").textContent = `You and ${person.name} like each other.`;
  if (!at("match").open) at("match").showModal();
}

export async function likes(api) {
  const { count } = await api.get("/v1/likes", { size: 1 });
  at("likes").textContent = count.toLocaleString();
}

export async function quota(api) {
  const { swipes, superlikes } = await api.get("/v1/quota");
  showLeft(swipes.left, superlikes.left);
}

export function showLeft(swipes, superlikes) {
  at("left").textContent = `${words.count(swipes, "swipe")}, ${words.count(superlikes, "superlike")} left`;
}

export async function me(api) {
  const { name, age } = await api.get("/v1/me");
  at("me").textContent = `You are ${name}, ${age}`;
}

/** Tell what is new as soon as it is, for ever. `told`: withdrawn(people), reset(). */
export async function follow(api, told) {
  let after = null;
  while (true) {
    try {
      const query = after ? { after, wait: POLL_S } : {};
      const { changes, next, reset } = await api.get("/v1/changes", query);
      const since = after !== null;
      after = next;
      if (!since || reset || changes.some((each) => each.kind !== "card_withdrawn")) {
        await matches(api, since);
      }
      const gone = changes.filter((each) => each.kind === "card_withdrawn");
      if (gone.length) told.withdrawn(gone.map((each) => each.person));
      if (reset) told.reset();
      if (since) await likes(api);
    } catch (error) {
      if (error.code === "cursor_invalid") after = null;
      await pause(1000 * Math.max(2, error.waitS ?? 0));
    }
  }
}
