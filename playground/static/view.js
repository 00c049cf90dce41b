// What things look like. Names and all else from the API are text, never markup.

import { reason } from "./words.js";

const BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const AGAIN_MS = 15_000;
const SVG = "http://www.w3.org/2000/svg";

/** An element with properties (class, text, data-…, aria-…) and children. */
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** [red, green, blue] of 0 to 255: the average of a blurhash, or a colour of the name. */
function colour(photo, name) {
  const digits = [...(photo?.blurhash ?? "")].slice(2, 6).map((each) => BASE83.indexOf(each));
  if (digits.length === 4 && !digits.includes(-1)) {
    const value = digits.reduce((sum, digit) => sum * 83 + digit, 0);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  }
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 997;
  return [0, 2, 4].map((shift) => Math.round(130 + 60 * Math.sin(hash + shift)));
}

function isLight(rgb) {
  const [red, green, blue] = rgb.map((each) => (each / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18;
}

/** The first photo, or initials where there is none, or not yet, or where it is kept elsewhere. */
export function picture({ name, photos }) {
  const [photo] = photos;
  const rgb = colour(photo, name);
  const initials = name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("");
  const made = make("div", { class: "picture" }, make("span", { "aria-hidden": "true", text: initials }));
  made.style.backgroundColor = `rgb(${rgb.join(" ")})`;
  made.style.color = isLight(rgb) ? "#000" : "#fff";
  if (photo?.url.startsWith("/photos/")) load(made, photo.url);
  return made;
}

function load(picture, url) {
  const image = make("img", { alt: "", src: url, decoding: "async", draggable: "false" });
  image.addEventListener("load", () => picture.classList.add("loaded"));
  image.addEventListener("error", () => {
    image.remove();
    // It may be drawn by then.
    setTimeout(() => picture.isConnected && load(picture, url), AGAIN_MS);
  });
  picture.append(image);
}

function where({ distance_km: km, simulated }) {
  return `< ${km.toLocaleString()} km${simulated ? " · simulated" : ""}`;
}

/** A card in a sentence. */
export function summary(shown) {
  const why = shown.why.map(reason).join(", ");
  return `${shown.name}, ${shown.age}, ${where(shown)}${why && `: ${why}`}.`;
}

export function card(shown) {
  const why = shown.why.map((each) => make("li", { text: reason(each) }));
  return make(
    "article",
    { class: "card", "data-id": shown.id, "aria-label": `${shown.name}, ${shown.age}` },
    picture(shown),
    make("p", { class: "stamp", "aria-hidden": "true" }),
    make(
      "div",
      { class: "about" },
      make("h2", {}, make("b", { text: shown.name }), `, ${shown.age}`),
      make("p", { class: "faint", text: where(shown) }),
      make("ul", { class: "why", "aria-label": "Why" }, ...why),
    ),
  );
}

/** A place of the ranked list: `moved` places up, or null for somebody new. */
export function thumb(shown) {
  const made = make(
    "button",
    { type: "button", class: "thumb", "data-id": shown.id },
    picture(shown),
    make("span", { class: "place", "aria-hidden": "true" }),
    make("span", { class: "moved", "aria-hidden": "true" }),
    make("span", { class: "hidden label" }),
  );
  return make("li", {}, made);
}

export function place(item, shown, position, moved, selected) {
  const [mark, said, kind] =
    moved === null ? ["new", "new", "new"]
    : moved > 0 ? [`▲${moved}`, `up ${moved}`, "up"]
    : moved < 0 ? [`▼${-moved}`, `down ${-moved}`, "down"]
    : ["", "", ""];
  const button = item.firstChild;
  button.title = `${shown.name}, ${shown.age}`;
  button.setAttribute("aria-pressed", String(selected));
  button.querySelector(".place").textContent = position + 1;
  const arrow = button.querySelector(".moved");
  arrow.textContent = mark;
  arrow.className = `moved ${kind}`;
  const label = `${position + 1}: ${shown.name}, ${shown.age}${said && `, ${said}`}`;
  button.querySelector(".label").textContent = label;
}

/** One bar a deck, the oldest left: the higher, the nearer to the top; a dot where not shown. */
export function chart(positions, size) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 300 48");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  positions.forEach((position, n) => {
    const height = position === null ? 2 : Math.max(4, (46 * (size - position)) / size);
    const bar = document.createElementNS(SVG, "rect");
    const shape = { x: n * 10 + 1, y: 48 - height, width: 8, height };
    for (const [name, value] of Object.entries(shape)) bar.setAttribute(name, value);
    if (position === null) bar.setAttribute("class", "absent");
    svg.append(bar);
  });
  return svg;
}

export function match(person) {
  const words = make("span", {}, make("b", { text: person.name }), `, ${person.age}`);
  return make("li", {}, picture(person), words);
}
