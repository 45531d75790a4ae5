// One model's side of the page: its figures and its conversation.

import {onlyContinues, talk} from "./stream.js";

function element(name, kind, text) {
  const made = document.createElement(name);
  made.className = kind ?? "";
  made.textContent = text ?? "";
  return made;
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const seconds = (value) => (value < 0.9995 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`);

export class Panel {
  constructor(place, model) {
    this.model = model;
    this.messages = [];
    this.speed = null;
    this.root = element("section", "model");
    this.root.setAttribute("aria-label", model.id);
    this.figures = element("div", "figures");
    this.log = element("div", "log");
    this.log.tabIndex = 0;
    this.log.setAttribute("role", "log");
    // A reader would be flooded by every token; the page says when an answer is there.
    this.log.setAttribute("aria-live", "off");
    this.log.setAttribute("aria-label", `Conversation with ${model.id}`);
    this.log.append(element("p", "empty", "Nothing said yet."));
    this.root.append(this.figures, this.log);
    place.append(this.root);
    this.show(null);
  }

  // Beside another model the figures also say how many times its own they are.
  show(other) {
    const size = element("p");
    size.append(element("strong", "", this.model.bytes ? bytes(this.model.bytes) : "size unknown"));
    if (other?.model.bytes && this.model.bytes) {
      size.append(" ", element("span", "ratio", `${(this.model.bytes / other.model.bytes).toFixed(2)} ×`));
    }
    const pace = element("p");
    pace.append(element("strong", "", this.speed ? this.speed.toFixed(1) : "–"), " tokens/s");
    if (other?.speed && this.speed) {
      pace.append(" ", element("span", "ratio", `${(this.speed / other.speed).toFixed(2)} ×`));
    }
    this.figures.replaceChildren(element("h2", "", this.model.id), size, pace);
  }

  turn(kind, name) {
    this.log.querySelector(".empty")?.remove();
    const turn = element("div", `turn ${kind}`);
    const said = element("div", "said");
    turn.append(element("h3", "", name), said);
    this.log.append(turn);
    this.log.scrollTop = this.log.scrollHeight;
    return {turn, said};
  }

  ask(text) {
    this.messages.push({role: "user", content: text});
    this.turn("mine", "You").said.textContent = text;
  }

  // Answers the last message. Returns what a reader is told, or null when it was stopped.
  async answer(settings, key, signal, changed) {
    const {turn, said} = this.turn("theirs", this.model.id);
    said.classList.add("writing");
    const took = element("p", "took");
    turn.append(took);
    const start = performance.now();
    let first = null;
    let pieces = 0;
    let last = {};
    try {
      const system = settings.system ? [{role: "system", content: settings.system}] : [];
      for await (const piece of talk(this.model.id, [...system, ...this.messages], settings, key, signal)) {
        if (piece.text) {
          first ??= performance.now();
          pieces++;
          this.write(said, piece.text);
          this.pace(pieces, first, changed);
        }
        last = {reason: piece.reason ?? last.reason, timings: piece.timings ?? last.timings, usage: piece.usage ?? last.usage};
      }
      this.messages.push({role: "assistant", content: said.textContent});
      return this.finish(took, last, (first ?? performance.now()) - start, changed);
    } catch (failure) {
      this.messages.pop();
      if (failure.name === "AbortError") {
        took.textContent = "Stopped.";
        return null;
      }
      took.textContent = failure.message;
      took.classList.add("failed");
      throw failure;
    } finally {
      said.classList.remove("writing");
    }
  }

  write(said, text) {
    this.following(() => said.append(text));
  }

  // Stays at the end of the conversation unless somebody reads further up.
  following(change) {
    const near = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    change();
    if (near) {
      this.log.scrollTop = this.log.scrollHeight;
    }
  }

  pace(pieces, first, changed) {
    const passed = (performance.now() - first) / 1000;
    if (pieces > 2 && passed > 0.25) {
      this.speed = (pieces - 1) / passed;
      changed();
    }
  }

  finish(took, last, firstMilliseconds, changed) {
    const tokens = last.usage?.completion_tokens;
    if (last.timings?.predicted_per_second) {
      this.speed = last.timings.predicted_per_second;
    }
    changed();
    const parts = [`${tokens ?? "?"} tokens`, `first after ${seconds(firstMilliseconds / 1000)}`];
    if (this.speed) {
      parts.splice(1, 0, `${this.speed.toFixed(1)} tokens/s`);
    }
    if (last.reason === "length") {
      parts.push("cut at the most tokens");
    }
    if (onlyContinues(this.model.id)) {
      parts.push("continued the text: this model has no chat template");
    }
    this.following(() => took.append(parts.join(" · ")));
    return `${this.model.id}: ${parts.join(", ")}.`;
  }
}
