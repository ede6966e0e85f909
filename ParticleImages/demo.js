// The page of ParticleImages: images of crystals, the network that judges them, and what it rests on.
"use strict";

const images = demo.array(DATA.images), [, ROWS, COLUMNS] = images.shape, size = ROWS * COLUMNS;
const convolutions = demo.network(DATA.convolutions), dense = demo.network(DATA.dense);
const sum = (values) => values.reduce((a, b) => a + b, 0);

// Mirrored until more of the energy lies on the side of larger rows and columns; as mirror of ParticleImages/model.py.
const mirrored = (energy) => {
  const weight = (place, count) => Math.tanh((place - (count - 1) / 2) / 2);
  const down = sum(energy.map((e, i) => e * weight(Math.floor(i / COLUMNS), ROWS))) < 0;
  const left = sum(energy.map((e, i) => e * weight(i % COLUMNS, COLUMNS))) < 0;
  return energy.map((_, i) => {
    const row = Math.floor(i / COLUMNS), column = i % COLUMNS;
    return energy[(down ? ROWS - 1 - row : row) * COLUMNS + (left ? COLUMNS - 1 - column : column)];
  });
};

// Logit of an electron, of the energy of each crystal and of what lies outside the picture; as CNN.forward.
const logit = (energy, outside, { total = sum(energy) + outside, seen = sum(energy) } = {}) => {
  const middle = mirrored(energy).slice(COLUMNS * (ROWS - 1 - 2 * DATA.middle) / 2, COLUMNS * (ROWS + 1 + 2 * DATA.middle) / 2);
  const planes = [...middle.map((e) => Math.log1p(e / total / 0.0016) / 3), ...middle.map((e) => 2 * e)];
  const found = convolutions({ shape: [2, 2 * DATA.middle + 1, COLUMNS], values: Float32Array.from(planes) }).values;
  const scaled = 4 * Math.log(Math.max(seen, 1e-3)) - 0.8;
  return dense({ values: Float32Array.of(...found, scaled, scaled ** 2 - 1) }).values[0];
};
demo.predicted = (i) => demo.sigmoid(logit(demo.row(images, i).values, DATA.outside[i]));

// --- pictures: rows upwards, as in the lesson -----------------------------------------------------------
const upright = (i) => (ROWS - 1 - Math.floor(i / COLUMNS)) * COLUMNS + i % COLUMNS;
const show = (canvas, values, colour) => demo.paint(canvas, { shape: [ROWS, COLUMNS], values: values.map((_, i) => values[upright(i)]) }, colour);
const bright = (value) => demo.colour(value > 0 ? 1 + Math.log10(Math.max(value, 1e-3)) / 3 : 0);

// `own` is painted, what lies around it comes from image `painted`; the quiz shows image `shown`, whose answer is not told.
let shown = 0, painted = 0, own = images.values.slice(0, size), cursor = (size - 1) / 2, taking = false, waiting = 0;

// --- painting -------------------------------------------------------------------------------------------
// By how much the logit falls when one crystal is emptied, its energy moved to where the network does not look.
const rests = () => {
  const whole = { total: sum(own) + DATA.outside[painted], seen: sum(own) }, now = logit(own, 0, whole);
  return own.map((energy, i) => {
    const row = Math.floor(i / COLUMNS);
    if (energy === 0 || Math.abs(row - (ROWS - 1) / 2) > DATA.middle) return 0;
    const without = own.slice();
    without[i] = 0;
    return now - logit(without, 0, whole);
  });
};
const showMap = () => {
  const change = rests(), most = Math.max(...change.map(Math.abs), 1e-6);
  show(demo.find("map"), change, (value) => [0, 1, 2].map((k) => 245 - Math.abs(value) / most * (245 - (value > 0 ? [234, 88, 12] : [29, 78, 216])[k])));
  demo.find("legend").textContent = `The strongest crystal moves the logit by ${most.toFixed(2)}.`;
};
const paintOwn = () => {
  const seen = document.activeElement === demo.find("own"), total = sum(own) + DATA.outside[painted];
  const values = own.map((_, i) => own[upright(i)]);
  demo.paint(demo.find("own"), { shape: [ROWS, COLUMNS], values }, (value, i) => (seen && upright(i) === cursor ? [249, 115, 22] : bright(value)));
  demo.find("own").setAttribute("aria-label", `Crystal in row ${Math.floor(cursor / COLUMNS) - 7}, column ${cursor % COLUMNS - 13}: ${(50 * own[cursor]).toFixed(1)} GeV`);
  demo.find("probability").textContent = `The network gives an electron ${demo.percent(demo.sigmoid(logit(own, DATA.outside[painted])))}, of ${(50 * total).toFixed(0)} GeV in all.`;
  clearTimeout(waiting);
  waiting = setTimeout(showMap, 30);  // the answer first
};
const reset = () => {
  painted = shown;
  own = demo.row(images, shown).values.slice();
  paintOwn();
};
const change = (place) => {
  if (place === (size - 1) / 2 && taking) return;  // the hottest one stays
  own[place] = taking ? 0 : own[place] + 0.02;
  paintOwn();
};
const canvas = demo.find("own");
canvas.addEventListener("pointerdown", (pressed) => {
  const area = canvas.getBoundingClientRect(), at = (offset, length, count) => Math.min(Math.max(Math.floor(offset / length * count), 0), count - 1);
  cursor = upright(at(pressed.clientY - area.top, area.height, ROWS) * COLUMNS + at(pressed.clientX - area.left, area.width, COLUMNS));
  change(cursor);
});
canvas.addEventListener("keydown", (pressed) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] }[pressed.key];
  if (!step && pressed.key !== "Enter" && pressed.key !== " ") return;
  pressed.preventDefault();
  if (!step) { change(cursor); return; }
  const row = Math.floor(cursor / COLUMNS) + step[0], column = cursor % COLUMNS + step[1];
  if (row >= 0 && row < ROWS && column >= 0 && column < COLUMNS) cursor = row * COLUMNS + column;
  paintOwn();
});
for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, paintOwn);
demo.find("take").addEventListener("click", () => {
  taking = !taking;
  demo.find("take").setAttribute("aria-pressed", taking);
});
demo.find("spot").addEventListener("click", () => { own[(size - 1) / 2 + 6] += 0.1; paintOwn(); });
demo.find("reset").addEventListener("click", reset);
paintOwn();

// --- the quiz -------------------------------------------------------------------------------------------
demo.quiz(demo.find("quiz"), {
  n: DATA.electron.length, choices: ["photon", "electron"],
  show(i) {
    shown = i;
    const { values } = demo.row(images, i);
    show(demo.find("image"), values, bright);
    demo.find("image").setAttribute("aria-label", `15 by 27 crystals, ${values.filter((e) => e > 0.002).length} of them lit; the middle one has ${demo.percent(values[(size - 1) / 2] / sum(values))} of the energy`);
  },
  truth: (i) => DATA.electron[i],
  models: [{ name: "the network", answer: (i) => Number(demo.predicted(i) > 0.5), right: DATA.right, of: DATA.of }],
  after: (i) => (DATA.electron[i] ? `It radiated ${demo.percent(DATA.radiated[i])} of its energy.`
    : DATA.radius[i] ? `It converted ${DATA.radius[i].toFixed(2)} m from the beam.` : "It did not convert.") + ` The network gives an electron ${demo.percent(demo.predicted(i))}.`,
});
