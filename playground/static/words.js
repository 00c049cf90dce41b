// What is said.

export const DONE = { like: "Liked", pass: "Passed on", superlike: "Superliked" };

const REFUSED = {
  offline: "No connection to Gravity. What you decided is kept, and sent again …",
  unavailable: "Gravity is busy. Trying again …",
  swipes_not_recorded: "Gravity could not record that yet. Trying again …",
  too_fast: "That was faster than Gravity lets a phone swipe. Trying again …",
  token_invalid: "This API does not trust the playground’s tokens: it is another Gravity’s.",
  token_expired: "That card was too old. It comes back with a later deck.",
  token_used: "That card was decided on before. It comes back with a later deck.",
  over_limit: "No swipes are left today. The card is back.",
  over_superlikes: "No superlikes are left today. The card is back.",
  profile_missing: "There is nobody with this number. Choose another viewer.",
  location_missing: "This person never said where they are, so nobody is near. Choose another viewer.",
  not_rewindable: "Only the last decision can be taken back, for five minutes.",
};

const WHY = {
  your_photo_taste: ({ times }) => `photos like those you liked ×${times}`,
  your_taste: ({ times }) => `your taste ×${times}`,
  likes_you_probably: ({ percent }) => `probably likes you (${percent}%)`,
  may_like_you: ({ percent }) => `may like you (${percent}%)`,
  often_liked: ({ times }) => `often liked ×${times}`,
  near_you: ({ distance_km: km }) => `nearer than ${km} km`,
};

/** Why something was refused; `code` is a problem's, or the status of a swipe. */
export function refusal(code, otherwise) {
  return Object.hasOwn(REFUSED, code) ? REFUSED[code] : otherwise;
}

/** How a deck came about. */
export function policy({ policy: by, release, exhausted: whole }) {
  const how = by === "fallback"
    ? "Fallback: whoever is near and was here lately, as no ranking came in time."
    : `Ranked by release ${release}, and partly by lot: one move may be chance, what lasts is learned.`;
  return whole ? `${how} Nobody else can be shown.` : how;
}

/** A reason in words; one that came later than this page, as it is called. */
export function reason({ code, parameters }) {
  if (Object.hasOwn(WHY, code)) return WHY[code](parameters);
  return [code.replaceAll("_", " "), ...Object.values(parameters)].join(" ");
}

export function count(n, name) {
  return `${n.toLocaleString()} ${name}${n === 1 ? "" : "s"}`;
}
