// Sites by layer and role: heat maps, spectra, the full table.

const ROLE_ORDER = ["q", "k", "v", "qkv", "o", "gate", "up", "down"];

function rolesOf(sites) {
  const place = role => {
    const at = ROLE_ORDER.indexOf(role);
    return at < 0 ? ROLE_ORDER.length : at;
  };
  return [...new Set(sites.map(site => site.role))].sort((a, b) => place(a) - place(b));
}

const layersOf = sites => [...new Set(sites.map(site => site.layer))].sort((a, b) => a - b);

// Where black and white are equally readable: at 0.51 of the dark scheme's scale, at 0.71 of the light one's.
function shade(cell, value) {
  cell.style.setProperty("--v", value.toFixed(3));
  cell.classList.toggle("mid", value > 0.51);
  cell.classList.toggle("deep", value > 0.71);
}

// A layer × role table. `paint(values)` fills it: for each site `{value, text, title}`, value in [0, 1] or null.
function heatMap(sites, caption, scaleText) {
  const roles = rolesOf(sites);
  const layers = layersOf(sites);
  const cells = new Map();
  const head = el("tr", {}, el("th", {scope: "col", class: "corner", text: "layer"}),
    roles.map(role => el("th", {scope: "col", text: role})));
  const rows = layers.map(layer => el("tr", {}, el("th", {scope: "row", text: String(layer)}), roles.map(role => {
    const cell = el("td", {class: "none"});
    cells.set(layer + " " + role, cell);
    return cell;
  })));
  const legend = el("div", {class: "legend", "aria-hidden": "true"}, el("span", {text: scaleText[0]}),
    el("span", {class: "ramp"}), el("span", {text: scaleText[1]}));
  const table = el("table", {class: "heat"}, el("caption", {text: caption}), el("thead", {}, head),
    el("tbody", {}, rows));
  const map = el("div", {class: "map"}, table, legend);
  map.paint = values => sites.forEach((site, i) => {
    const cell = cells.get(site.layer + " " + site.role);
    const {value, text, title, kind} = values[i];
    cell.className = kind || "";
    cell.textContent = text;
    cell.title = title;
    if (value === null) cell.classList.add("none"); else shade(cell, value);
  });
  return map;
}

const WORDS = {dense: "dense", narrowed: "narrowed", removed: "removed"};

function rankCell(site, form, rank, kept) {
  const name = `${site.name}: ${WORDS[form] || form + ", rank " + rank}, keeps ${shareText(kept)} of its numbers`;
  if (form === "dense") return {value: 1, text: "dense", title: name, kind: "whole"};
  if (form === "removed") return {value: 0, text: "–", title: name};
  return {value: Math.min(1, kept), text: form === "narrowed" ? shareText(kept).replace(/\..*/, "%") : String(rank), title: name};
}

function errorText(error) {
  return error >= 0.0995 ? error.toFixed(2).replace(/^0/, "") : error.toFixed(3).replace(/^0/, "");
}

function sitesSection(report) {
  const sites = report.sites;
  if (!sites) return null;
  const maps = [];
  const ranks = heatMap(sites, "Rank of each linear; the colour is the share of its numbers that stays",
    ["little stays", "all stays"]);
  ranks.paint(sites.map(site => rankCell(site, site.form, site.rank, site.kept)));
  maps.push(ranks);
  const errors = sites.filter(site => site.error !== undefined).map(site => site.error);
  if (errors.length) {
    const most = Math.max(...errors, 1e-9);
    const map = heatMap(sites, "Relative error of each linear in the method's metric",
      ["0", plain(most)]);
    map.paint(sites.map(site => site.error === undefined || site.form === "removed"
      ? {value: null, text: "–", title: site.name}
      : {value: site.error / most, text: site.error === 0 ? "0" : errorText(site.error),
        title: `${site.name}: relative error ${plain(site.error)}`}));
    maps.push(map);
  }
  return section("sites", report.kind === "recover" ? "Linears, as they were compressed" : "Linears",
    el("div", {class: "pair maps"}, maps), sitesTable(sites));
}

function sitesTable(sites) {
  return el("details", {}, el("summary", {text: `All ${sites.length} linears as a table`}), gridTable({
    columns: [{name: "linear"}, {name: "shape", numeric: true}, {name: "form"}, {name: "rank", numeric: true},
      {name: "kept", numeric: true}, {name: "error", numeric: true}, {name: "notes"}],
    rows: sites.map(site => ({cells: [{text: site.name}, {text: site.out + " × " + site.in}, {text: site.form},
      {text: String(site.rank)}, {text: site.kept.toFixed(3)},
      {text: site.error === undefined ? "–" : site.error.toFixed(4)}, {text: (site.notes || []).join("; ")}]})),
  }, "All linears"));
}

// One small plot a role: what each layer's matrix would drop, by rank.
function spectraSection(report) {
  const spectra = report.spectra;
  if (!spectra) return null;
  const last = Math.max(...spectra.map(s => s.layer), 1);
  const plots = rolesOf(spectra).map(role => {
    const own = spectra.filter(s => s.role === role);
    return figure(role, `What ${role} drops by rank, one line for each of ${own.length} layers`, 190,
      (picture, width, height) => {
        const {across, up} = axes(picture, width, height,
          {values: [0, ...own.map(s => s.ranks.at(-1))], low: 0, pad: 0, log: false, format: plain, room: 62},
          {values: [0.001, 1], low: 0.001, high: 1, log: true, pad: 0, format: shareless, left: 44, count: 3});
        for (const s of own) {
          const points = s.ranks.map((rank, i) => [across(rank), up(Math.max(s.tails[i], 0.001))]);
          line(picture, points, "layer", {"--v": (s.layer / last).toFixed(3)});
        }
        for (const s of own.filter(one => one.rank !== undefined)) {
          const at = s.ranks.findIndex(rank => rank >= s.rank);
          const share = at <= 0 ? 0 : (s.rank - s.ranks[at - 1]) / (s.ranks[at] - s.ranks[at - 1]);
          const tail = at <= 0 ? s.tails[0]
            : Math.exp((1 - share) * Math.log(Math.max(s.tails[at - 1], 0.001))
              + share * Math.log(Math.max(s.tails[at], 0.001)));
          dot(picture, across(s.rank), up(Math.max(tail, 0.001)), "chosen",
            `${s.name}: rank ${s.rank}, drops ${plain(tail)}`, 2.6);
        }
      });
  });
  return section("spectra", "Spectra",
    paragraph("What a matrix drops when it is cut to a rank: the square root of the dropped share of its energy in the"
      + " method's metric, on a logarithmic scale. A line for each layer; a dot where it was cut. A line that falls"
      + " early belongs to a matrix that low rank suits.", "note"),
    el("div", {class: "many"}, plots),
    el("div", {class: "legend", "aria-hidden": "true"}, el("span", {text: "first layer"}),
      el("span", {class: "ramp layers"}), el("span", {text: "last layer"})));
}

const shareless = value => value >= 1 ? "1" : String(Number(value.toPrecision(1)));
