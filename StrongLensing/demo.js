// The page of StrongLensing: rays through a lens, the ring that they make, and the network that reads it.
"use strict";

// --- rays; as StrongLensing/lens.py, with its sources ---------------------------------------------------
const size = DATA.size;
const ellipse = (e1, e2) => {
  const e = Math.hypot(e1, e2);
  return [(1 - e) / (1 + e), Math.atan2(e2, e1) / 2];
};
const turned = (x, y, angle) => [Math.cos(angle) * x + Math.sin(angle) * y, Math.cos(angle) * y - Math.sin(angle) * x];

// Deflection by the galaxy, a singular isothermal ellipsoid.
const [q, tilt] = ellipse(...DATA.ellipticity), squeeze = Math.sqrt(1 - q * q);
const galaxy = (x, y) => {
  const [along, across] = turned(x, y, tilt), psi = Math.sqrt(q * q * along ** 2 + across ** 2 + 1e-14), scale = DATA.theta_E * Math.sqrt(q) / squeeze;
  return turned(scale * Math.atan(squeeze * along / psi), scale * Math.atanh(squeeze * across / psi), -tilt);
};
// Brightness of the source, a Sersic profile of index 1.
const [flat, lean] = ellipse(DATA.source.e1, DATA.source.e2), steep = 1.9992 - 0.3271;
const source = (x, y) => {
  const [along, across] = turned(x, y, lean);
  return Math.exp(-steep * Math.sqrt(flat * along ** 2 + across ** 2 / flat) / DATA.source.radius);
};
// The masses of a vortex: equal points on a line through the centre.
const line = (length, angle) => (length > 0 ? [...Array(DATA.points).keys()].map((k) => {
  const at = length * (2 * k / (DATA.points - 1) - 1);
  return [at * Math.cos(angle), at * Math.sin(angle), DATA.vortex];
}) : []);

// What a telescope blurs: a Gaussian of sigma pixels along each axis, the outermost pixel continued; it ends after five sigma.
const blurred = (values, side, sigma) => {
  const reach = Math.floor(5 * sigma + 0.5), kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
  const whole = kernel.reduce((a, b) => a + b);
  const along = (from, step, across) => {
    const to = new Float64Array(from.length);
    for (let line = 0; line < side; line++) for (let i = 0; i < side; i++) {
      let sum = 0;
      for (let k = -reach; k <= reach; k++) sum += kernel[k + reach] * from[line * across + Math.min(Math.max(i + k, 0), side - 1) * step];
      to[line * across + i * step] = sum / whole;
    }
    return to;
  };
  return along(along(values, 1, side), side, 1);
};
const toPeak = (values) => {
  const peak = values.reduce((a, b) => Math.max(a, b));
  return Float32Array.from(values, (value) => value / peak);
};

// The ring of a source at (x, y) with point masses [x, y, Einstein radius] in the lens, its largest value 1; `side` pixels wide.
demo.ring = ([sourceX, sourceY], masses, side = size) => {
  const [g1, g2] = DATA.shear, light = new Float64Array(side * side), pixel = DATA.pixel * size / side, at = (k) => (k - (side - 1) / 2) * pixel;
  for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
    const x = at(column), y = at(row), [gx, gy] = galaxy(x, y);
    let bx = x - g1 * x - g2 * y - gx - sourceX, by = y - g2 * x + g1 * y - gy - sourceY;
    for (const [mx, my, theta] of masses) {
      const dx = x - mx, dy = y - my, weight = theta * theta / (dx * dx + dy * dy + 1e-14);
      bx -= weight * dx;
      by -= weight * dy;
    }
    light[row * side + column] = source(bx, by);
  }
  return toPeak(blurred(light, side, DATA.sigma / pixel));
};
demo.vortex = line;

// --- the network; as spectrum and Network of StrongLensing/model.py ------------------------------------
const network = demo.network(DATA.layers), { radii, angles } = DATA;
const cosine = [...Array(angles).keys()].map((k) => Math.cos(2 * Math.PI * k / angles)), sine = [...Array(angles).keys()].map((k) => Math.sin(2 * Math.PI * k / angles));
const unwrapped = (image) => {
  const out = new Float64Array(radii * angles);
  for (let ring = 0; ring < radii; ring++) for (let k = 0; k < angles; k++) {
    const radius = 0.8 * (ring + 1) / radii, x = ((radius * cosine[k] + 1) * size - 1) / 2, y = ((radius * sine[k] + 1) * size - 1) / 2;
    const i = Math.floor(y), j = Math.floor(x), u = y - i, v = x - j, at = i * size + j;
    out[ring * angles + k] = (1 - u) * ((1 - v) * image[at] + v * image[at + 1]) + u * ((1 - v) * image[at + size] + v * image[at + size + 1]);
  }
  return out;
};
const probabilities = (image) => {
  const polar = unwrapped(image), waves = angles / 2 + 1, out = new Float32Array(radii * waves);
  for (let ring = 0; ring < radii; ring++) for (let wave = 0; wave < waves; wave++) {
    let real = 0, imaginary = 0;
    for (let k = 0; k < angles; k++) {
      const value = polar[ring * angles + k], turn = wave * k % angles;
      real += value * cosine[turn];
      imaginary -= value * sine[turn];
    }
    out[ring * waves + wave] = Math.log(Math.hypot(real, imaginary) + DATA.faintest);
  }
  return demo.softmax(network({ shape: [out.length], values: out }).values);
};
const images = demo.array(DATA.images);
demo.predicted = (i) => probabilities(demo.row(images, i).values);

// --- restoration; as ring_pairs of StrongLensing/pairs.py and ResidualNetwork of StrongLensing/restoration.py ----------
const FINE = 2 * size, correction = demo.network(DATA.restore.layers);
// Random numbers of a normal distribution.
const normals = (count) => Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));

// A fine image as a poor telescope sees it: blurred by sigma fine pixels, on pixels twice as wide, with noise of the peak.
demo.coarse = (fine, sigma, noise = 0, grain = new Float64Array(size * size)) => {
  const soft = blurred(fine, FINE, sigma), seen = new Float64Array(size * size);
  soft.forEach((value, i) => { seen[Math.floor(i / (2 * FINE)) * size + Math.floor(i % FINE / 2)] += value / 4; });
  return toPeak(toPeak(seen).map((value, i) => Math.max(value + noise * grain[i], 0)));
};

// Bicubic interpolation to twice the size, as torch does it (R. G. Keys, 1981, with -0.75), along one axis and then the other.
const CUBIC = [-0.03515625, 0.26171875, 0.87890625, -0.10546875];  // of four neighbours, a quarter of a pixel before the third
const doubled = (from, rows, columns) => {  // twice as many columns, and rows for columns
  const to = new Float64Array(2 * rows * columns);
  for (let y = 0; y < rows; y++) for (let x = 0; x < 2 * columns; x++) {
    const middle = Math.floor(x / 2), turn = x % 2 ? -1 : 1;  // even pixels lie before the middle of their neighbour, odd ones after it
    for (let k = 0; k < 4; k++) to[x * rows + y] += CUBIC[k] * from[y * columns + Math.min(Math.max(middle + turn * (k - 2), 0), columns - 1)];
  }
  return to;
};
demo.enlarged = (image) => doubled(doubled(image, size, size), FINE, size);
const within = (value) => Math.min(Math.max(value, 0), 1);
demo.restored = (image, large = demo.enlarged(image)) => {
  const { values } = correction({ shape: [1, size, size], values: Float32Array.from(image) });
  const sum = Float32Array.from(large, (value, i) => value + values[i]), [a, b] = DATA.restore.brightness;
  const brightest = sum.slice().sort().slice(-9).reduce((total, value) => total + value / 9, 0);
  const factor = Math.exp(b) / Math.max(brightest, 0.1) ** a;
  return sum.map((value) => within(factor * value));
};
const psnr = (image, truth) => -10 * Math.log10(truth.reduce((sum, value, i) => sum + (within(image[i]) - value) ** 2, 0) / truth.length);

// --- a ring of one's own --------------------------------------------------------------------------------
const CLASSES = ["an axion vortex", "25 dark lumps", "nothing"];
const lens = { lump: 9.8, place: [0.75, 0.3], vortex: 0, turn: 0.5, source: [0.1, -0.05], noise: 1e-3 };
const bright = (value) => demo.colour(Math.asinh(10 * Math.max(value, 0)) / Math.asinh(10));
const canvas = demo.find("own"), LEAST = 7.9;
// The same noise at each move, so that what changes is what was moved.
const normal = normals(size * size);
const masses = () => [...(lens.lump > LEAST ? [[...lens.place, DATA.lump * Math.sqrt(10 ** lens.lump / DATA.mass)]] : []), ...line(lens.vortex, lens.turn)];
let waiting = 0;
const show = () => {
  const dented = demo.ring(lens.source, masses()), smooth = demo.ring(lens.source, []);
  const noisy = dented.map((value, i) => value + lens.noise * normal[i]), peak = Math.max(...noisy), image = noisy.map((value) => value / peak);
  demo.paint(canvas, { shape: [size, size], values: image }, bright);
  if (lens.lump > LEAST) {
    const context = canvas.getContext("2d");
    context.strokeStyle = document.activeElement === canvas ? "#fb923c" : "#fff";
    context.beginPath();
    context.arc(...lens.place.map((at) => at / DATA.pixel + size / 2), 2.5, 0, 7);
    context.stroke();
  }
  canvas.setAttribute("aria-label", `A ring; lump ${lens.place[0].toFixed(2)} arcsec to the right and ${lens.place[1].toFixed(2)} down`);
  const change = dented.map((value, i) => value - smooth[i]), most = Math.max(...change.map(Math.abs));
  demo.paint(demo.find("rest"), { shape: [size, size], values: change }, (value) => [0, 1, 2].map((k) => 245 - Math.min(Math.abs(value) / Math.max(most, 1e-6), 1) * (245 - (value > 0 ? [234, 88, 12] : [29, 78, 216])[k])));
  demo.find("change").textContent = `The largest change of a pixel is ${most.toFixed(3)} of the peak.`;
  const p = probabilities(image);
  clearTimeout(waiting);
  waiting = setTimeout(showRestored, 60);  // the answer first
  demo.find("answer").textContent = `The network: ${CLASSES.map((name, k) => `${name} ${demo.percent(p[k])}`).join(", ")}.`;
};
let ready = false;
const moved = (change) => (value) => { change(value); if (ready) show(); };
const lumpMass = demo.slider("lump", moved((value) => { lens.lump = value; }), (value) => (value > LEAST ? (value < 9 ? `${(10 ** (value - 6)).toFixed(0)} million suns` : `${(10 ** (value - 9)).toFixed(1)} billion suns`) : "none"));
demo.slider("vortex", moved((value) => { lens.vortex = value; }), (value) => (value ? `${value.toFixed(2)}″` : "none"));
demo.slider("turn", moved((value) => { lens.turn = value * Math.PI / 180; }), (value) => `${value}°`);
demo.slider("right", moved((value) => { lens.source[0] = value; }), (value) => `${value.toFixed(2)}″`);
demo.slider("down", moved((value) => { lens.source[1] = value; }), (value) => `${value.toFixed(2)}″`);
demo.slider("noise", moved((value) => { lens.noise = 10 ** value; }), (value) => `${(100 * 10 ** value).toFixed(2)} % of the peak`);
canvas.addEventListener("pointerdown", (pressed) => {
  const area = canvas.getBoundingClientRect(), at = (offset, length) => (offset / length - 0.5) * size * DATA.pixel;
  lens.place = [at(pressed.clientX - area.left, area.width), at(pressed.clientY - area.top, area.height)];
  show();
});
canvas.addEventListener("keydown", (pressed) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[pressed.key];
  if (!step && pressed.key !== "Enter" && pressed.key !== " ") return;
  pressed.preventDefault();
  if (!step) { lumpMass.set(lens.lump > LEAST ? LEAST : 9.8); return; }  // takes the lump away, or puts it back
  lens.place = lens.place.map((at, k) => Math.min(Math.max(at + step[k] * DATA.pixel, -2.5), 2.5));
  show();
});
for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, show);

// --- the same ring through a poor telescope -------------------------------------------------------------
let grain = normals(size * size);
const camera = { blur: 3.2, noise: 0.1 };
const showRestored = () => {
  const truth = demo.ring(lens.source, masses(), FINE), smooth = demo.ring(lens.source, [], FINE), coarse = demo.coarse(truth, camera.blur, camera.noise, grain);
  const large = demo.enlarged(coarse), restored = demo.restored(coarse, large);
  const pictures = { coarse: [coarse, size], bicubic: [large, FINE], restored: [restored, FINE], truth: [truth, FINE] };
  for (const [name, [values, side]] of Object.entries(pictures)) demo.paint(demo.find(name), { shape: [side, side], values }, bright);
  const score = { bicubic: psnr(large, truth), restored: psnr(restored, truth) };
  for (const name of ["bicubic", "restored"]) demo.find(`${name}-said`).textContent = `${score[name].toFixed(1)} dB`;
  const has = lens.lump > LEAST || lens.vortex > 0;
  demo.find("won").textContent = `The network is ${Math.abs(score.restored - score.bicubic).toFixed(1)} dB ${score.restored > score.bicubic ? "nearer to the truth than" : "farther from it than"} bicubic interpolation. ` +
    (has ? `A perfect ring without your lump and vortex would be at ${psnr(smooth, truth).toFixed(1)} dB: whoever has less has not shown that it sees them.` : "There is no lump and no vortex in this lens: put one in above.");
};
demo.slider("blur", moved((value) => { camera.blur = value; }), (value) => `${value.toFixed(1)} fine pixels`);
demo.slider("grain", moved((value) => { camera.noise = value; }), (value) => `${demo.percent(value)} of the peak`);
demo.find("again").addEventListener("click", () => { grain = normals(size * size); showRestored(); });
ready = true;
show();

// --- the quiz -------------------------------------------------------------------------------------------
demo.quiz(demo.find("quiz"), {
  n: DATA.label.length, choices: CLASSES,
  show: (i) => demo.paint(demo.find("image"), demo.row(images, i), bright),
  truth: (i) => DATA.label[i],
  models: [{ name: "the network", answer(i) { const p = demo.predicted(i); return p.indexOf(Math.max(...p)); }, right: DATA.right, of: DATA.of }],
  after(i) {
    const told = DATA.length[i] > 0 ? `Half the length of its vortex is ${DATA.length[i].toFixed(2)}″. ` : DATA.largest[i] > 0 ? `Its heaviest lump has ${(DATA.largest[i] / 1e9).toFixed(1)} billion suns. ` : "";
    return `${told}The network: ${demo.predicted(i).map((p, k) => `${CLASSES[k]} ${demo.percent(p)}`).join(", ")}.`;
  },
});
