// "New job": a form in a dialog that says what the job would do, and begins it. Loaded when it is first asked for; how to ask,
// and how to say what went wrong, it gets from the page's script.

const ADDRESS = /[^\s,;<>"'()]+@[^\s,;<>"'()]+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi;
const OBJECT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MOST_NAMED = 1000;
const counted = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

const at = (id) => document.getElementById(id);

let page = null; // how to ask and to say: { call, problemOf, say }
let offered = {}; // what the page knows for the estimate: { people, perMinute, atOnce }

export function openJob(button, by) {
  page = by;
  offered = Object.fromEntries(Object.entries(button.dataset).map(([name, value]) => [name, Number(value)]));
  estimate();
  at("job").showModal();
}

function jobWanted() {
  const whose = new FormData(at("job-form")).get("whose");
  const how = { force: at("job-force").checked, dryRun: at("job-dry").checked };
  const named = [...new Set((at("job-names").value.match(ADDRESS) ?? []).map((name) => name.toLowerCase()))];
  if (whose === "users") return { whose, people: named.length, body: { users: named, ...how } };
  if (whose === "group") return { whose, people: null, body: { group: at("job-group-id").value.trim(), ...how } };
  return { whose, people: offered.people, body: { all: true, ...how } };
}

function jobTakes(people, whose) {
  if (whose === "users" && people <= offered.atOnce) return "within a minute or so";
  const minutes = Math.max(1, Math.round(people / offered.perMinute));
  return minutes < 120 ? `after about ${counted(minutes, "minute", "minutes")}` : `after about ${Math.round(minutes / 60)} hours`;
}

function estimate() {
  const { whose, people, body } = jobWanted();
  at("job-users").hidden = whose !== "users";
  at("job-group").hidden = whose !== "group";
  at("job-wrong").textContent = "";
  at("job-start").textContent = body.dryRun ? "Try it" : "Start the job";
  at("job-estimate").textContent = estimated(whose, people, body);
}

function estimated(whose, people, { force, dryRun }) {
  const who = people === null ? "The group’s members who are in scope" : counted(people, "person", "people");
  if (people === 0 && whose === "users") return "Nobody is named yet.";
  if (dryRun) return `${who}: looked at, and told whose picture would be copied. SharePoint is not touched.`;
  if (people === null) return `${who}: looked at, and copied ${force ? "whether in step or not" : "where the photo differs"}. How many they are shows once they are listed.`;
  const takes = jobTakes(people, whose);
  if (force) return `${who}: copied again, whether in step or not; done ${takes}.`;
  return `${who}: looked at, and copied where the photo differs; done ${takes} even if everybody’s did.`;
}

async function startJob() {
  const { whose, people, body } = jobWanted();
  const wrong = at("job-wrong");
  if (whose === "users" && people === 0) {
    wrong.textContent = "Name at least one person by user principal name (like an e-mail address) or object id.";
    return at("job-names").focus();
  }
  if (whose === "group" && !OBJECT_ID.test(body.group)) {
    wrong.textContent = "That is no object id: it has 8-4-4-4-12 hexadecimal digits. In Entra ID, Groups, it is on the group’s overview.";
    return at("job-group-id").focus();
  }
  if (whose === "users" && people > MOST_NAMED) {
    wrong.textContent = `That are ${counted(people, "name", "names")}; up to 1,000 go at once. A group can have more members.`;
    return at("job-names").focus();
  }
  at("job-start").disabled = true;
  try {
    const answer = await page.call("POST", "sync", JSON.stringify(body));
    if (!answer.ok) return (wrong.textContent = await page.problemOf(answer));
    const told = await answer.json();
    at("job").close();
    at("job-form").reset();
    location.hash = `#/run/job/${told.jobId}`;
    page.say("The job has begun. This page follows it.");
  } catch {
    wrong.textContent = "The app cannot be reached. Nothing was started, as far as this page knows.";
  } finally {
    at("job-start").disabled = false;
  }
}

at("job-form").addEventListener("input", estimate);
at("job-form").addEventListener("submit", (event) => {
  event.preventDefault();
  startJob();
});
at("job-not-now").addEventListener("click", () => at("job").close());
at("job").addEventListener("close", () => at("new-job")?.focus());
