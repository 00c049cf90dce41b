// Cards follow a finger, a pen or the mouse, and are decided on where they are let go far enough.

const SIDEWAYS = 90;
const UPWARDS = 110;

/** What letting go at (x, y) pixels from where it began would decide, or null. */
function decision(x, y, finger) {
  if (Math.abs(x) >= SIDEWAYS) return x > 0 ? "like" : "pass";
  // Upwards a finger scrolls the page.
  return !finger && -y >= UPWARDS ? "superlike" : null;
}

/** Let `card` be dragged; `decide(action)` is called where it was let go for good. */
export function draggable(card, decide) {
  let from = null;
  const stamp = card.querySelector(".stamp");

  card.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    from = { x: event.clientX, y: event.clientY };
    card.setPointerCapture(event.pointerId);
    card.classList.add("dragged");
  });

  function moved(event) {
    return [event.clientX - from.x, event.clientY - from.y, event.pointerType === "touch"];
  }

  card.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y, finger] = moved(event);
    card.style.transform = `translate(${x}px, ${finger ? 0 : Math.min(y, 20)}px) rotate(${x / 25}deg)`;
    const decided = decision(x, y, finger);
    stamp.textContent = decided ?? "";
    stamp.className = `stamp ${decided ?? ""}`;
  });

  function end(event) {
    if (!from) return;
    const decided = event.type === "pointerup" ? decision(...moved(event)) : null;
    from = null;
    card.classList.remove("dragged");
    if (decided) {
      decide(decided);
    } else {
      card.style.transform = "";
      stamp.textContent = "";
    }
  }

  card.addEventListener("pointerup", end);
  card.addEventListener("pointercancel", end);
}
