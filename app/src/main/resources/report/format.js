// Elements and numbers. All text reaches the page as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (name === "text") node.textContent = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
}

const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

function bytesText(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return (unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)) + "\u00a0" + units[unit];
}

const countText = value => Math.round(value).toLocaleString("en-US");
const shareText = value => (100 * value).toFixed(1) + "\u00a0%";

function plain(value) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e6 || size < 1e-4) return value.toExponential(1).replace("e+", "e");
  if (size >= 1000) return countText(value);
  return Number(value.toPrecision(size >= 100 ? 4 : 3)).toString();
}

function secondsText(value) {
  if (value < 1e-3) return plain(value * 1e6) + "\u00a0µs";
  return value < 1 ? plain(value * 1e3) + "\u00a0ms" : plain(value) + "\u00a0s";
}

function measureText(unit, value) {
  switch (unit) {
    case "bytes": return bytesText(value);
    case "seconds": return secondsText(value);
    case "joules": return plain(value) + "\u00a0J";
    case "share": return shareText(value);
    case "count": return countText(value);
    default: return plain(value);
  }
}

// A word as a POSIX shell reads it back.
const quoted = word => /^[A-Za-z0-9_.,:=\/+@%-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";

// A command line; a click selects all of it. It breaks between options, not within.
function commandBlock(line, label) {
  const code = el("code");
  const block = el("pre", {class: "command", tabindex: "0", role: "region", "aria-label": label}, code);
  block.say = text => code.replaceChildren(
    ...text.split(/ (?=-)/).flatMap((part, i) => [i ? " " : "", el("span", {text: part})]));
  block.say(line);
  return block;
}

function section(id, title, ...children) {
  const heading = el("h2", {id: id + "-title", text: title});
  return el("section", {id, "aria-labelledby": id + "-title"}, heading, ...children);
}

const paragraph = (text, kind) => el("p", {class: kind, text});
