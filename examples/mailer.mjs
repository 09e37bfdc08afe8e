// A mailer: node mailer.mjs SERVERS PREFIX STATE SENT [TEMPLATES]
//
// For instance: node mailer.mjs 127.0.0.1:9092 linger mailer.jsonl sent.jsonl templates.json. One process for each STATE.
//
// It first takes what is in the topics into its own state, and only then sends what is due. So a mail whose retraction
// is already in the topic does not go out. docs/mailers.md has the rules that it follows.

import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";

const ACTIONS = ["at-risk", "win-back"]; // and those of yours that sources.yaml declares under `actions`
const KEPT_MS = 30 * 86_400_000; // how long an id is remembered after its action has expired
const AT_ONCE = 100; // how many are sent before the topics are read again

const [servers, prefix, stateFile, sentFile, templatesFile] = process.argv.slice(2);
const topics = ACTIONS.map((action) => `${prefix}.${action}`);
const templates = templatesFile ? JSON.parse(fs.readFileSync(templatesFile, "utf8")) : null;

const lines = (file) => (fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter(Boolean) : []);

// -- the state: a file of changes, read at the start. In production, tables of your database.

const actions = new Map(); // action_id -> { status, notBefore, expiresAt, record }
const positions = new Map(); // "topic:partition" -> the next offset

function apply([kind, key, value]) {
  (kind === "action" ? actions : positions).set(key, value);
}

function append(file, text) {
  const handle = fs.openSync(file, "a");
  fs.writeSync(handle, text);
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}

// One line for all changes that belong together: a kill leaves it whole, or cut off at the end of the file.
const store = (changes) => append(stateFile, JSON.stringify(changes) + "\n");

function open() {
  const stored = lines(stateFile);
  stored.forEach((line, number) => {
    try {
      JSON.parse(line).forEach(apply);
    } catch (error) {
      if (number < stored.length - 1) throw error; // only the last line can be cut off
    }
  });
  const kept = [...actions].filter(([, action]) => action.expiresAt >= Date.now() - KEPT_MS);
  const changes = [...kept.map(([id, action]) => ["action", id, action]), ...[...positions].map((entry) => ["position", ...entry])];
  fs.rmSync(`${stateFile}.new`, { force: true });
  append(`${stateFile}.new`, JSON.stringify(changes) + "\n");
  fs.renameSync(`${stateFile}.new`, stateFile);
}

// -- reading

const isFinal = (action) => action?.status === "sent" || action?.status === "retracted";

// The newest record counts, but `sent` and `retracted` are final: an active record after a retraction changes nothing.
function note(message, place) {
  if (message.value === null) return [];
  let action, notBefore, expiresAt;
  try {
    action = JSON.parse(message.value.toString());
    [notBefore, expiresAt] = [Date.parse(action.not_before ?? "1970-01-01T00:00:00Z"), Date.parse(action.expires_at)];
    const texts = ["action_id", "status", ...(action.status === "active" ? ["customer_id", "template"] : [])];
    const wrong = texts.filter((name) => typeof action[name] !== "string");
    if (action.status === "active" && Object.prototype.toString.call(action.variables) !== "[object Object]") wrong.push("variables");
    if (Number.isNaN(notBefore + expiresAt)) wrong.push("moments");
    if (wrong.length) throw new Error(`missing or of another type: ${wrong.join(", ")}`);
  } catch (error) {
    console.error(`not an action: ${place}:${message.offset} ${error.message}`);
    return [];
  }
  if (isFinal(actions.get(action.action_id))) return [];
  // Any other status is a retraction, for any reason. Fields that are not read here may be new, and change nothing.
  const status = action.status === "active" ? "waiting" : "retracted";
  return [["action", action.action_id, { status, notBefore, expiresAt, record: action }]];
}

async function take({ batch }) {
  const place = `${batch.topic}:${batch.partition}`;
  const changes = [];
  for (const message of batch.messages) {
    const next = Number(message.offset) + 1;
    if (next <= (positions.get(place) ?? 0)) continue; // read before the restart
    const more = [...note(message, place), ["position", place, next]];
    more.forEach(apply);
    changes.push(...more);
  }
  if (changes.length) store(changes);
}

async function readToTheEnd(admin) {
  for (const topic of topics) {
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      const isRead = () => Math.max(positions.get(`${topic}:${partition}`) ?? 0, Number(low)) >= Number(high);
      while (!isRead()) await sleep(50);
    }
  }
}

// -- sending

function sendDue() {
  const now = Date.now();
  const due = [...actions].filter(([, { status, notBefore, expiresAt }]) => status === "waiting" && notBefore <= now && now < expiresAt);
  for (const [id, action] of due.slice(0, AT_ONCE)) {
    const { template } = action.record;
    const isUnknown = templates !== null && !Object.hasOwn(templates, template);
    if (isUnknown) console.error(`unknown template: ${template} in ${id}`);
    else if (Date.now() < action.expiresAt) send(action.record, templates?.[template]);
    else continue;
    // A retraction still ends one with an unknown template; after a restart it is tried again.
    action.status = isUnknown ? "unknown template" : "sent";
    if (!isUnknown) store([["action", id, action]]);
  }
  return due.length > AT_ONCE;
}

// Stands in for your provider. After a crash an action is sent again: give the provider its id as idempotency key. This
// file knows its keys in the same way. A variable that is null has no value for this customer: then the template's words
// for that case are taken.
function send(action, words = { text: action.template }) {
  const key = action.action_id;
  if (lines(sentFile).some((line) => JSON.parse(line).idempotency_key === key)) return;
  const isComplete = !Object.values(action.variables).includes(null);
  const text = (isComplete ? words.text : (words.otherwise ?? words.text)).replace(/\$(\w+)/g, (_, name) => (Object.hasOwn(action.variables, name) ? action.variables[name] : ""));
  const mail = { idempotency_key: key, customer_id: action.customer_id, template: action.template, text, sent_at: Date.now() / 1000 };
  append(sentFile, JSON.stringify(mail) + "\n");
}

// -- the loop; the process may be killed at any time

open();
const kafka = new Kafka({ clientId: "mailer", brokers: servers.split(","), logLevel: logLevel.ERROR });
const [admin, groupId] = [kafka.admin(), `${prefix}-mailer-${process.pid}-${Date.now()}`];
// A group of its own each time, without commits: it reads all partitions, and its positions are in its state.
const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 });
consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || process.exit(1));
await Promise.all([admin.connect(), consumer.connect()]);
await consumer.subscribe({ topics, fromBeginning: true });
await consumer.run({ autoCommit: false, eachBatch: take });
for (const [place, next] of positions) {
  const [topic, partition] = place.split(/:(?=\d+$)/);
  consumer.seek({ topic, partition: Number(partition), offset: String(next) });
}
for (;;) {
  await readToTheEnd(admin);
  if (!sendDue()) await sleep(500);
}
