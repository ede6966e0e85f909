// The page of QuantumML: states of qubits as two lists of amplitudes, and a circuit that scores jets.
"use strict";

// --- a simulator: bit k of the index is qubit k -------------------------------------------------------
const start = (qubits) => {
  const state = { re: new Float64Array(2 ** qubits), im: new Float64Array(2 ** qubits) };
  state.re[0] = 1;
  return state;
};

// A gate on one qubit: four complex numbers [re, im], row by row.
const one = ({ re, im }, qubit, [a, b, c, d]) => {
  const bit = 1 << qubit;
  for (let i = 0; i < re.length; i++) {
    if (i & bit) continue;
    const j = i | bit, x = re[i], y = im[i], u = re[j], v = im[j];
    re[i] = a[0] * x - a[1] * y + b[0] * u - b[1] * v;
    im[i] = a[0] * y + a[1] * x + b[0] * v + b[1] * u;
    re[j] = c[0] * x - c[1] * y + d[0] * u - d[1] * v;
    im[j] = c[0] * y + c[1] * x + d[0] * v + d[1] * u;
  }
};
const ry = (angle) => [[Math.cos(angle / 2), 0], [-Math.sin(angle / 2), 0], [Math.sin(angle / 2), 0], [Math.cos(angle / 2), 0]];
const rz = (angle) => [[Math.cos(angle / 2), -Math.sin(angle / 2)], [0, 0], [0, 0], [Math.cos(angle / 2), Math.sin(angle / 2)]];
const half = Math.SQRT1_2;
const H = [[half, 0], [half, 0], [half, 0], [-half, 0]], X = [[0, 0], [1, 0], [1, 0], [0, 0]], S = [[1, 0], [0, 0], [0, 0], [0, 1]];

const cz = ({ re, im }, first, second) => {
  const both = 1 << first | 1 << second;
  for (let i = 0; i < re.length; i++) if ((i & both) === both) { re[i] = -re[i]; im[i] = -im[i]; }
};
const cx = ({ re, im }, control, target) => {
  for (let i = 0; i < re.length; i++) {
    if (!(i >> control & 1) || i >> target & 1) continue;
    const j = i | 1 << target;
    [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
};
const probabilities = ({ re, im }) => Array.from(re, (x, i) => x * x + im[i] * im[i]);

// Where the state of one of the qubits lies in the sphere: on it, or inside where it is entangled.
const bloch = ({ re, im }, qubit) => {
  const bit = 1 << qubit, place = [0, 0, 0];
  for (let i = 0; i < re.length; i++) {
    if (i & bit) continue;
    const j = i | bit;
    place[0] += 2 * (re[i] * re[j] + im[i] * im[j]);
    place[1] += 2 * (re[i] * im[j] - im[i] * re[j]);
    place[2] += re[i] ** 2 + im[i] ** 2 - re[j] ** 2 - im[j] ** 2;
  }
  return place;
};

const measured = (chances, shots) => {
  const counts = chances.map(() => 0);
  for (let shot = 0; shot < shots; shot++) {
    let left = Math.random(), i = 0;
    while (i < chances.length - 1 && left >= chances[i]) left -= chances[i++];
    counts[i] += 1;
  }
  return counts;
};

// --- the score of a jet -------------------------------------------------------------------------------
const anglesOf = ({ shape: [, columns], values }) => {
  const most = values.indexOf(Math.max(...values)), rings = DATA.edges.slice(1).map(() => 0);
  values.forEach((value, i) => {
    const share = value / values[most];
    if (!(share > DATA.lit)) return;
    const down = Math.abs(Math.floor(i / columns) - Math.floor(most / columns)), right = Math.abs(i % columns - most % columns);
    const ring = DATA.edges.findLastIndex((edge) => edge <= Math.max(down, right));
    if (ring >= 0) rings[ring] += share ** DATA.power;
  });
  return rings.map((sum, k) => Math.min(DATA.top * sum / DATA.scale[k], Math.PI));
};

const scoreOf = (angles) => {
  const n = angles.length, state = start(n), weights = DATA.weights, layers = weights.length / (2 * n);
  angles.forEach((angle, qubit) => one(state, qubit, ry(angle)));
  for (let layer = 0; layer < layers; layer++) {
    for (let qubit = 0; qubit < n; qubit++) {
      one(state, qubit, ry(weights[2 * (layer * n + qubit)]));
      one(state, qubit, rz(weights[2 * (layer * n + qubit) + 1]));
    }
    for (const first of [0, 1]) for (let qubit = first; qubit < n - 1; qubit += 2) cz(state, qubit, qubit + 1);
  }
  let ones = 0;
  probabilities(state).forEach((p, i) => { for (let qubit = n - DATA.trash; qubit < n; qubit++) ones += p * (i >> qubit & 1); });
  return ones / DATA.trash;
};

// --- one qubit ----------------------------------------------------------------------------------------
// A sphere seen from the side: z up, x to the left in front, y to the right.
const project = ([x, y, z]) => [(y - 0.45 * x) * 80, (-z + 0.3 * x) * 80];
const sphere = (place, name) => {
  const [x, y] = project(place), [fx, fy] = project([place[0], place[1], 0]);
  const line = (points, style = {}) => demo.draw("polyline", { points: points.map(project).join(" "), class: "thin", ...style });
  const ring = [...Array(61).keys()].map((k) => [Math.cos(k * Math.PI / 30), Math.sin(k * Math.PI / 30), 0]);
  const text = (where, label) => demo.draw("text", { x: project(where)[0], y: project(where)[1], "text-anchor": "middle" }, label);
  const said = `${name}: x ${place[0].toFixed(2)}, y ${place[1].toFixed(2)}, z ${place[2].toFixed(2)}`;
  return demo.draw("svg", { viewBox: "-105 -112 210 224", role: "img", "aria-label": said },
    demo.draw("circle", { r: 80, class: "thin" }), line(ring), line([[0, 0, -1], [0, 0, 1]]), line([[0, 0, 0], [1, 0, 0]]), line([[0, 0, 0], [0, 1, 0]]),
    text([0, 0, 1.15], "|0⟩"), text([0, 0, -1.28], "|1⟩"), text([1.25, 0, 0], "x"), text([0, 1.15, 0.05], "y"),
    demo.draw("line", { x1: fx, y1: fy, x2: x, y2: y, class: "thin dashed" }),
    demo.draw("line", { x1: 0, y1: 0, x2: x, y2: y, class: "arrow" }), demo.draw("circle", { cx: x, cy: y, r: 5, class: "dot" }));
};

const qubit = { theta: 60, phi: 30, ones: 0, shots: 0, secret: null };
const chanceOfOne = () => Math.sin(Math.PI / 360 * (qubit.secret ?? qubit.theta)) ** 2;
const showQubit = () => {
  const theta = qubit.theta * Math.PI / 180, phi = qubit.phi * Math.PI / 180;
  const place = [Math.sin(theta) * Math.cos(phi), Math.sin(theta) * Math.sin(phi), Math.cos(theta)];
  demo.find("sphere").replaceChildren(sphere(place, "State of the qubit"));
  demo.find("chance").textContent = qubit.secret === null ? `Probability of 1: ${chanceOfOne().toFixed(3)}.`
    : `The shots come from the hidden qubit. The arrow is your guess: there the probability of 1 would be ${(Math.sin(theta / 2) ** 2).toFixed(3)}.`;
  const [low, high] = demo.wilson(qubit.ones, qubit.shots);
  demo.find("counts").textContent = qubit.shots === 0 ? "No shot yet."
    : `${qubit.ones} of ${qubit.shots.toLocaleString("en")} shots gave 1: the probability is ${low.toFixed(3)} to ${high.toFixed(3)} (95 %).`;
};
const forget = () => { qubit.ones = qubit.shots = 0; showQubit(); };
const turned = (name) => (value) => {
  qubit[name] = value;
  if (qubit.secret === null) forget(); else showQubit();
};
const degrees = (value) => `${value}°`;
const sliders = { theta: demo.slider("theta", turned("theta"), degrees), phi: demo.slider("phi", turned("phi"), degrees) };
for (const button of document.querySelectorAll("[data-shots]")) {
  button.addEventListener("click", () => {
    const shots = Number(button.dataset.shots), p = chanceOfOne();
    qubit.ones += measured([1 - p, p], shots)[1];
    qubit.shots += shots;
    showQubit();
  });
}
demo.find("forget").addEventListener("click", forget);
demo.find("hide").addEventListener("click", () => {
  if (qubit.secret === null) {
    qubit.secret = 20 + Math.floor(141 * Math.random());
    demo.find("hide").textContent = "Show it";
    demo.find("hidden").textContent = "Measure it, then set the angle where you think it is.";
  } else {
    demo.find("hidden").textContent = `It was at ${qubit.secret}°, your guess is ${qubit.theta}°: ${Math.abs(qubit.secret - qubit.theta)}° off after ${qubit.shots.toLocaleString("en")} shots.`;
    qubit.secret = null;
    demo.find("hide").textContent = "Hide a random qubit";
  }
  forget();
});
demo.find("sphere").addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  sliders.theta.set(qubit.theta + event.movementY);
  sliders.phi.set((qubit.phi + event.movementX + 360) % 360);
});

// --- two qubits ---------------------------------------------------------------------------------------
const GATES = {
  "H on 0": (state) => one(state, 0, H), "H on 1": (state) => one(state, 1, H),
  "X on 0": (state) => one(state, 0, X), "X on 1": (state) => one(state, 1, X),
  "turn 0 by 30°": (state) => one(state, 0, ry(Math.PI / 6)), "turn 1 by 30°": (state) => one(state, 1, ry(Math.PI / 6)),
  "S on 0": (state) => one(state, 0, S), "S on 1": (state) => one(state, 1, S),
  "CNOT, 1 controls 0": (state) => cx(state, 1, 0), "CNOT, 0 controls 1": (state) => cx(state, 0, 1), "CZ": (state) => cz(state, 0, 1),
};
let gates = [];
const showPair = () => {
  const state = start(2);
  gates.forEach((name) => GATES[name](state));
  const chances = probabilities(state), counts = measured(chances, 100), round = (x) => (Math.abs(x) < 5e-4 ? 0 : x).toFixed(2);
  demo.find("circuit").textContent = gates.join(" → ") || "empty";
  demo.find("pair").replaceChildren(...[1, 0].map((k) => demo.make("figure", {}, sphere(bloch(state, k), `Qubit ${k}`), demo.make("figcaption", {}, `qubit ${k}`))));
  const cell = (tag, text, scope) => demo.make(tag, scope ? { scope } : {}, text);
  const rows = chances.map((p, i) => demo.make("tr", {}, cell("th", `|${i >> 1}${i & 1}⟩`, "row"),
    cell("td", `${round(state.re[i])} ${state.im[i] < -5e-4 ? "−" : "+"} ${round(Math.abs(state.im[i]))} i`), cell("td", p.toFixed(3)), cell("td", String(counts[i]))));
  const head = demo.make("tr", {}, ...["state", "amplitude", "probability", "100 shots"].map((text) => cell("th", text, "col")));
  demo.find("state").replaceChildren(demo.make("table", {}, demo.make("thead", {}, head), demo.make("tbody", {}, ...rows)));
  const length = Math.hypot(...bloch(state, 0));
  const agree = chances[0] + chances[3], random = Math.abs(chances[0] - 0.5) < 0.01;
  demo.find("verdict").textContent = agree > 0.999 && random ? "You did it: each is random, and both always agree. The arrows have no length: neither qubit has a state of its own."
    : length < 0.999 ? `The qubits are entangled: their arrows are shorter than the sphere's radius (${length.toFixed(2)}).` : "The qubits are not entangled: each arrow reaches the sphere.";
};
const press = (change) => () => { gates = change(gates); showPair(); };
demo.find("gates").append(
  ...Object.keys(GATES).map((name) => demo.make("button", { type: "button", onclick: press((list) => [...list, name].slice(-20)) }, name)),
  demo.make("button", { type: "button", onclick: press((list) => list.slice(0, -1)) }, "Undo"),
  demo.make("button", { type: "button", onclick: press(() => []) }, "Empty"));
showPair();

// --- jets ---------------------------------------------------------------------------------------------
const jets = demo.array(DATA.jets), lit = ({ values }) => values.filter((value) => value > DATA.lit).length;
const side = jets.shape[1], stretched = ({ shape, values }) => ({ shape, values: values.map((value) => (value > 0 ? 1 + Math.log10(Math.max(value, 0.001)) / 3.5 : 0)) });
demo.predicted = (i) => scoreOf(anglesOf(demo.row(jets, i)));
let shown = 0;
demo.quiz(demo.find("quiz"), {
  n: jets.shape[0], choices: ["quark", "gluon"],
  show(i) {
    shown = i;
    demo.paint(demo.find("jet"), stretched(demo.row(jets, i)));
    demo.find("jet").setAttribute("aria-label", `A jet with ${lit(demo.row(jets, i))} lit pixels`);
  },
  truth: (i) => Number(DATA.gluon[i]),
  models: [
    { name: "the circuit", answer: (i) => Number(demo.predicted(i) > DATA.threshold), right: DATA.right.circuit, of: DATA.right.of },
    { name: "counting pixels", answer: (i) => Number(lit(demo.row(jets, i)) > DATA.many), right: DATA.right.pixels, of: DATA.right.of },
  ],
  after: (i) => `It has ${lit(demo.row(jets, i))} lit pixels; the circuit's score is ${demo.predicted(i).toFixed(3)}, its threshold ${DATA.threshold.toFixed(3)}.`,
});

// --- a jet of one's own -------------------------------------------------------------------------------
const own = { shape: [side, side], values: new Float32Array(side * side) }, canvas = demo.find("own");
const middle = side / 2 * (side + 1);
let cursor = middle;
const showOwn = () => {
  const angles = anglesOf(own), score = scoreOf(angles), x = cursor % side, y = Math.floor(cursor / side);
  const seen = document.activeElement === canvas;
  demo.paint(canvas, stretched(own), (value, i) => (seen && i === cursor ? [249, 115, 22] : demo.colour(value)));
  canvas.setAttribute("aria-label", `Your jet: row ${y}, column ${x}, ${own.values[cursor] > 0 ? "lit" : "dark"}`);
  const bars = angles.map((angle, k) => demo.draw("rect", { x: 22 * k + 4, y: 60 - 18 * angle, width: 16, height: 18 * angle, class: "bar" }));
  demo.find("angles").replaceChildren(demo.draw("svg", { viewBox: "0 0 226 76", role: "img", "aria-label": `Angles of ten qubits: ${angles.map((a) => a.toFixed(1)).join(", ")} rad` },
    demo.draw("line", { x1: 0, x2: 226, y1: 60, y2: 60, class: "thin" }), ...bars,
    demo.draw("text", { x: 113, y: 73, "text-anchor": "middle" }, "angles of the ten qubits, inner ring first")));
  demo.find("score").textContent = `${lit(own)} lit, score ${score.toFixed(3)}: the circuit calls it a ${score > DATA.threshold ? "gluon" : "quark"} ` +
    `(threshold ${DATA.threshold.toFixed(3)}; nine of ten test jets lie between ${DATA.quartiles[0].toFixed(3)} and ${DATA.quartiles[2].toFixed(3)}).`;
};
const change = () => {
  const brightest = own.values[cursor] === 1;
  if (!brightest) own.values[cursor] = own.values[cursor] > 0 ? 0 : 0.1;
  showOwn();
  if (brightest) demo.find("score").prepend("The brightest pixel stays: all others are parts of it. ");
};
canvas.addEventListener("pointerdown", (event) => {
  const box = canvas.getBoundingClientRect(), place = (at, from, size) => Math.min(Math.max(Math.floor((at - from) / size * side), 0), side - 1);
  cursor = place(event.clientY, box.top, box.height) * side + place(event.clientX, box.left, box.width);
  change();
});
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step && event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (!step) { change(); return; }
  const y = Math.floor(cursor / side) + step[0], x = cursor % side + step[1];
  if (y >= 0 && y < side && x >= 0 && x < side) cursor = y * side + x;
  showOwn();
});
for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, () => showOwn());
demo.find("clear").addEventListener("click", () => { own.values.fill(0); own.values[middle] = 1; showOwn(); });
demo.find("load").addEventListener("click", () => { own.values.set(demo.row(jets, shown).values); showOwn(); });
demo.find("clear").click();
