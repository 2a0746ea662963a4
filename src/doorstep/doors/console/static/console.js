// The console works without this file; with it, it is quicker to the hand.
"use strict";

document.documentElement.classList.add("js");

const rows = () => [...document.querySelectorAll("a.row-link")];
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
const sheetIsOpen = () => document.querySelector("[popover]:popover-open");

// Times: the server writes UTC; here they become the viewer's own.
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    time.title = full.format(when);
    if (time.dataset.how === "at") time.textContent = short.format(when);
  }
}
localize(document);

// Filters apply as soon as they are chosen; what is not chosen stays out of the address.
for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => {
    for (const field of select.form.elements) if (field.name && !field.value) field.disabled = true;
    select.form.submit();
  });
}

// A moment is chosen on the viewer's clock and sent as UTC beside it.
for (const zone of document.querySelectorAll("[data-zone]")) zone.textContent = "On your clock.";
document.addEventListener("submit", (event) => {
  for (const utc of event.target.querySelectorAll("[data-utc-of]")) {
    const chosen = document.getElementById(utc.dataset.utcOf).value;
    utc.value = chosen ? new Date(chosen).toISOString() : "";
  }
});

// A form is sent once, however often its button is hit.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A form that was refused opens again, as it was filled in.
for (const sheet of document.querySelectorAll("[popover][data-open]")) sheet.showPopover?.();

// The list is left and found again where it was.
if (document.querySelector("table.orders")) sessionStorage.setItem("list", location.search);
for (const back of document.querySelectorAll("[data-back]")) {
  back.search = sessionStorage.getItem("list") || "";
}

function mark(row) {
  row.closest("tr").scrollIntoView({ block: "nearest" });
  row.focus({ preventScroll: true });
}

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  mark(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

const keys = {
  "/": () => document.querySelector("input[type=search]")?.select(),
  j: () => move(1),
  k: () => move(-1),
  o: () => document.activeElement.closest("a.row-link")?.click(),
  u: () => document.querySelector("[data-back]")?.click(),
  "?": () => { const me = document.querySelector("details.me"); if (me) me.open = !me.open; },
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && typing(event.target)) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || sheetIsOpen()) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// Menus close when something else is touched.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.me[open]")) if (!open.contains(event.target)) open.open = false;
});

// After a move the worker does what follows within moments: look again twice, unless somebody is typing.
async function lookAgain() {
  if (sheetIsOpen() || typing(document.activeElement ?? document.body)) return;
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  if (!answer.ok || sheetIsOpen()) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const notice = document.querySelector("[data-settling]");
  const open = [...document.querySelectorAll("main details")].map((one) => one.open);
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  if (notice) document.querySelector(".order-head")?.after(notice);
  document.querySelectorAll("main details").forEach((one, index) => { one.open = open[index] ?? false; });
  localize(document.querySelector("main"));
}
if (document.querySelector("[data-settling]")) {
  history.replaceState(null, "", location.pathname);
  for (const delay of [1500, 5000]) setTimeout(() => lookAgain().catch(() => {}), delay);
}
