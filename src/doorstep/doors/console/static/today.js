// The board of today as it changes: the server sends it whole whenever a number on it is another.
"use strict";

const live = document.querySelector("[data-live]");
const board = document.getElementById("board");

function say(isOn) {
  live.classList.toggle("is-on", isOn);
  live.querySelector("span").textContent = isOn ? live.dataset.on : live.dataset.off;
}

let source = null;
function watch() {
  if (source) return;
  source = new EventSource(live.dataset.live);
  source.onopen = () => say(true);
  source.onerror = () => {
    say(false);
    // Refused outright, it does not come back by itself: the server is away, or they are signed out.
    if (source.readyState === EventSource.CLOSED) { source = null; setTimeout(() => { if (!document.hidden) watch(); }, 5000); }
  };
  source.onmessage = (event) => {
    const fresh = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
    const focused = board.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    board.replaceChildren(...fresh.body.childNodes);
    for (const look of arrivals) look(board);
    if (focused) board.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
}

function rest() {
  source?.close();
  source = null;
  say(false);
}

if (live && board) {
  watch();
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => { if (document.hidden) rest(); else watch(); });
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => { if (event.persisted) watch(); });
}
