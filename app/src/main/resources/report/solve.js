// The knapsack of `lowrank compress`, on the curves that the run decided by. Every comparison and every sum is made
// in the order in which the program makes it, so that equal curves and budgets give equal ranks.

const FORMS = {
  dense: {numbers: (out, inn) => out * inn},
  factored: {numbers: (out, inn, rank) => rank * (out + inn)},
  pivoted: {numbers: (out, inn, rank) => rank * (out + inn - rank)},
  tucker: {numbers: (out, inn, rank) => rank * (out + inn) + rank * rank},
};
const INDEX_BYTES = 4;

function formNumbers(site, form, rank) {
  return FORMS[form].numbers(site.out, site.in, rank) + (form !== "dense" && site.gains ? site.out : 0);
}

function formBytes(site, form, rank) {
  return formNumbers(site, form, rank) * site.elementBytes + (form === "pivoted" ? site.out * INDEX_BYTES : 0);
}

function unitCost(unit, site, form, rank) {
  if (unit === "parameters") return formNumbers(site, form, rank);
  return formBytes(site, form, rank) + (unit === "decode-bytes" && site.bias ? site.out * site.elementBytes : 0);
}

// Losses on the rank multiples and, last, with all components.
function unpackLosses(text, wide) {
  const raw = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const view = new DataView(raw.buffer);
  const size = wide ? 8 : 4;
  return Float64Array.from({length: raw.length / size},
    (_, i) => wide ? view.getFloat64(i * size, true) : view.getFloat32(i * size, true));
}

// The choices of a site, rising in cost: every rank in its cheapest form, the dense matrix on top.
function makeLadder(budget, site, losses, step) {
  const rungs = [];
  const top = unitCost(budget.unit, site, "dense", 0);
  const topBytes = formBytes(site, "dense", 0);
  for (let rank = step; rank <= site.components; rank += step) {
    let best = null;
    let bestCost = top;
    for (const form of budget.forms) {
      const cost = unitCost(budget.unit, site, form, rank);
      if (cost < bestCost && formBytes(site, form, rank) < topBytes) {
        best = form;
        bestCost = cost;
      }
    }
    if (best === null) break;
    rungs.push({form: best, rank, cost: bestCost, loss: losses[rank / budget.rankMultiple - 1]});
  }
  const rank = Math.min(site.in, site.out);
  rungs.push({form: "dense", rank, cost: top, loss: losses[losses.length - 1]});
  return rungs;
}

// The dearest rung that costs at most `amount`; the lowest if none does.
function rungWithin(ladder, amount) {
  let low = 0;
  let high = ladder.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (ladder[middle].cost <= amount) low = middle; else high = middle - 1;
  }
  return low;
}

// The cheapest rung that costs at least `amount`; dense if none does.
function rungAtLeast(ladder, amount) {
  const below = rungWithin(ladder, amount);
  return ladder[below].cost >= amount || below === ladder.length - 1 ? below : below + 1;
}

function slope(ladder, from, to) {
  return (ladder[to].loss - ladder[from].loss) / (ladder[to].cost - ladder[from].cost);
}

// Edges of the lower convex hull of a site's rungs.
function hullEdges(site, ladder, low, edges) {
  const vertices = [];
  for (let rung = low; rung < ladder.length; rung++) {
    while (vertices.length > 1
        && slope(ladder, vertices[vertices.length - 2], vertices[vertices.length - 1])
           >= slope(ladder, vertices[vertices.length - 1], rung)) {
      vertices.pop();
    }
    vertices.push(rung);
  }
  for (let v = 1; v < vertices.length; v++) {
    const steep = slope(ladder, vertices[v - 1], vertices[v]);
    if (steep < 0) {
      edges.push({site, to: vertices[v], cost: ladder[vertices[v]].cost - ladder[vertices[v - 1]].cost, slope: steep});
    }
  }
}

const planCost = (ladders, rungs) => rungs.reduce((sum, rung, i) => sum + ladders[i][rung].cost, 0);

function spend(ladders, low, limit) {
  const edges = [];
  ladders.forEach((ladder, i) => hullEdges(i, ladder, low[i], edges));
  edges.sort((a, b) => a.slope < b.slope ? -1 : a.slope > b.slope ? 1 : a.site - b.site);
  const rungs = low.slice();
  let left = limit - planCost(ladders, low);
  for (const edge of edges) {
    if (edge.cost > left) break;
    rungs[edge.site] = edge.to;
    left -= edge.cost;
  }
  return spendRest(ladders, rungs, limit);
}

// Buys, again and again, the rung that gains most for its cost among those that fit.
function spendRest(ladders, from, limit) {
  const rungs = from.slice();
  let left = limit - planCost(ladders, rungs);
  for (;;) {
    let site = -1;
    let to = -1;
    let steepest = 0;
    for (let i = 0; i < rungs.length; i++) {
      const ladder = ladders[i];
      const here = ladder[rungs[i]].cost;
      for (let rung = rungs[i] + 1; rung < ladder.length && ladder[rung].cost - here <= left; rung++) {
        const steep = slope(ladder, rungs[i], rung);
        if (steep < steepest) {
          steepest = steep;
          site = i;
          to = rung;
        }
      }
    }
    if (site < 0) return rungs;
    left -= ladders[site][to].cost - ladders[site][rungs[site]].cost;
    rungs[site] = to;
  }
}

// `keep` of `dense`, rounded down in decimals: 0.7 of 10 is 7, whatever binary fraction stands for 0.7.
function shareOf(keep, dense) {
  const [digits, exponent = "0"] = String(keep).split("e");
  const [whole, fraction = ""] = digits.split(".");
  const places = fraction.length - Number(exponent);
  return Number(BigInt(whole + fraction) * BigInt(dense) / 10n ** BigInt(places));
}

// What can be asked of a budget section: `solve(keep)` and the least share that it takes.
function makeSolver(budget) {
  const multiple = budget.rankMultiple;
  const width = Math.ceil(budget.step / multiple) * multiple;
  const losses = budget.sites.map(site => unpackLosses(site.losses, budget.wide));
  const fine = budget.sites.map((site, i) => makeLadder(budget, site, losses[i], multiple));
  const wide = budget.sites.map((site, i) => makeLadder(budget, site, losses[i], width));
  const dense = fine.reduce((sum, ladder) => sum + ladder[ladder.length - 1].cost, 0);
  const lowest = ladders => ladders.map(
    ladder => Math.min(ladder.length - 1, rungAtLeast(ladder, budget.floor * ladder[ladder.length - 1].cost)));
  const least = planCost(fine, lowest(fine));

  function firstPass(limit) {
    if (width === multiple || planCost(wide, wide.map(() => 0)) > limit) return null;
    const low = lowest(wide);
    if (planCost(wide, low) > limit) return null;
    return spend(wide, low, limit).map((rung, i) => {
      const chosen = wide[i][rung];
      return chosen.form === "dense" ? fine[i].length - 1 : rungWithin(fine[i], chosen.cost);
    });
  }

  function solve(keep) {
    const limit = shareOf(keep, dense);
    if (least > limit) return null;
    const start = firstPass(limit);
    const rungs = start === null ? spend(fine, lowest(fine), limit) : spendRest(fine, start, limit);
    const choices = rungs.map((rung, i) => fine[i][rung]);
    const total = measure => choices.reduce((sum, choice, i) => sum + measure(budget.sites[i], choice), 0);
    return {
      keep,
      choices,
      nats: choices.reduce((sum, choice) => sum + choice.loss, 0),
      parameters: budget.rest.parameters + total((site, c) => formNumbers(site, c.form, c.rank)),
      bytes: budget.rest.bytes + total((site, c) => formBytes(site, c.form, c.rank)),
      decodeBytes: budget.rest.decodeBytes + total((site, c) => formBytes(site, c.form, c.rank)),
    };
  }
  return {solve, leastKeep: Math.ceil(least / dense * 1000) / 1000};
}
