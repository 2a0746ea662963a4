// The console works without this file; with it, it is quicker to the hand.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const typing = (target) => target?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
const isOpen = () => one("[popover]:popover-open, dialog[open]");
const remember = (name, value) => {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${value ? 31536000 : 0}; samesite=lax${secure}`;
};

document.documentElement.classList.add("js");

// Whatever comes onto the page, now or later, is looked at here: `onArrival((root) => …)`.
const arrivals = [];
const onArrival = (look) => { arrivals.push(look); look(document); };
document.addEventListener("htmx:load", (event) => { for (const look of arrivals) look(event.detail.elt); });

// A phone lays tables out as cards. To those who listen they stay tables, though some browsers then forget what is what.
const ROLES = { TABLE: "table", CAPTION: "caption", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
onArrival((root) => {
  for (const each of [root, ...all("table, table *", root)]) {
    const role = each.tagName === "TH" ? (each.scope === "row" ? "rowheader" : "columnheader") : ROLES[each.tagName];
    if (role) each.setAttribute("role", role);
  }
});

// Times: the server writes them on the reader's clock once it knows it; until then they are put right here.
// Browsers still call Kyiv by the name it had.
const here = (Intl.DateTimeFormat().resolvedOptions().timeZone || "").replace("Europe/Kiev", "Europe/Kyiv");
if (here && document.body.dataset.zone !== here && !("zoneIsChosen" in document.body.dataset)) {
  remember("zone", here);
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
  const short = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  onArrival((root) => {
    for (const time of all("time[datetime]", root)) {
      const when = new Date(time.dateTime);
      time.title = full.format(when);
      if (time.dataset.how === "at") time.textContent = short.format(when);
    }
  });
}

// Light or dark changes at once; the cookie keeps it, and the server for other browsers.
for (const field of all("[data-here]")) field.value = location.pathname + location.search;
for (const button of all("[data-look=theme]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const root = document.documentElement;
    if (button.value) root.dataset.theme = button.value;
    else delete root.dataset.theme;
    one("meta[name=color-scheme]").content = button.value || "light dark";
    remember("theme", button.value);
    fetch(button.form.action, { method: "POST", redirect: "manual", body: new URLSearchParams(new FormData(button.form, button)) });
    for (const each of all("[data-look=theme]")) each.setAttribute("aria-pressed", String(each === button));
  });
}

// Forms: filters apply as soon as they are chosen; what is not chosen stays out of the address.
document.addEventListener("change", (event) => {
  const field = event.target;
  if (!field.matches("[data-submit]")) return;
  for (const each of field.form.elements) if (each.name && !each.value) each.disabled = true;
  field.form.requestSubmit();
});

// A moment is chosen on the viewer's clock and sent as UTC beside it.
onArrival((root) => { for (const zone of all("[data-clock]", root)) zone.textContent = zone.dataset.clock; });
document.addEventListener("submit", (event) => {
  for (const utc of all("[data-utc-of]", event.target)) {
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
window.addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

// Rows of a form that are empty wait for the button that brings one more.
for (const more of all("[data-row-more]")) {
  const every = all("[data-row]", more.parentElement);
  for (const row of every.slice(1)) row.hidden = all("input", row).every((field) => !field.value);
  const tell = () => { more.hidden = every.every((row) => !row.hidden); };
  more.addEventListener("click", () => {
    const next = every.find((row) => row.hidden);
    next.hidden = false;
    one("input", next).focus();
    tell();
  });
  tell();
}

// A form that was refused opens again, as it was filled in.
onArrival((root) => { for (const sheet of all("[popover][data-open]", root)) sheet.showPopover?.(); });

// Toasts go by themselves, unless somebody is at them.
for (const toast of all(".toast")) {
  const leave = () => { if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2000); else toast.classList.add("is-gone"); };
  setTimeout(leave, toast.matches(":has(form)") ? 10000 : 5000);
  one("[data-close]", toast)?.addEventListener("click", () => toast.classList.add("is-gone"));
}

// Rows: j and k walk them, x chooses, Enter opens. A row is whatever has a link of the class row-link.
const rows = () => all("a.row-link");
const rowOf = (element) => element?.closest("tr, li");
const current = () => one("a.row-link", rowOf(document.activeElement) ?? document.createElement("i"));

function walk(by) {
  const every = rows();
  if (!every.length) return;
  const at = every.indexOf(current());
  const next = every[at < 0 ? (by > 0 ? 0 : every.length - 1) : Math.min(Math.max(at + by, 0), every.length - 1)];
  rowOf(next).scrollIntoView({ block: "nearest" });
  next.focus({ preventScroll: true });
}

// Choosing rows: a bar with what may be done with them; Shift chooses all up to the last one.
let lastChosen = null;
const choices = () => all("input[type=checkbox][data-choice]");

function tellChosen() {
  const bar = one("[data-chosen-bar]");
  if (!bar) return;
  const every = choices();
  const chosen = every.filter((box) => box.checked).length;
  for (const count of all("[data-chosen]", bar)) count.textContent = chosen.toLocaleString(document.documentElement.lang);
  const box = one("[data-choose-all]");
  if (box) { box.checked = chosen > 0 && chosen === every.length; box.indeterminate = chosen > 0 && chosen < every.length; }
  for (const each of every) rowOf(each).toggleAttribute("data-is-chosen", each.checked);
}
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-choose-all]")) {
    for (const box of choices()) box.checked = event.target.checked;
    tellChosen();
  } else if (event.target.matches("[data-choice]")) {
    const every = choices();
    const [from, to] = [every.indexOf(lastChosen), every.indexOf(event.target)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) for (const box of every.slice(from, to + 1)) box.checked = event.target.checked;
    lastChosen = event.target;
    tellChosen();
  } else if (event.target.closest("[data-choose-none]")) {
    for (const box of choices()) box.checked = false;
    tellChosen();
  }
});
onArrival(tellChosen);
window.addEventListener("pageshow", tellChosen);

// The list is left and found again where it was.
if (one("[data-list]")) sessionStorage.setItem("list", location.search);
for (const back of all("[data-back]")) back.search = sessionStorage.getItem("list") || "";

// The palette: pages, what may be done here, orders by what they are called.
const palette = one("#palette");
const paletteWords = one("#palette-words")?.content.firstElementChild.dataset;
let found = [];

function commands() {
  const pages = all(".side .places a").map((link) => ({
    name: link.textContent.replace(/g \S$/, "").trim(), kind: paletteWords.goes, icon: one("use", link)?.getAttribute("href"), run: () => link.click(),
  }));
  const verbs = all("main [data-command]").filter((button) => button.checkVisibility()).map((button) => ({
    name: button.dataset.command || button.textContent.trim(), kind: button.dataset.kind || paletteWords.does, icon: one("use", button)?.getAttribute("href"), run: () => button.click(),
  }));
  const looks = all("#me [data-look]").map((button) => ({
    name: `${document.getElementById(button.parentElement.getAttribute("aria-labelledby")).textContent.trim()}: ${button.textContent.trim()}`,
    kind: "", icon: one("use", button)?.getAttribute("href"), run: () => button.click(),
  }));
  return [...verbs, ...pages, ...looks];
}

const fits = (name, words) => words.every((word) => name.toLocaleLowerCase().includes(word));

function showFound(orders) {
  const typed = one("input", palette).value.trim();
  const words = typed.toLocaleLowerCase().split(/\s+/);
  found = commands().filter((command) => fits(command.name, words));
  if (typed) {
    found.push(...orders, { name: `${paletteWords.find}: ${typed}`, kind: "", icon: null, run: () => { location.href = `/orders?q=${encodeURIComponent(typed)}`; } });
  }
  const list = one("ul", palette);
  list.replaceChildren(...found.map((command, at) => {
    const item = document.createElement("li");
    item.role = "option";
    item.id = `command-${at}`;
    item.ariaSelected = String(at === 0);
    if (command.icon) {
      const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      picture.classList.add("icon");
      picture.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
      picture.firstChild.setAttribute("href", command.icon);
      item.append(picture);
    }
    const name = document.createElement("span");
    name.textContent = command.name;
    const kind = document.createElement("span");
    kind.className = "kind";
    kind.textContent = command.kind;
    item.append(name, kind);
    item.addEventListener("click", () => runCommand(at));
    item.addEventListener("mousemove", () => pointAt(at));
    return item;
  }));
  one(".palette-none", palette).hidden = found.length > 0;
  pointAt(0);
}

function pointAt(at) {
  const items = all("li", palette);
  items.forEach((item, index) => { item.ariaSelected = String(index === at); });
  items[at]?.scrollIntoView({ block: "nearest" });
  one("input", palette).setAttribute("aria-activedescendant", items[at]?.id ?? "");
}

function runCommand(at) {
  palette.close();
  found[at]?.run();
}

let asked = 0;
async function askOrders() {
  const typed = one("input", palette).value.trim();
  const mine = ++asked;
  showFound([]);
  if (!typed) return;
  await new Promise((done) => setTimeout(done, 120));
  if (mine !== asked) return;
  const answer = await fetch(`/orders/called?q=${encodeURIComponent(typed)}`, { headers: { accept: "application/json" } });
  if (mine !== asked || !answer.ok) return;
  const orders = await answer.json();
  if (orders.length) {
    showFound(orders.map((order) => ({ name: order.says, kind: paletteWords.opens, icon: null, run: () => { location.href = order.address; } })));
  }
}

function openPalette() {
  if (!palette || palette.open) return;
  isOpen()?.hidePopover?.();
  one("input", palette).value = "";
  showFound([]);
  palette.showModal();
}
if (palette) {
  for (const button of all("[data-palette]")) button.addEventListener("click", openPalette);
  one("input", palette).addEventListener("input", () => askOrders().catch(() => {}));
  palette.addEventListener("keydown", (event) => {
    const at = all("li", palette).findIndex((item) => item.ariaSelected === "true");
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && found.length) pointAt((at + by + found.length) % found.length);
    else if (event.key === "Enter") runCommand(Math.max(at, 0));
    else return;
    event.preventDefault();
  });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
}

// Keys. After g comes the key of a page; what counts is when they were hit, not when a busy page came to it.
let afterG = -Infinity;
const keys = {
  "/": () => one("input[type=search]")?.select(),
  j: () => walk(1),
  k: () => walk(-1),
  x: () => one("[data-choice]", rowOf(document.activeElement) ?? document.createElement("i"))?.click(),
  o: () => current()?.click(),
  u: () => one("[data-back]")?.click(),
  g: (event) => { afterG = event.timeStamp; },
  "?": () => one("#keys")?.togglePopover(),
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.key === "Escape" && typing(event.target) && !isOpen()) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (isOpen() && !(event.key === "?" && one("#keys:popover-open"))) return;
  const goes = event.timeStamp - afterG < 1500 && one(`.places a[data-key="${CSS.escape(event.key)}"]`);
  if (event.key !== "g") afterG = -Infinity;
  const act = goes ? () => goes.click() : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act(event);
});

// After a move the worker does what follows within moments: look again twice, unless somebody is at the page: a form is
// open, typed into or on its way. Asked once more when the answer has come: they may have begun meanwhile.
const isTyped = (field) => field.value !== field.defaultValue;
const isBusy = () => isOpen() || typing(document.activeElement) || all("form").some((form) => form.dataset.sent)
  || all("main :is(input:not([type=hidden]), textarea)").some(isTyped);
async function lookAgain() {
  if (isBusy()) return;
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || isBusy()) return;
  const open = all("main details").map((each) => each.open);
  one("main").replaceWith(one("main", fresh));
  all("main details").forEach((each, index) => { each.open = open[index] ?? false; });
  for (const look of arrivals) look(one("main"));
  window.htmx?.process(one("main"));
}
if (one("[data-settling]")) {
  history.replaceState(null, "", location.pathname);
  for (const delay of [1500, 5000]) setTimeout(() => lookAgain().catch(() => {}), delay);
}
