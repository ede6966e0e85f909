// The page of Exoplanet: disks seen face on, the network that looks for planets, and a planet to place.
"use strict";

const polar = demo.array(DATA.polar), images = demo.array(DATA.images), [, RINGS, ANGLES] = polar.shape, SIDE = images.shape[1];
const convolutions = demo.network(DATA.layers), dense = demo.network(DATA.last);
const clamped = (value, least, most) => Math.min(Math.max(value, least), most);
const median = (values) => {
  const sorted = Float64Array.from(values).sort(), half = sorted.length / 2;
  return half % 1 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
};

// The three pictures that the network sees of an unwrapped disk; as views_of_polar of Exoplanet/model.py.
const views = (values) => {
  const profile = [...Array(RINGS).keys()].map((ring) => median(values.subarray(ring * ANGLES, (ring + 1) * ANGLES)));
  const level = median(profile), around = Math.floor(RINGS / 8);
  const bend = profile.map((value, ring) => {
    let sum = 0;
    for (let k = -around; k <= around; k++) sum += profile[clamped(ring + k, 0, RINGS - 1)];
    return value - sum / (2 * around + 1);
  });
  const size = RINGS * ANGLES, out = new Float32Array(3 * size);
  values.forEach((value, i) => {
    const ring = Math.floor(i / ANGLES);
    out[i] = clamped((value - level) / 2, -1, 1);
    out[size + i] = clamped(3 * clamped(value - profile[ring], -1, 1), -1, 1);
    out[2 * size + i] = clamped(5 * bend[ring], -1, 1);
  });
  return out;
};

// Probability of a planet: mean logit of four quarter turns, each the mean and the maximum of every channel's map.
const probability = (values, turns = 4) => {
  const seen = views(values);
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) {
    const step = turn * ANGLES / turns, turned = seen.map((_, i) => seen[i - i % ANGLES + (i % ANGLES + ANGLES - step) % ANGLES]);
    const { shape: [channels], values: found } = convolutions({ shape: [3, RINGS, ANGLES], values: turned }), size = found.length / channels;
    const maps = [...Array(channels).keys()].map((c) => found.subarray(c * size, (c + 1) * size));
    sum += dense({ values: Float32Array.of(...maps.map((map) => map.reduce((a, b) => a + b) / size), ...maps.map((map) => Math.max(...map))) }).values[0];
  }
  return demo.sigmoid(sum / turns);
};
demo.predicted = (i) => probability(demo.row(polar, i).values);

// --- the quiz -------------------------------------------------------------------------------------------
const glow = (value) => [Math.min(255, 510 * value), Math.max(0, 400 * value - 145), Math.max(0, 1020 * value - 765)];
const show = (i, marked) => {
  const canvas = demo.find("disk");
  demo.paint(canvas, { shape: [SIDE, SIDE], values: demo.row(images, i).values }, (value) => glow(value / 255));
  canvas.setAttribute("aria-label", marked ? `The disk with ${DATA.planets[i].length} planets marked` : "A disk, seen under an angle");
  if (!marked) return;
  const context = canvas.getContext("2d");
  context.strokeStyle = "#67e8f9";
  for (const [row, column] of DATA.planets[i]) {
    context.beginPath();
    context.arc(column + 0.5, row + 0.5, 5, 0, 7);
    context.stroke();
  }
};
demo.quiz(demo.find("quiz"), {
  n: DATA.planet.length, round: 12, choices: ["no planet", "a planet"],
  show: (i) => show(i, false),
  truth: (i) => DATA.planet[i],
  models: [{ name: "the network", answer: (i) => Number(demo.predicted(i) > 0.5), right: DATA.right, of: DATA.of }],
  after(i) {
    show(i, true);
    return `It has ${DATA.planets[i].length || "no"} planet${DATA.planets[i].length === 1 ? "" : "s"}. The network gives a planet ${demo.percent(demo.predicted(i))}.`;
  },
});

// --- a planet of one's own ------------------------------------------------------------------------------
const bare = DATA.planet.map((has, i) => [has, i]).filter(([has]) => !has).map(([, i]) => i);
const planet = { q: 1e-3, radius: 80, azimuth: 0.7, height: 0.06, there: true, disk: 0 };
const VISCOSITY = 1e-3, FLARING = 0.25, WAKE = 1.5;  // WAKE as in the lesson's figure

// By how much a planet changes the surface density at radius r and azimuth; the formulas of Exoplanet/disk.py, with their sources.
const changed = (r, azimuth, { q, radius, azimuth: own, height: h }) => {
  const bottom = 1 / (1 + 0.04 * q ** 2 * h ** -5 / VISCOSITY), x = r / radius;
  const gap = clamped(4 * (q ** 2 * h ** -3 / VISCOSITY) ** -0.25 * Math.abs(x - 1) - 0.32, bottom, 1);
  const path = x ** (1 + FLARING) * (1 / (1 + FLARING) - x ** -1.5 / (FLARING - 0.5)) - (1 / (1 + FLARING) - 1 / (FLARING - 0.5));
  const width = Math.min(Math.hypot(h, 0.35 * Math.abs(1 - x ** 1.5)), 1);
  const thermal = q / h ** 3, strength = 1.5 * thermal / (1 + thermal) / (1 + (Math.abs(x - 1) / (4 * h)) ** 2) ** 0.625;
  const off = azimuth - own + Math.sign(r - radius) * path / h, away = off - 2 * Math.PI * Math.round(off / (2 * Math.PI));
  return gap * (1 + WAKE * strength * Math.exp(-0.5 * (away / width) ** 2));
};
demo.changed = changed;
const radiusOf = (ring) => DATA.innermost + (DATA.outermost - DATA.innermost) * ring / (RINGS - 1);
const withPlanet = () => demo.row(polar, bare[planet.disk]).values.map((value, i) => (planet.there
  ? Math.max(value + Math.log10(changed(radiusOf(Math.floor(i / ANGLES)), i % ANGLES * 2 * Math.PI / ANGLES, planet)), -6) : value));

// The face-on view on a canvas: for each pixel the polar picture, interpolated linearly.
const VIEW = 160, canvas = demo.find("own");
const paintOwn = (values) => {
  const top = Math.max(...values), low = top - 3;
  const pixels = Float32Array.from({ length: VIEW * VIEW }, (_, i) => {
    const x = (i % VIEW + 0.5) / VIEW * 2 - 1, y = (Math.floor(i / VIEW) + 0.5) / VIEW * 2 - 1, r = Math.hypot(x, y) * DATA.outermost;
    const ring = (r - DATA.innermost) / (DATA.outermost - DATA.innermost) * (RINGS - 1), a = (Math.atan2(y, x) / (2 * Math.PI) + 1) % 1 * ANGLES;
    if (ring > RINGS - 1) return 0;
    const i0 = clamped(Math.floor(ring), 0, RINGS - 2), k0 = Math.floor(a) % ANGLES, k1 = (k0 + 1) % ANGLES, u = clamped(ring - i0, 0, 1), v = a - Math.floor(a);
    const at = (row, column) => values[row * ANGLES + column];
    return ((1 - u) * ((1 - v) * at(i0, k0) + v * at(i0, k1)) + u * ((1 - v) * at(i0 + 1, k0) + v * at(i0 + 1, k1)) - low) / (top - low);
  });
  demo.paint(canvas, { shape: [VIEW, VIEW], values: pixels }, (value) => glow(clamped(value, 0, 1)));
  if (!planet.there) return;
  const context = canvas.getContext("2d"), far = planet.radius / DATA.outermost * VIEW / 2;
  context.strokeStyle = document.activeElement === canvas ? "#fb923c" : "#67e8f9";
  context.beginPath();
  context.arc(VIEW / 2 + far * Math.cos(planet.azimuth), VIEW / 2 + far * Math.sin(planet.azimuth), 5, 0, 7);
  context.stroke();
};
const alone = [];  // what the network says of each disk without the planet
let waiting = 0;
const showOwn = () => {
  const values = withPlanet();
  paintOwn(values);
  canvas.setAttribute("aria-label", `Disk ${planet.disk + 1} seen face on, ${planet.there ? `planet at ${planet.radius.toFixed(0)} au` : "without the planet"}`);
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const now = probability(values), without = alone[planet.disk] ??= probability(demo.row(polar, bare[planet.disk]).values);
    demo.find("answer").textContent = planet.there ? `The network gives a planet ${demo.percent(now)}; without yours it says ${demo.percent(without)}.` : `Without your planet the network says ${demo.percent(without)}.`;
  }, 20);
};
const started = { now: false };
const moved = (change) => (value) => { change(value); if (started.now) showOwn(); };
const massOf = (place) => DATA.earth * 5 * (DATA.jupiter / DATA.earth) ** (place / 60);
demo.slider("mass", moved((value) => { planet.q = massOf(value); }), (value) => (massOf(value) < DATA.jupiter / 3 ? `${(massOf(value) / DATA.earth).toFixed(0)} Earths` : `${(massOf(value) / DATA.jupiter).toFixed(1)} Jupiters`));
const radius = demo.slider("radius", moved((value) => { planet.radius = value; }), (value) => `${value} au`);
const azimuth = demo.slider("azimuth", moved((value) => { planet.azimuth = value * Math.PI / 180; }), (value) => `${value}°`);
demo.slider("height", moved((value) => { planet.height = value; }), (value) => value.toFixed(3));
started.now = true;
canvas.addEventListener("pointerdown", (pressed) => {
  const area = canvas.getBoundingClientRect(), x = (pressed.clientX - area.left) / area.width * 2 - 1, y = (pressed.clientY - area.top) / area.height * 2 - 1;
  radius.set(Math.hypot(x, y) * DATA.outermost);
  azimuth.set((Math.atan2(y, x) * 180 / Math.PI + 360) % 360);
});
canvas.addEventListener("keydown", (pressed) => {
  const steps = { ArrowUp: () => radius.set(planet.radius + 4), ArrowDown: () => radius.set(planet.radius - 4),
    ArrowLeft: () => azimuth.set((azimuth.get() + 355) % 360), ArrowRight: () => azimuth.set((azimuth.get() + 5) % 360),
    Enter: () => demo.find("remove").click(), " ": () => demo.find("remove").click() };
  if (!steps[pressed.key]) return;
  pressed.preventDefault();
  steps[pressed.key]();
});
for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, showOwn);
demo.find("remove").addEventListener("click", () => {
  planet.there = !planet.there;
  demo.find("remove").setAttribute("aria-pressed", !planet.there);
  showOwn();
});
demo.find("another").addEventListener("click", () => { planet.disk = (planet.disk + 1) % bare.length; showOwn(); });
showOwn();
