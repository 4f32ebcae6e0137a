// The view of what happens now.

import { el, put } from "./dom.js";
import { latestLetters } from "./latest.js";
import { model } from "./model.js";
import { partitions } from "./partitions.js";
import { statesSection } from "./states.js";
import { tail } from "./tail.js";
import { tiles } from "./tiles.js";

export function now(main, parameters) {
  const top = tiles(), states = statesSection(), side = partitions(), letters = latestLetters();
  const live = tail(parameters, side.choose);
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true });
  put(main, el("h1", { class: "unseen" }, "Now"), problem, top.nodes, states.node, live.node, side.node, letters.node);
  const unwatch = model.watch(() => {
    const error = model.groupsError ?? model.stateError;
    problem.hidden = !error;
    problem.textContent = error ? `What is below is of the last answer: ${error.message}.` : "";
    top.update();
    states.update();
    live.update();
    side.update();
    letters.update();
  });
  return () => { unwatch(); live.stop(); letters.stop(); };
}
