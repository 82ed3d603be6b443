// "Check everything": asks GET /api/health and shows what it found as a table, in a dialog. Loaded when it is first asked
// for; how to ask, and how to say what went wrong, it gets from the page's script.

const MARKS = { passed: ["✓", "valid"], warning: ["!", "deferred"], failed: ["✗", "failed"], skipped: ["–", ""] };
const at = (id) => document.getElementById(id);

let last = null; // what was found, for "Copy for a ticket"
let running = false;

export async function openChecks(call, problemOf) {
  at("checks").showModal();
  at("checks-again").onclick = () => check(call, problemOf);
  at("checks-copy").onclick = copy;
  await check(call, problemOf);
}

async function check(call, problemOf) {
  if (running) return;
  running = true;
  last = null;
  at("checks-again").disabled = at("checks-copy").disabled = true;
  at("checks-found").replaceChildren();
  const started = Date.now();
  const tell = () => say(`Checking: Storage, Entra ID, Graph and SharePoint are asked. ${seconds(started)}`);
  say("Checking: Storage, Entra ID, Graph and SharePoint are asked.");
  const timer = setInterval(tell, 5000);
  try {
    const answer = await call("GET", "health");
    // A failed check is answered with 503, with the same body.
    const told = answer.ok || answer.status === 503 ? await answer.clone().json().catch(() => null) : null;
    if (!told?.checks) return say(await problemOf(answer));
    last = told;
    at("checks-found").replaceChildren(table(told.checks));
    say(summary(told));
  } catch {
    say("The app cannot be reached.");
  } finally {
    clearInterval(timer);
    running = false;
    at("checks-again").disabled = false;
    at("checks-copy").disabled = last === null;
  }
}

const say = (text) => (at("checks-state").textContent = text);
const seconds = (started) => `${Math.round((Date.now() - started) / 1000)} s so far.`;

function summary({ counts }) {
  const told = [`${counts.failed} failed`, `${counts.warning} ${counts.warning === 1 ? "warning" : "warnings"}`];
  told.push(`${counts.passed} passed`);
  if (counts.skipped) told.push(`${counts.skipped} skipped`);
  return told.join(", ");
}

// Everything is put in as text, never as HTML.
function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) if (value) made.setAttribute(key, value);
  return made;
}

function table(checks) {
  const made = element("table");
  made.append(element("caption", "What was found", { class: "unseen" }), head());
  for (const section of new Set(checks.map((one) => one.section))) {
    const body = element("tbody");
    const title = element("tr");
    title.append(element("th", section, { colspan: "3", scope: "rowgroup", class: "section" }));
    body.append(title, ...checks.filter((one) => one.section === section).map(row));
    made.append(body);
  }
  return made;
}

function head() {
  const made = element("thead");
  const line = element("tr");
  line.append(...["Check", "Verdict", "What was found"].map((name) => element("th", name, { scope: "col" })));
  made.append(line);
  return made;
}

function row(one) {
  const made = element("tr", "", { id: `check-${one.id}` });
  const [mark, look] = MARKS[one.verdict] ?? ["?", ""];
  const verdict = element("td");
  const tag = element("span", "", { class: `tag ${look}`.trim() });
  tag.append(element("span", `${mark} `, { "aria-hidden": "true" }), one.verdict);
  verdict.append(tag);
  const found = element("td", one.found);
  if (one.remedy) found.append(element("p", `→ ${one.remedy}`, { class: "remedy" }));
  if (one.requestId) found.append(element("p", `Request id ${one.requestId}, for Microsoft’s support`, { class: "quiet" }));
  made.append(element("th", one.title, { scope: "row" }), verdict, found);
  return made;
}

async function copy() {
  const lines = last.checks.map((one) => {
    const more = [one.remedy && `→ ${one.remedy}`, one.requestId && `request id ${one.requestId}`].filter(Boolean);
    return [`${one.verdict}: ${one.title}`, ...[one.found, ...more].map((text) => `    ${text}`)].join("\n");
  });
  const head = `Profile Photo Sync ${last.version}, checked ${last.checkedAt}`;
  await navigator.clipboard.writeText([head, ...lines, summary(last)].join("\n"));
  say("Copied. It holds no secret and names no person.");
}
