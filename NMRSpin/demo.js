// The page of NMRSpin: the spins of NMRSpin/spins.py, step by step, and the network that reads echoes.
"use strict";

// --- the lattice --------------------------------------------------------------------------------------
const n = DATA.n, sites = n * n, detuning = demo.array(DATA.detunings).values;

// The interaction exp(-(r / xi)^2) is a product of a factor along the rows and one along the columns. Each multiplies a wave
// of k periods by a strength, and only waves of few periods count. Cosines describe what is even about site 0, sines what is odd.
const along = (xi) => Float64Array.from({ length: n }, (_, i) => Math.exp(-((Math.min(i, n - i) / xi) ** 2)));
const waves = (xi) => {
  const half = n / 2, most = Math.min(Math.ceil(2.3 * n / (Math.PI * xi)), half - 1), counts = [most + 1, most], sizes = [half + 1, half - 1];
  const angle = (wave, i) => 2 * Math.PI * wave * i / n, shape = (wave) => Math.sqrt((wave ? 2 : 1) / n);
  const tables = [(wave, i) => shape(wave) * Math.cos(angle(wave, i)), (wave, i) => shape(1) * Math.sin(angle(wave + 1, i + 1))];
  const matrix = (rows, columns, from) => demo.matrix({ shape: [rows], values: Float64Array.from({ length: rows * columns }, (_, k) => from(Math.floor(k / columns), k % columns)) });
  const project = tables.map((table, p) => matrix(counts[p], sizes[p], table)), expand = tables.map((table, p) => matrix(sizes[p], counts[p], (i, wave) => table(wave, i)));
  const gauss = along(xi), strength = [...Array(most + 1).keys()].map((wave) => gauss.reduce((sum, value, i) => sum + value * Math.cos(angle(wave, i)), 0));

  // Of an array [n, width] the waves of each column, in rows: [width, counts[0]] and [width, counts[1]]; and back.
  const room = (width) => ({ width, halves: sizes.map((size) => new Float64Array(width * size)), found: counts.map((count) => new Float64Array(width * count)) });
  const forwards = (values, { width, halves: [even, odd], halves, found }) => {
    for (let a = 0; a < width; a++) {
      for (const i of [0, half]) even[a * sizes[0] + i] = values[i * width + a];
      for (let i = 1; i < half; i++) {
        const one = values[i * width + a], other = values[(n - i) * width + a];
        even[a * sizes[0] + i] = one + other;
        odd[a * sizes[1] + i - 1] = one - other;
      }
    }
    project.forEach((times, p) => times(halves[p], width, found[p]));
  };
  const backwards = (values, { width, halves: [even, odd], halves, found }) => {
    expand.forEach((times, p) => times(found[p], width, halves[p]));
    for (let a = 0; a < width; a++) {
      for (const i of [0, half]) values[i * width + a] = even[a * sizes[0] + i];
      for (let i = 1; i < half; i++) {
        const cosines = even[a * sizes[0] + i], sines = odd[a * sizes[1] + i - 1];
        values[i * width + a] = cosines + sines;
        values[(n - i) * width + a] = cosines - sines;
      }
    }
  };
  const whole = room(n), parts = counts.map(room);
  // The sum over all spins, each times the interaction: into `field`.
  return (spins, field) => {
    forwards(spins, whole);
    parts.forEach((part, p) => {
      forwards(whole.found[p], part);
      part.found.forEach((found, q) => { for (let k = 0; k < found.length; k++) found[k] *= strength[Math.floor(k / counts[q]) + p] * strength[k % counts[q] + q]; });
      backwards(whole.found[p], part);
    });
    backwards(field, whole);
  };
};

// A lattice after the first pulse, whose `step` makes DATA.dt pass; see evolve of NMRSpin/spins.py.
const lattice = ([alpha, xi, d]) => {
  const made = (from) => Float64Array.from({ length: sites }, from);
  const dz = made((_, i) => DATA.dt * detuning[i]), q = dz.map((turn) => Math.max(turn * turn, 1e-6));
  const s0 = q.map((square) => Math.sin(Math.sqrt(square)) / Math.sqrt(square)), c0 = q.map((square) => (1 - Math.cos(Math.sqrt(square))) / square);
  const s1 = q.map((square, i) => (Math.cos(Math.sqrt(square)) - s0[i]) / (2 * square)), c1 = q.map((square, i) => (s0[i] / 2 - c0[i]) / square);
  const x = made(() => 0), y = made(() => -0.5), z = made(() => 0), fx = made(() => 0), fy = made(() => 0);
  const convolve = waves(xi);
  const factor = DATA.dt * DATA.calibration * alpha, decay = Math.exp(-DATA.dt * DATA.decay * 10 ** (-d / 2));
  const echo = { shape: [2, DATA.steps], values: new Float32Array(2 * DATA.steps) };
  const now = { x, y, z, echo, step: 0 };
  now.advance = () => {
    convolve(x, fx);
    convolve(y, fy);
    let mx = 0, my = 0;
    const turned = now.step + 1 === DATA.wait ? -1 : 1;  // the second pulse
    for (let i = 0; i < sites; i++) {  // no spin feels itself
      const bx = factor * (fx[i] - x[i]), by = factor * (fy[i] - y[i]), b2 = bx * bx + by * by, s = s0[i] + s1[i] * b2, c = c0[i] + c1[i] * b2;
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
// The total coupling W of all spins on one, gamma. The simulator refuses more than STRONGEST: a spin would turn too far in a step.
const couplingOf = ([alpha, xi]) => alpha * (along(xi).reduce((a, b) => a + b) ** 2 - 1) / 1e4;
const STRONGEST = DATA.turn / (0.5 * DATA.dt * DATA.calibration * 1e4);
const material = { alpha: 4, xi: 9, d: 7 };
const labelsNow = () => [material.alpha, material.xi, material.d];
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
    const x = spins.x[i], y = Math.sqrt(3) * spins.y[i], bright = 280 * Math.sqrt(x * x + y * y / 3);
    return [bright + 230 * x, bright + 115 * (y - x), bright - 115 * (x + y)];  // the part along three directions, 120 degrees apart
  });
  if (spins.step < DATA.steps) return;
  const off = Math.sqrt(own.reduce((sum, value, k) => sum + (value - mystery[k]) ** 2, 0) / DATA.steps), [alpha, xi, d] = read(spins.echo);
  demo.find("misfit").textContent = `Distance from the mystery: ${off.toFixed(4)} (root mean square; |M| begins at 0.5). ` +
    `Of your echo the network says alpha ${alpha.toFixed(2)}, xi ${xi.toFixed(1)}, d ${d.toFixed(2)}.`;
};
const run = () => {
  const until = performance.now() + 25;
  while (spins.step < DATA.steps && performance.now() < until) spins.advance();
  draw();
  waiting = spins.step < DATA.steps ? requestAnimationFrame(run) : 0;
};
const strong = () => couplingOf(labelsNow()) > STRONGEST;
const allow = () => { demo.find("answer").disabled = answered || strong(); };
const restart = () => {
  allow();
  demo.find("material").textContent = `Total coupling W = ${couplingOf(labelsNow()).toFixed(3)} γ. ` + (strong()
    ? `Above ${STRONGEST.toFixed(1)} γ the time steps of the simulation are too long: lower alpha or xi. The curve is that of your last material.`
    : "For all materials to guess it is between 0.08 and 0.20 γ.");
  if (strong() && spins) return;
  cancelAnimationFrame(waiting);
  spins = lattice(labelsNow());
  demo.find("misfit").textContent = "Your echo is on its way …";
  waiting = requestAnimationFrame(run);  // once a frame, however often it is moved
};
const moved = (name, value) => { material[name] = value; if (spins) restart(); };
const sliders = {
  alpha: demo.slider("alpha", (value) => moved("alpha", Math.exp(value)), (value) => Math.exp(value).toFixed(2)),
  xi: demo.slider("xi", (value) => moved("xi", Math.exp(value)), (value) => Math.exp(value).toFixed(1)),
  d: demo.slider("d", (value) => moved("d", value), (value) => value.toFixed(2)),
};

// The echo itself can be dragged: over its whole width alpha becomes e times as large, its whole height is the range of d.
let grip = null;
demo.find("curve").addEventListener("pointerdown", (pressed) => {
  grip = { x: pressed.clientX, y: pressed.clientY, alpha: sliders.alpha.get(), d: material.d };
  demo.find("curve").setPointerCapture(pressed.pointerId);
});
demo.find("curve").addEventListener("pointermove", (event) => {
  if (!grip) return;
  const { width, height } = demo.find("curve").getBoundingClientRect();
  sliders.alpha.set(grip.alpha + (event.clientX - grip.x) / width);
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
  allow();
};
demo.find("answer").addEventListener("click", tell);
demo.find("another").addEventListener("click", () => {
  at += 1;
  if (at === order.length) { order = demo.shuffled(order.length); at = 0; }
  answered = false;
  allow();
  demo.find("told").replaceChildren();
  draw();
});
restart();
