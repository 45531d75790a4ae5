// The page: which models talk, what they are asked, and when.

import {models, Refusal} from "./stream.js";
import {bytes, Panel} from "./panel.js";

const by = (id) => document.getElementById(id);
const key = by("key");
let panels = [];
let known = [];
let running = null;

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function notice(text) {
  by("notice").textContent = text;
  by("notice").hidden = !text;
}

function settings(open) {
  by("settings").hidden = !open;
  by("settings-button").setAttribute("aria-expanded", String(open));
}

const named = (model) => (model.bytes ? `${model.id} (${bytes(model.bytes)})` : model.id);

async function load() {
  try {
    known = await models(key.value);
  } catch (failure) {
    notice(failure.message);
    if (failure instanceof Refusal && failure.status === 401) {
      settings(true);
      key.focus();
    }
    return;
  }
  notice("");
  by("first").replaceChildren(...known.map((model) => option(model.id, named(model))));
  by("second").replaceChildren(option("", "nothing"), ...known.map((model) => option(model.id, named(model))));
  by("second-choice").hidden = known.length < 2;
  begin();
}

function begin() {
  running?.abort();
  by("panels").replaceChildren();
  const ids = [by("first").value, by("second").value].filter((id, i, all) => id && all.indexOf(id) === i);
  panels = ids.map((id) => new Panel(by("panels"), known.find((model) => model.id === id)));
  figures();
  by("prompt").focus();
}

// The second is measured by the first, which is usually the dense one.
function figures() {
  panels.forEach((panel, i) => panel.show(i > 0 ? panels[0] : null));
}

function number(id, otherwise) {
  const field = by(id);
  return field.value !== "" && field.checkValidity() ? field.valueAsNumber : otherwise;
}

function busy(controller) {
  running = controller;
  by("send").hidden = controller !== null;
  by("stop").hidden = controller === null;
  by("first").disabled = by("second").disabled = controller !== null;
}

async function send() {
  const text = by("prompt").value;
  if (!text.trim() || running || panels.length === 0) {
    return;
  }
  const wanted = {
    temperature: number("temperature", 0.7),
    tokens: number("tokens", 256),
    system: by("system").value.trim(),
  };
  const controller = new AbortController();
  const asked = panels;
  busy(controller);
  notice("");
  by("prompt").value = "";
  by("status").textContent = "Answering.";
  asked.forEach((panel) => panel.ask(text));
  const told = [];
  const one = async (panel) => {
    try {
      const end = await panel.answer(wanted, key.value, controller.signal, figures);
      told.push(end ?? `${panel.model.id}: stopped.`);
    } catch (failure) {
      told.push(`${panel.model.id}: ${failure.message}`);
      if (failure instanceof Refusal && failure.status === 401) {
        settings(true);
        key.focus();
      }
    }
  };
  if (by("together").checked) {
    await Promise.all(asked.map(one));
  } else {
    for (const panel of asked) {
      await one(panel);
    }
  }
  by("status").textContent = told.join(" ");
  busy(null);
  if (document.activeElement === document.body) {
    by("prompt").focus();
  }
}

by("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
by("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    running?.abort();
  }
});
by("stop").addEventListener("click", () => running?.abort());
by("clear").addEventListener("click", begin);
by("first").addEventListener("change", begin);
by("second").addEventListener("change", begin);
by("settings-button").addEventListener("click", () => settings(by("settings").hidden));
key.addEventListener("change", load);
load();
