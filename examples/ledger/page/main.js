// The page: one stream for what the auditor says, the ledger and what was rejected, and one for an account.

import { open } from "/sluice.js";
import { Account } from "./account.js";
import { Auditor } from "./auditor.js";
import { byId, say } from "./dom.js";
import { Entries } from "./entries.js";

const prefix = new URLSearchParams(location.search).get("prefix") ?? "ledger.";
const account = new Account(prefix);
const auditor = new Auditor();
const entries = new Entries((name) => account.show(name));

const takers = {
  [`${prefix}check`]: (value, at) => auditor.take(value, at),
  [`${prefix}entries`]: (value, at) => entries.entry(value, at),
  [`${prefix}rejected`]: (value, at) => entries.rejection(value, at),
};

const words = { connecting: "connecting", open: "reading", live: "live", waiting: "connecting again", failed: "cannot be read", closed: "closed" };

open({
  topics: Object.keys(takers), from: "-10s",
  onRecord: ({ topic, value, timestamp }) => takers[topic]?.(value, timestamp),
  onState: (state, { error, reason }) => {
    byId("stream").dataset.state = state;
    byId("stream").title = error?.message ?? reason ?? "";
    say(byId("stream").lastElementChild, words[state] ?? state);
  },
});
