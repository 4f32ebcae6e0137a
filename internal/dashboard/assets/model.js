// What the views show: this replica's state, the groups and the topics as Kafka has them, and their last five minutes.

import { get } from "./api.js";
import { poll } from "./poll.js";
import { History } from "./history.js";

const listeners = new Set();

export const model = {
  /** What only this replica knows, or null until it has answered; stateError says why it does not. */
  state: null,
  stateError: null,
  /** The groups of the handlers, each with its detail or a problem, or null; groupsError as above. */
  groups: null,
  groupsError: null,
  topics: null,
  topicsError: null,
  history: new History(),
  /** Calls back now and after each change, until the returned function is called. */
  watch(fn) {
    listeners.add(fn);
    fn();
    return () => listeners.delete(fn);
  },
};

function changed() {
  for (const fn of listeners) fn();
}

async function askState() {
  model.state = await get("/dashboard/state");
  model.stateError = null;
  model.history.watched(model.state);
  changed();
}

async function askGroups() {
  const { groups } = await get("/groups");
  model.groups = await Promise.all(groups.map(async (overview) => {
    if (overview.problem) return { ...overview, partitions: [], members: [] };
    try {
      return { ...overview, ...(await get(`/groups/${encodeURIComponent(overview.group)}`)) };
    } catch (error) {
      return { ...overview, partitions: [], members: [], problem: error.message };
    }
  }));
  model.groupsError = null;
  model.history.grouped(model.groups);
  changed();
}

async function askTopics() {
  model.topics = (await get("/topics")).topics;
  model.topicsError = null;
  model.history.written(model.topics);
  changed();
}

const failed = (name) => (error) => { model[name] = error; changed(); };

let polls = [];

/** Begins, or begins anew, to ask. */
export function start() {
  stop();
  polls = [
    poll(1000, askState, failed("stateError")),
    poll(2000, askGroups, failed("groupsError")),
    poll(4000, askTopics, failed("topicsError")),
  ];
}

export function stop() {
  for (const p of polls) p.stop();
  polls = [];
}
