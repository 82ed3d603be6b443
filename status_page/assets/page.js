// The page's one script. It asks for the key, or for signing in, fetches pieces of HTML that the server has rendered, and puts them in
// place without disturbing who types or reads. It keeps nothing but the key, in this tab.

const KEY = "photosync-key";
const ENTRA = document.documentElement.dataset.signIn === "entra"; // App Service authentication knows who is there
const REFRESH_MS = 5000;
const SOON_MS = 1000; // while something that takes seconds is under way
const TYPING_MS = 300;

const api = new URL("../../", import.meta.url); // the script is /api/dashboard/assets/…
const at = (id) => document.getElementById(id);
const view = at("view");

let shown = ""; // which view is in place: its pieces are exchanged, another one's replace it
let asked = 0; // the latest request; answers to earlier ones are thrown away
let still = false; // nothing is fetched by itself
let timer = 0;
let kind = ""; // of the first line, to announce when it changes
const search = { text: "", sort: "name", places: [], start: null, lookedAt: 0 };
// places: where the pages after the first begin; start: where the first one does, when nobody was found before

// ---- Talking to the app

async function call(method, path, body) {
  const headers = { "x-photosync-page": "1" };
  const key = sessionStorage.getItem(KEY);
  if (key) headers["x-functions-key"] = key;
  if (body !== undefined) headers["content-type"] = "application/json";
  return fetch(new URL(path, api), {
    method,
    headers,
    body,
    cache: "no-store",
    credentials: "same-origin",
    redirect: "manual", // App Service authentication may send who is not signed in to a page of its own
  });
}

// App Service authentication answers 401, or wants to lead elsewhere; the host answers 401 to a wrong key.
const isSignedOut = (answer) => answer.status === 401 || answer.type === "opaqueredirect";

async function problemOf(answer) {
  if (isSignedOut(answer)) return "You are not signed in any more. Load the page again.";
  if (answer.status === 500) return "The app itself failed. Its log says why.";
  try {
    const told = await answer.json();
    return `${told.title} ${told.detail ?? ""}`.trim();
  } catch {
    return `The app answered ${answer.status}.`;
  }
}

// ---- Which view

function route() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const [, first, second, third] = path.split("/");
  if (first === "user") return { view: "user", id: second };
  if (first === "run") return { view: "run", kind: second, id: third };
  return { view: "home", state: new URLSearchParams(query ?? "").get("state") ?? "" };
}

function wanted() {
  const to = route();
  if (to.view !== "home") return to;
  return { ...to, text: search.text, sort: search.sort, place: search.places.at(-1) ?? search.start, lookedAt: search.lookedAt };
}

async function load({ moveFocus = false } = {}) {
  clearTimeout(timer);
  const number = ++asked;
  const to = wanted();
  let answer;
  let html = "";
  try {
    answer = await call("POST", "dashboard/view", JSON.stringify(to));
    if (answer.ok) html = await answer.text();
  } catch {
    answer = null;
  }
  if (number !== asked) return;
  at("loading").hidden = true;
  if (answer && (isSignedOut(answer) || answer.status === 403)) {
    lockOut(answer.status === 403 ? await problemOf(answer) : "");
    return;
  }
  if (answer?.ok) {
    put(html, `${to.view}/${to.kind ?? ""}/${to.id ?? ""}`);
    trouble("");
    at("as-of").textContent = still ? `Not refreshed, as of ${clock()}` : `As of ${clock()}`;
    if (moveFocus) at("main").focus({ preventScroll: true });
    if (lookOn()) return;
  } else {
    const why = answer ? await problemOf(answer) : "The app cannot be reached. It is tried again by itself.";
    trouble(why);
    if (answer?.status === 404) view.replaceChildren();
  }
  schedule();
}

// A search among very many people answers in pieces: while nobody is found, it goes on by itself.
function lookOn() {
  const place = view.querySelector("[data-look-on]");
  if (!place || at("ask").open || at("job").open) return false;
  search.start = place.dataset.lookOn;
  search.lookedAt = Number(place.dataset.lookedAt);
  load();
  return true;
}

function schedule() {
  clearTimeout(timer);
  if (!still && !at("live").hidden) timer = setTimeout(refresh, view.querySelector("[data-soon]") ? SOON_MS : REFRESH_MS);
}

function refresh() {
  // Nobody looks at a hidden tab, and nobody wants the list to change under an open question.
  if (document.hidden || at("ask").open || at("job").open) schedule();
  else load();
}

const clock = () => `${new Date().toISOString().slice(11, 19)} UTC`;

// ---- Putting HTML in place

function put(html, name) {
  const parsed = new DOMParser().parseFromString(html, "text/html").body;
  view.hidden = false;
  at("gate").hidden = true;
  at("live").hidden = false;
  if (shown !== name) {
    view.replaceChildren(...parsed.childNodes);
    shown = name;
    kind = "";
    scrollTo(0, 0);
  } else {
    for (const piece of parsed.querySelectorAll("[data-part]")) exchange(at(piece.id), piece);
  }
  if (at("text") && document.activeElement !== at("text")) at("text").value = search.text;
  if (at("back")) at("back").hidden = search.places.length === 0;
  const line = at("line")?.textContent.trim() ?? "";
  document.title = line ? `${line} · Profile Photo Sync` : "Profile Photo Sync";
  announce();
}

function exchange(old, piece) {
  if (!old || old.outerHTML === piece.outerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = old.querySelector(".scroll")?.scrollLeft ?? 0;
  old.replaceWith(piece);
  if (focused) at(focused)?.focus({ preventScroll: true });
  if (scrolled) piece.querySelector(".scroll")?.scrollTo(scrolled, 0);
}

function announce() {
  const told = view.querySelector("[data-kind]");
  if (told && kind && kind !== told.dataset.kind) at("announce").textContent = at("line").textContent;
  kind = told?.dataset.kind ?? "";
}

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

let saidTimer = 0;
function say(text) {
  clearTimeout(saidTimer);
  at("said").textContent = text;
  saidTimer = setTimeout(() => at("said").replaceChildren(), 7000);
}

// ---- Who is there

function lockOut(why = "") {
  const had = sessionStorage.getItem(KEY) !== null;
  sessionStorage.removeItem(KEY);
  view.replaceChildren();
  view.hidden = true;
  shown = "";
  at("live").hidden = true;
  trouble("");
  at("gate").hidden = false;
  if (ENTRA) {
    at("gate-wrong").textContent = why;
    at("sign-in").focus();
    return;
  }
  at("gate-wrong").textContent = had ? "The app did not accept that key. Check that you copied all of it." : "";
  at("key").value = "";
  at("key").focus();
}

at("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, at("key").value.trim());
  at("gate-wrong").textContent = "";
  load({ moveFocus: true });
});

at("forget").addEventListener("click", () => {
  if (ENTRA) return location.assign(at("forget").dataset.leave);
  sessionStorage.removeItem(KEY);
  asked++;
  clearTimeout(timer);
  lockOut();
});

at("check").addEventListener("click", async () => {
  try {
    const { openChecks } = await import(at("check").dataset.module);
    await openChecks(call, problemOf);
  } catch {
    say("The app cannot be reached.");
  }
});

at("still").addEventListener("click", () => {
  still = !still;
  at("still").setAttribute("aria-pressed", String(still));
  at("still").textContent = still ? "Refresh again" : "Stop refreshing";
  if (still) {
    clearTimeout(timer);
    at("as-of").textContent = `Not refreshed, ${at("as-of").textContent.toLowerCase().replace("utc", "UTC")}`;
  } else load();
});

// ---- Doing something

async function confirmed(button) {
  const { title, text, yes, ask } = button.dataset;
  if (!title) return true;
  const dialog = at("ask");
  at("ask-title").textContent = title;
  at("ask-text").textContent = text;
  at("ask-yes").textContent = yes;
  at("ask-more").hidden = !ask;
  at("ask-label").textContent = ask ?? "";
  at("ask-reason").value = "";
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "yes";
}

async function act(button) {
  const { id } = button;
  if (!(await confirmed(button))) return at(id)?.focus();
  const { method, path, ask } = button.dataset;
  const reason = ask ? at("ask-reason").value.trim() : "";
  const body = reason ? JSON.stringify({ ...JSON.parse(button.dataset.body), reason }) : button.dataset.body;
  const pressed = at(id) ?? button;
  pressed.disabled = true;
  try {
    const answer = await call(method, path, body || undefined);
    if (!answer.ok) return say(await problemOf(answer));
    const told = await answer.json();
    say(outcome(method, body, told));
  } catch {
    say("The app cannot be reached. Nothing was changed, as far as this page knows.");
  } finally {
    pressed.disabled = false;
    await load();
    at(id)?.focus({ preventScroll: true });
  }
}

at("ask-reason").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // it would press the first button, which is the one that does nothing
  at("ask").close("yes");
});

function outcome(method, body, told) {
  if (told.paused) return "The app is paused.";
  if (told.paused === false) return "The app goes on within a minute or so.";
  if (method === "DELETE") return "The job is cancelled.";
  if (told.runId) return "A sweep has begun.";
  if (told.putBack !== undefined) return `${told.putBack} put back.`;
  if (told.total === 1 && body?.includes('"restore"')) return "What was there before will be back in a moment.";
  if (told.total === 1) return "The photo will be copied in a moment.";
  if (told.jobId) return `A job has begun${told.total ? ` over ${told.total} people` : ""}.`;
  return "Done.";
}

async function showPhotos(button) {
  button.disabled = true;
  at("photos").hidden = false;
  await Promise.all(["source", "target"].map((side) => showPhoto(button.dataset.photos, side)));
  button.disabled = false;
  button.textContent = "Show them anew";
}

async function showPhoto(user, side) {
  const frame = at(side);
  frame.textContent = "Loading …";
  try {
    const answer = await call("GET", `status/${encodeURIComponent(user)}/photo?of=${side}`);
    if (!answer.ok) {
      const why = document.createElement("p");
      why.textContent = await problemOf(answer);
      return frame.replaceChildren(why);
    }
    const picture = new Image();
    picture.src = URL.createObjectURL(await answer.blob());
    picture.alt = side === "source" ? "The photo in Microsoft 365" : "The picture that SharePoint serves";
    await picture.decode();
    URL.revokeObjectURL(picture.src);
    frame.replaceChildren(picture);
  } catch {
    frame.textContent = "It cannot be shown.";
  }
}

async function download(button) {
  button.disabled = true;
  const kind = button.dataset.download;
  const query = new URLSearchParams();
  if (search.text) query.set("text", search.text);
  const { state } = route();
  if (state) query.set("state", state);
  try {
    const parts = kind === "csv" ? await csvParts(query) : await jsonParts(query);
    if (!parts) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: kind === "csv" ? "text/csv" : "application/json" }));
    link.download = `photo-sync-status.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch {
    say("The app cannot be reached.");
  } finally {
    button.disabled = false;
  }
}

async function csvParts(query) {
  const parts = [];
  let next = `status.csv?${query}`;
  while (next) {
    const answer = await call("GET", next);
    if (!answer.ok) return say(await problemOf(answer));
    parts.push(await answer.arrayBuffer());
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1];
  }
  return parts;
}

async function jsonParts(query) {
  const parts = [];
  query.set("size", "1000");
  for (let after = ""; after !== null; ) {
    if (after) query.set("after", after);
    const answer = await call("GET", `status?${query}`);
    if (!answer.ok) return say(await problemOf(answer));
    const told = await answer.json();
    for (const user of told.users) parts.push(`${parts.length ? ",\n" : ""}${JSON.stringify(user)}`);
    after = told.after ?? null;
  }
  return ["[", ...parts, "]\n"];
}

async function copyText(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

async function openJob(button) {
  try {
    const job = await import(at("job").dataset.module);
    job.openJob(button, { call, problemOf, say });
  } catch {
    say("The app cannot be reached.");
  }
}

// ---- What people do

view.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.path) act(button);
  else if (button.dataset.photos) showPhotos(button);
  else if (button.dataset.copy) copyText(button);
  else if (button.dataset.download) download(button);
  else if (button.id === "new-job") openJob(button);
  else if (button.dataset.place) {
    search.places.push(button.dataset.place);
    search.lookedAt = Number(button.dataset.lookedAt ?? 0);
    load();
  } else if (button.id === "back") {
    search.places.pop();
    search.lookedAt = 0;
    load();
  }
});

let typing = 0;
view.addEventListener("input", (event) => {
  if (event.target.id !== "text") return;
  clearTimeout(typing);
  typing = setTimeout(() => look(event.target.value, search.sort), TYPING_MS);
});

view.addEventListener("change", (event) => {
  if (event.target.id === "sort") look(search.text, event.target.value);
});

view.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  look(at("text").value, search.sort);
});

function look(text, sort) {
  Object.assign(search, { text, sort, places: [], start: null, lookedAt: 0 });
  load();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // what stands after # says which view is shown
  at("main").focus();
});

addEventListener("hashchange", () => {
  Object.assign(search, { places: [], start: null, lookedAt: 0 });
  load({ moveFocus: !shown.startsWith(route().view) });
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !still && !at("live").hidden) load();
});

at("loading").hidden = false;
load();
