// The page of RenAIssance: the reader of RenAIssance/model.py, column by column.
"use strict";

const HEIGHT = 36, X_HEIGHT = 14;
const [look, named] = [DATA.look, DATA.name].map(demo.network);
const squeeze = demo.matrix(demo.array(DATA.squeeze.weight)), shift = demo.array(DATA.squeeze.bias).values;
const memory = ({ input, memory: hidden, bias }) => ({ see: demo.matrix(demo.array(input)), recall: demo.matrix(demo.array(hidden)), bias: demo.array(bias).values });
const [forwards, backwards] = [DATA.forwards, DATA.backwards].map(memory);

// One direction of a long short-term memory (Hochreiter and Schmidhuber, Neural Comput. 9 (1997) 1735); gates in torch's order.
// Of `steps` rows of numbers: what is remembered at each, in rows.
const remember = ({ see, recall, bias }, rows, steps, reverse) => {
  const size = bias.length / 4, out = new Float64Array(steps * size), seen = see(rows, steps), kept = new Float64Array(size), sums = new Float64Array(4 * size);
  let h = new Float64Array(size);
  for (let k = 0; k < steps; k++) {
    const step = reverse ? steps - 1 - k : k;
    recall(h, 1, sums);
    for (let gate = 0; gate < 4 * size; gate++) sums[gate] += seen[4 * size * step + gate] + bias[gate];
    h = out.subarray(step * size, (step + 1) * size);
    for (let i = 0; i < size; i++) {
      kept[i] = demo.sigmoid(sums[size + i]) * kept[i] + demo.sigmoid(sums[i]) * Math.tanh(sums[2 * size + i]);
      h[i] = demo.sigmoid(sums[3 * size + i]) * Math.tanh(kept[i]);
    }
  }
  return out;
};

// Probabilities of the blank and of each character, for every four columns of a line [36, width] of ink, 0 to 255.
const probabilities = ({ shape: [, width], values }) => {
  const whole = Math.ceil((width + DATA.margin) / DATA.stride) * DATA.stride, ink = new Float32Array(HEIGHT * whole);
  values.forEach((value, i) => { ink[Math.floor(i / width) * whole + i % width] = value / 255; });
  const { shape: [channels, rows, steps], values: found } = look({ shape: [1, HEIGHT, whole], values: ink }), flat = channels * rows;
  const columns = squeeze(Float64Array.from({ length: flat * steps }, (_, i) => found[i % flat * steps + Math.floor(i / flat)]), steps), size = shift.length;
  for (let i = 0; i < columns.length; i++) columns[i] = Math.max(columns[i] + shift[i % size], 0);
  const before = remember(forwards, columns, steps, false), after = remember(backwards, columns, steps, true);
  const part = (values, step) => values.subarray(step * size, (step + 1) * size);
  return [...Array(steps).keys()].map((step) => demo.softmax(named({ values: Float64Array.of(...part(before, step), ...part(after, step)) }).values));
};
const best = (row) => row.indexOf(Math.max(...row));
const textOf = (p) => {
  const kept = p.map(best).filter((code, step, all) => code !== 0 && code !== all[step - 1]);
  return kept.map((code) => DATA.alphabet[code - 1]).join("").trim();
};
const lines = DATA.lines.map(demo.array);
demo.predicted = (i) => probabilities(lines[i]).slice(0, DATA.expected[i].length).map((row) => row[0]);
demo.read = (i) => textOf(probabilities(lines[i]));

// --- how good is a reading? ---------------------------------------------------------------------------
const levelled = (text) => text.toLowerCase().replaceAll("ſ", "s").normalize("NFD").replace(/[^a-z0-9 ]/g, "").replaceAll("v", "u").replaceAll("j", "i").split(" ").filter(Boolean).join(" ");
const edits = (a, b) => {
  let costs = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) row[j] = Math.min(costs[j] + 1, row[j - 1] + 1, costs[j - 1] + Number(a[i - 1] !== b[j - 1]));
    costs = row;
  }
  return costs[b.length];
};

// --- what is read -------------------------------------------------------------------------------------
const show = (canvas, { shape, values }) => demo.paint(canvas, { shape, values }, (ink) => [255 - ink, 255 - ink, 255 - ink]);
const read = (line) => {
  const p = probabilities(line), text = textOf(p);
  const names = p.map(best), used = [...new Set(names)].sort((a, b) => a - b);
  show(demo.find("seen"), { shape: line.shape, values: line.values });
  demo.paint(demo.find("map"), { shape: [used.length, p.length], values: used.flatMap((code) => p.map((row) => row[code])) });
  const wide = p.length * DATA.stride;
  for (const [canvas, columns] of [["seen", line.shape[1]], ["map", wide]]) demo.find(canvas).style.width = `${100 * columns / wide}%`;
  demo.find("map").style.height = `${8 * used.length}px`;
  demo.find("letters").replaceChildren(...names.flatMap((code, step) => (code === 0 || code === names[step - 1] ? []
    : [demo.make("span", { style: `left: ${100 * (step + 0.5) / p.length}%` }, DATA.alphabet[code - 1])])));
  demo.find("reading").textContent = `The network reads: ${text || "nothing"} (${p.length} columns of four pixels; rows of the map: ${used.map((code) => (code ? DATA.alphabet[code - 1].replace(" ", "space") : "blank")).join(" ")})`;
  return text;
};

let order = demo.shuffled(lines.length), at = 0, answered = false;
const total = { you: 0, network: 0, characters: 0, lines: 0 };
const ask = () => {
  answered = false;
  demo.find("compare").disabled = false;
  demo.find("text").value = "";
  demo.find("told").textContent = "";
  show(demo.find("print"), lines[order[at]]);
};
demo.find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (answered) return;
  answered = true;
  demo.find("compare").disabled = true;
  const i = order[at], truth = levelled(DATA.texts[i]), machine = read(lines[i]);
  total.lines += 1;
  total.characters += truth.length;
  const wrong = { you: edits(truth, levelled(demo.find("text").value)), network: edits(truth, levelled(machine)) };
  total.you += wrong.you;
  total.network += wrong.network;
  demo.find("told").textContent = `Of ${truth.length} characters you have ${wrong.you} wrong, the network ${wrong.network}. It says: ${DATA.texts[i]} — the network reads: ${machine}`;
  const cell = (tag, text, scope) => demo.make(tag, scope ? { scope } : {}, text);
  const row = (name, found, of) => {
    const errors = Math.min(found, of), shares = [errors / of, ...demo.wilson(errors, of)];  // what is added counts too: there can be more than characters
    const [share, low, high] = shares.map((part) => (100 * part).toFixed(part < 0.1 ? 1 : 0));
    return demo.make("tr", {}, cell("th", name, "row"), cell("td", `${errors} of ${of.toLocaleString("en")}`), cell("td", `${share} % (${low} to ${high})`));
  };
  const head = demo.make("tr", {}, cell("td", ""), ...["wrong", "share (95 %)"].map((text) => cell("th", text, "col")));
  demo.find("score").replaceChildren(demo.make("div", { class: "scroll score", tabindex: "0", role: "region", "aria-label": "Score" }, demo.make("table", {}, demo.make("thead", {}, head), demo.make("tbody", {},
    row("you", total.you, total.characters), row("the network", total.network, total.characters), row("it, elsewhere", DATA.wrong, DATA.of)))),
  demo.make("p", { class: "note" }, `Characters of ${total.lines} ${total.lines === 1 ? "line" : "lines"}, and of ${DATA.others} others. The intervals take characters for independent; those of one line are not, so the true ones are wider.`));
});
demo.find("next").addEventListener("click", () => {
  at += 1;
  if (at === order.length) { order = demo.shuffled(lines.length); at = 0; }
  ask();
  demo.find("text").focus();
});

// --- a line of one's own ------------------------------------------------------------------------------
// Ink of a canvas' pixels, 0 to 255: paper is its bright end and ink its dark one.
const inkOf = (context, width, height) => {
  const { data } = context.getImageData(0, 0, width, height);
  const grey = Float32Array.from({ length: width * height }, (_, i) => 0.3 * data[4 * i] + 0.59 * data[4 * i + 1] + 0.11 * data[4 * i + 2]);
  const sorted = grey.slice().sort(), dark = sorted[Math.floor(0.01 * sorted.length)], light = sorted[Math.floor(0.8 * sorted.length)];
  return grey.map((value) => Math.min(Math.max(255 * (light - value) / Math.max(light - dark, 1), 0), 255));
};

// Top and height of the band between the x-line and the baseline; as x_band of RenAIssance/lines.py.
const xBand = (ink, width, height) => {
  const sums = [0];
  for (let y = 0; y < height; y++) sums.push(sums[y] + ink.subarray(y * width, (y + 1) * width).reduce((a, b) => a + b, 0));
  const w = Math.max(1, Math.round(height / 28));
  const rise = sums.map((sum, y) => sums[Math.min(y + w, height)] - 2 * sum + sums[Math.max(y - w, 0)]);
  let most = -Infinity, found = [0, height];
  for (let h = Math.max(3, Math.round(0.22 * height)); h <= Math.max(3, Math.min(height - 1, Math.round(0.5 * height))); h++) for (let top = 0; top <= height - h; top++) {
    const pair = Math.min(rise[top], -rise[top + h]), score = (rise[top] - rise[top + h] + 2 * pair) * Math.exp(-((Math.abs(top + h / 2 - height / 2) / height / 0.3) ** 2));
    if (score > most) { most = score; found = [top, h]; }
  }
  return found;
};
const readPicture = async (file) => {
  try {
    const picture = await createImageBitmap(file), width = Math.min(picture.width, 2400), height = Math.round(picture.height * width / picture.width);
    const draft = new OffscreenCanvas(width, height).getContext("2d");
    draft.fillStyle = "#fff";
    draft.fillRect(0, 0, width, height);
    draft.drawImage(picture, 0, 0, width, height);
    const [top, band] = xBand(inkOf(draft, width, height), width, height), scale = X_HEIGHT / band, span = HEIGHT / scale, first = top + band / 2 - span / 2;
    const columns = Math.min(Math.max(8, Math.round(width * scale)), 1200), line = new OffscreenCanvas(columns, HEIGHT).getContext("2d");
    line.fillStyle = "#fff";
    line.fillRect(0, 0, columns, HEIGHT);
    line.imageSmoothingQuality = "high";
    line.drawImage(draft.canvas, 0, -first * scale, columns, height * scale);
    read({ shape: [HEIGHT, columns], values: inkOf(line, columns, HEIGHT) });
    demo.find("trouble").textContent = demo.find("reading").textContent;
  } catch {
    demo.find("trouble").textContent = "This is not a picture that your browser can open: choose a PNG or a JPEG of one line.";
  }
};
demo.find("file").addEventListener("change", (event) => { if (event.target.files.length) readPicture(event.target.files[0]); });
addEventListener("paste", (event) => {
  const item = [...event.clipboardData.items].find(({ type }) => type.startsWith("image/"));
  if (item) readPicture(item.getAsFile());
});
demo.find("press").addEventListener("click", () => {
  const text = demo.find("typed").value.slice(0, 80), context = new OffscreenCanvas(8, 8).getContext("2d");
  context.font = "100px serif";
  const font = `${100 * X_HEIGHT / context.measureText("x").actualBoundingBoxAscent}px serif`;
  context.font = font;
  const width = Math.ceil(context.measureText(text).width) + 16, page = new OffscreenCanvas(width, HEIGHT).getContext("2d");
  page.fillStyle = "#fff";
  page.fillRect(0, 0, width, HEIGHT);
  Object.assign(page, { fillStyle: "#000", font });
  page.fillText(text, 8, (HEIGHT + X_HEIGHT) / 2);
  const { data } = page.getImageData(0, 0, width, HEIGHT);
  const machine = read({ shape: [HEIGHT, width], values: Float32Array.from({ length: width * HEIGHT }, (_, i) => 255 - data[4 * i]) });
  demo.find("trouble").textContent = `The network reads: ${machine || "nothing"}. The map above is of this line.`;
});
ask();
setTimeout(() => demo.find("press").click(), 50);  // the page is drawn first
