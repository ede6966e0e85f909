// The page of NMRSpin: the spins of NMRSpin/spins.py, step by step, and the network that reads echoes.
"use strict";

// --- the lattice --------------------------------------------------------------------------------------
const n = DATA.n, sites = n * n, detuning = demo.array(DATA.detunings).values;

// The interaction exp(-(r / xi)^2) is a product of one factor along the rows and one along the columns, and smooth: a few
// waves describe each. `basis` holds the waves, `strength` what the factor makes of each.
const waves = (xi) => {
  const most = Math.min(Math.ceil(3.3 * n / (Math.PI * xi)), n / 2 - 1), count = 2 * most + 1;
  const basis = new Float64Array(count * n), strength = new Float64Array(count);
  for (let wave = 0; wave < count; wave++) {
    const periods = Math.ceil(wave / 2), size = Math.sqrt((wave ? 2 : 1) / n), shape = wave % 2 ? Math.cos : Math.sin;
    for (let i = 0; i < n; i++) {
      const angle = 2 * Math.PI * periods * i / n, r = Math.min(i, n - i);
      basis[wave * n + i] = wave ? size * shape(angle) : size;
      strength[wave] += Math.exp(-((r / xi) ** 2)) * Math.cos(angle);
    }
  }
  return { basis, strength, count };
};

// The sum over all other spins, each times the interaction: into `field`. Rows of n numbers are added in the inner loops.
const add = (into, at, from, start, factor) => { for (let j = 0; j < n; j++) into[at + j] += factor * from[start + j]; };
const convolve = ({ basis, strength, count }, spins, field, rows, back) => {
  rows.fill(0);
  back.fill(0);
  for (let a = 0; a < count; a++) for (let i = 0; i < n; i++) add(rows, a * n, spins, i * n, basis[a * n + i]);
  for (let a = 0; a < count; a++) for (let b = 0; b < count; b++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += rows[a * n + j] * basis[b * n + j];
    add(back, a * n, basis, b * n, sum * strength[a] * strength[b]);
  }
  for (let i = 0; i < sites; i++) field[i] = -spins[i];  // nothing with itself
  for (let a = 0; a < count; a++) for (let i = 0; i < n; i++) add(field, i * n, back, a * n, basis[a * n + i]);
};

// A lattice after the first pulse, whose `step` makes DATA.dt pass; see evolve of NMRSpin/spins.py.
const lattice = ([alpha, xi, d]) => {
  const made = (from) => Float64Array.from({ length: sites }, from);
  const dz = made((_, i) => DATA.dt * detuning[i]), q = dz.map((turn) => Math.max(turn * turn, 1e-6));
  const s0 = q.map((square) => Math.sin(Math.sqrt(square)) / Math.sqrt(square)), c0 = q.map((square) => (1 - Math.cos(Math.sqrt(square))) / square);
  const s1 = q.map((square, i) => (Math.cos(Math.sqrt(square)) - s0[i]) / (2 * square)), c1 = q.map((square, i) => (s0[i] / 2 - c0[i]) / square);
  const x = made(() => 0), y = made(() => -0.5), z = made(() => 0), fx = made(() => 0), fy = made(() => 0);
  const kernel = waves(xi), rows = new Float64Array(kernel.count * n), back = new Float64Array(kernel.count * n);
  const factor = DATA.dt * DATA.calibration * alpha, decay = Math.exp(-DATA.dt * DATA.decay * 10 ** (-d / 2));
  const echo = { shape: [2, DATA.steps], values: new Float32Array(2 * DATA.steps) };
  const now = { x, y, z, echo, step: 0 };
  now.advance = () => {
    convolve(kernel, x, fx, rows, back);
    convolve(kernel, y, fy, rows, back);
    let mx = 0, my = 0;
    const turned = now.step + 1 === DATA.wait ? -1 : 1;  // the second pulse
    for (let i = 0; i < sites; i++) {
      const bx = factor * fx[i], by = factor * fy[i], b2 = bx * bx + by * by, s = s0[i] + s1[i] * b2, c = c0[i] + c1[i] * b2;
      const ux = (y[i] * dz[i] - z[i] * by) * c + s * x[i], uy = (z[i] * bx - x[i] * dz[i]) * c + s * y[i], uz = (x[i] * by - y[i] * bx) * c + s * z[i];
      x[i] = turned * decay * (x[i] + uy * dz[i] - uz * by);
      y[i] = decay * (y[i] + uz * bx - ux * dz[i]);
      z[i] = turned * (z[i] + ux * by - uy * bx);
      mx += x[i];
      my += y[i];
    }
    echo.values[now.step] = mx / sites;
    echo.values[DATA.steps + now.step] = my / sites;
    now.step += 1;
  };
  return now;
};
demo.echo = (labels) => {
  const spins = lattice(labels);
  while (spins.step < DATA.steps) spins.advance();
  return spins.echo;
};

// --- the network --------------------------------------------------------------------------------------
const network = demo.network(DATA.network), echoes = demo.array(DATA.echoes);
const read = (echo) => {
  const [alpha, length, rate] = Array.from(network(echo).values, (value, k) => Math.min(Math.max(value * DATA.spread[k] + DATA.mean[k], DATA.lowest[k]), DATA.highest[k]));
  return [alpha, Math.exp(length), 6 - 2 * Math.log10(rate)];
};
demo.predicted = (i) => read(demo.row(echoes, i));

// --- sliders, curve, colours --------------------------------------------------------------------------
const total = (xi) => waves(xi).strength[0] ** 2 - 1;  // sum of the interaction over all others
const material = { w: 0.12, xi: 10, d: 7 };
const labelsNow = () => [material.w * 1e4 / total(material.xi), material.xi, material.d];
const couplingOf = ([alpha, xi]) => alpha * total(xi) / 1e4;
const size = ({ values }) => Array.from({ length: DATA.steps }, (_, k) => Math.hypot(values[k], values[DATA.steps + k]));
let order = demo.shuffled(echoes.shape[0]), at = 0, spins = null, waiting = 0, answered = false;
const wins = { count: 0, you: 0 };

const path = (values, stop) => values.slice(0, stop).map((value, k) => `${200 * k / DATA.steps},${140 - 270 * value}`).join(" ");
const draw = () => {
  const mystery = size(demo.row(echoes, order[at])), own = size(spins.echo), text = (x, y, label, anchor = "middle") => demo.draw("text", { x, y, "text-anchor": anchor }, label);
  demo.find("curve").replaceChildren(demo.draw("svg", { viewBox: "-28 -6 246 176", role: "img", "aria-label": "Size of the magnetisation against time: the mystery, dashed, and your material" },
    demo.draw("rect", { x: 0, y: 0, width: 200, height: 140, class: "thin" }), demo.draw("line", { x1: 200 / 3, x2: 200 / 3, y1: 0, y2: 140, class: "thin dashed" }),
    demo.draw("polyline", { points: path(mystery, DATA.steps), class: "line other dashed" }), demo.draw("polyline", { points: path(own, spins.step), class: "line" }),
    text(0, 154, "0"), text(200, 154, "150 µs"), text(100, 166, "time"), text(-3, 10, "0.5", "end"), text(-3, 140, "0", "end"), text(-3, 75, "|M|", "end"),
    text(196, 14, "– – the mystery", "end"), text(196, 28, "— yours", "end"), text(200 / 3 + 3, 44, "second pulse", "start")));
  const canvas = demo.find("lattice");
  demo.paint(canvas, { shape: [n, n], values: spins.x }, (_, i) => {
    const angle = Math.atan2(spins.y[i], spins.x[i]), bright = 2 * Math.hypot(spins.x[i], spins.y[i]);
    return [0, 1, 2].map((k) => 255 * bright * (0.55 + 0.45 * Math.cos(angle - k * 2 * Math.PI / 3)));
  });
  if (spins.step < DATA.steps) return;
  const off = Math.sqrt(own.reduce((sum, value, k) => sum + (value - mystery[k]) ** 2, 0) / DATA.steps), [alpha, xi, d] = read(spins.echo);
  demo.find("misfit").textContent = `Distance from the mystery: ${off.toFixed(4)} (root mean square; |M| begins at 0.5). ` +
    `Of your echo the network says alpha ${alpha.toFixed(2)}, xi ${xi.toFixed(1)}, d ${d.toFixed(2)}.`;
};
const run = () => {
  const until = performance.now() + 14;
  while (spins.step < DATA.steps && performance.now() < until) spins.advance();
  draw();
  waiting = spins.step < DATA.steps ? requestAnimationFrame(run) : 0;
};
const restart = () => {
  cancelAnimationFrame(waiting);
  const labels = labelsNow();
  demo.find("material").textContent = `alpha = ${labels[0].toFixed(2)} for a pair at distance 0`;
  spins = lattice(labels);
  run();
};
const moved = (name, value) => { material[name] = value; if (spins) restart(); };
const sliders = {
  w: demo.slider("w", (value) => moved("w", value), (value) => `${value.toFixed(3)} γ`),
  xi: demo.slider("xi", (value) => moved("xi", Math.exp(value)), (value) => Math.exp(value).toFixed(1)),
  d: demo.slider("d", (value) => moved("d", value), (value) => value.toFixed(2)),
};

// The echo itself can be dragged: its whole width is the range of W, its whole height that of d.
let grip = null;
demo.find("curve").addEventListener("pointerdown", (pressed) => {
  grip = { x: pressed.clientX, y: pressed.clientY, w: material.w, d: material.d };
  demo.find("curve").setPointerCapture(pressed.pointerId);
});
demo.find("curve").addEventListener("pointermove", (event) => {
  if (!grip) return;
  const { width, height } = demo.find("curve").getBoundingClientRect();
  sliders.w.set(grip.w + 0.12 * (event.clientX - grip.x) / width);
  sliders.d.set(grip.d + 4 * (grip.y - event.clientY) / height);
});
for (const end of ["pointerup", "pointercancel"]) demo.find("curve").addEventListener(end, () => { grip = null; });

// --- your answer and the network's --------------------------------------------------------------------
const tell = () => {
  const i = order[at], truth = DATA.labels[i], players = { "nature": truth, "you": labelsNow(), "the network": demo.predicted(i) };
  const cell = (tag, text, scope) => demo.make(tag, scope ? { scope } : {}, text);
  const head = demo.make("tr", {}, ...["", "W", "alpha", "xi", "d"].map((text) => (text ? cell("th", text, "col") : cell("td", ""))));
  const rows = Object.entries(players).map(([name, labels]) => demo.make("tr", {}, cell("th", name, "row"),
    ...[couplingOf(labels).toFixed(3), labels[0].toFixed(2), labels[1].toFixed(1), labels[2].toFixed(2)].map((text) => cell("td", text))));
  const far = (labels) => Math.abs(Math.log(labels[1] / truth[1]));
  if (!answered) {
    wins.count += 1;
    wins.you += far(players.you) < far(players["the network"]);
  }
  answered = true;
  const [low, high] = demo.wilson(wins.you, wins.count);
  demo.find("told").replaceChildren(demo.make("div", { class: "score" }, demo.make("table", {}, demo.make("thead", {}, head), demo.make("tbody", {}, ...rows))),
    demo.make("p", {}, `You were nearer in xi than the network in ${wins.you} of ${wins.count} (95 %: ${demo.percent(low)} to ${demo.percent(high)}). On ${DATA.off.n} test echoes half of its xi are off by less than ${(100 * DATA.off.xi).toFixed(0)} %.`));
  demo.find("answer").disabled = true;
};
demo.find("answer").addEventListener("click", tell);
demo.find("another").addEventListener("click", () => {
  at += 1;
  if (at === order.length) { order = demo.shuffled(order.length); at = 0; }
  answered = false;
  demo.find("answer").disabled = false;
  demo.find("told").replaceChildren();
  draw();
});
restart();
