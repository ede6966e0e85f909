// What the pages share on which a visitor tries a model: arrays, networks, a quiz with its score, pictures.
"use strict";

const demo = {};

// --- arrays and networks ------------------------------------------------------------------------------
// An array is { shape, values }; common/demo.py writes it as base64.
demo.array = ({ shape, type, base64 }) => {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return { shape, values: type === "u1" ? bytes : new Float32Array(bytes.buffer) };
};

// Row i of an array: the same without its first axis.
demo.row = ({ shape, values }, i) => {
  const size = shape.slice(1).reduce((product, n) => product * n, 1);
  return { shape: shape.slice(1), values: values.subarray(i * size, (i + 1) * size) };
};

// The product of a matrix [outputs, ...] with each of `count` rows of numbers: into `out`, [count, outputs]. Four outputs
// of two rows at a time: each number that is loaded then serves several sums. The weights of four outputs stand side by side.
demo.matrix = ({ shape: [outputs], values }) => {
  const size = values.length / outputs, weight = new Float64Array(4 * Math.ceil(outputs / 4) * size);
  values.forEach((value, i) => {
    const o = Math.floor(i / size);
    weight[(o - o % 4) * size + 4 * (i % size) + o % 4] = value;
  });
  return (rows, count = 1, out = new Float64Array(count * outputs)) => {
    for (let o = 0; o < outputs; o += 4) for (let row = 0; row < count; row += 2) {
      const pair = row + 1 < count, to = row * outputs + o, four = Math.min(outputs - o, 4);
      if (pair) twoRows(weight, o * size, rows, row * size, size); else oneRow(weight, o * size, rows, row * size, size);
      for (let k = 0; k < four; k++) out[to + k] = sums[k];
      if (pair) for (let k = 0; k < four; k++) out[to + outputs + k] = sums[4 + k];
    }
    return out;
  };
};
const sums = new Float64Array(8);
const oneRow = (weight, at, rows, row, size) => {
  let a = 0, b = 0, c = 0, d = 0;
  for (const end = row + size; row < end; row++, at += 4) {
    const x = rows[row];
    a += x * weight[at]; b += x * weight[at + 1]; c += x * weight[at + 2]; d += x * weight[at + 3];
  }
  sums[0] = a; sums[1] = b; sums[2] = c; sums[3] = d;
};
const twoRows = (weight, at, rows, row, size) => {
  let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
  for (const end = row + size; row < end; row++, at += 4) {
    const x = rows[row], y = rows[row + size], i = weight[at], j = weight[at + 1], k = weight[at + 2], l = weight[at + 3];
    a += x * i; b += x * j; c += x * k; d += x * l;
    e += y * i; f += y * j; g += y * k; h += y * l;
  }
  sums[0] = a; sums[1] = b; sums[2] = c; sums[3] = d; sums[4] = e; sums[5] = f; sums[6] = g; sums[7] = h;
};

demo.sigmoid = (z) => 1 / (1 + Math.exp(-z));

demo.softmax = (logits) => {
  const most = Math.max(...logits), odds = Array.from(logits, (z) => Math.exp(z - most));
  const sum = odds.reduce((a, b) => a + b);
  return odds.map((odd) => odd / sum);
};

const each = (change) => () => ({ shape, values }) => ({ shape, values: values.map(change) });

// A kind of layer makes, from its weights, a function of an array of one sample: [channels, rows, columns] or [numbers].
demo.kinds = {
  ReLU: each((x) => (x > 0 ? x : 0)),
  SiLU: each((x) => x / (1 + Math.exp(-x))),
  Tanh: each(Math.tanh),
  Flatten: () => ({ values }) => ({ shape: [values.length], values }),

  Scale({ scale, shift }) {
    return ({ shape, values }) => {
      const size = values.length / shape[0], out = new Float32Array(values.length);
      for (let c = 0, at = 0; c < shape[0]; c++) {
        const factor = scale.values[c], more = shift.values[c];
        for (const end = at + size; at < end; at++) out[at] = values[at] * factor + more;
      }
      return { shape, values: out };
    };
  },

  Linear({ weight, bias }) {
    const times = demo.matrix(weight);
    return ({ values }) => ({ shape: [weight.shape[0]], values: Float32Array.from(times(values), (sum, o) => sum + bias.values[o]) });
  },

  LayerNorm({ weight, bias, eps }) {
    return ({ shape, values }) => {
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      const out = values.map((x, i) => (x - mean) / Math.sqrt(variance + eps) * weight.values[i] + bias.values[i]);
      return { shape, values: out };
    };
  },

  Conv2d({ weight, bias, stride: [down, right], padding: [above, left], dilation: [rowStep, columnStep] }) {
    const [outputs, inputs, high, wide] = weight.shape, times = demo.matrix(weight);
    return ({ shape: [, rows, columns], values }) => {
      // A frame of zeros around the image
      const H = rows + 2 * above, W = columns + 2 * left, padded = new Float64Array(inputs * H * W);
      for (let c = 0; c < inputs; c++) for (let y = 0; y < rows; y++) {
        const start = (c * rows + y) * columns;
        padded.set(values.subarray(start, start + columns), (c * H + y + above) * W + left);
      }
      const h = Math.floor((H - rowStep * (high - 1) - 1) / down) + 1, w = Math.floor((W - columnStep * (wide - 1) - 1) / right) + 1;
      // What the kernel covers at each place of a row of the result, as a row of numbers: then a convolution is a product
      // of matrices. One row at a time stays in the processor's cache.
      const covered = new Float64Array(w * inputs * high * wide), sums = new Float64Array(w * outputs), out = new Float32Array(outputs * h * w);
      for (let y = 0; y < h; y++) {
        for (let x = 0, at = 0; x < w; x++) for (let c = 0; c < inputs; c++) for (let i = 0; i < high; i++) {
          const start = (c * H + y * down + i * rowStep) * W + x * right;
          for (let j = 0; j < wide; j++) covered[at++] = padded[start + j * columnStep];
        }
        times(covered, w, sums);
        for (let o = 0; o < outputs; o++) {
          const to = (o * h + y) * w, more = bias ? bias.values[o] : 0;
          for (let x = 0; x < w; x++) out[to + x] = sums[x * outputs + o] + more;
        }
      }
      return { shape: [outputs, h, w], values: out };
    };
  },

  // Angles go round: the last column before the first one, and the first one after the last.
  Around: () => ({ shape: [channels, rows, columns], values }) => {
    const wide = columns + 2, out = new Float32Array(channels * rows * wide);
    for (let row = 0; row < channels * rows; row++) {
      for (let x = 0; x < wide; x++) out[row * wide + x] = values[row * columns + (x + columns - 1) % columns];
    }
    return { shape: [channels, rows, wide], values: out };
  },

  MaxPool2d({ size: [high, wide] }) {
    return ({ shape: [channels, rows, columns], values }) => {
      const h = Math.floor(rows / high), w = Math.floor(columns / wide), out = new Float32Array(channels * h * w).fill(-Infinity);
      for (let c = 0; c < channels; c++) for (let y = 0; y < h * high; y++) {
        const from = (c * rows + y) * columns, to = (c * h + Math.floor(y / high)) * w;
        for (let x = 0; x < w; x++) for (let j = 0; j < wide; j++) {
          const value = values[from + x * wide + j];
          if (value > out[to + x]) out[to + x] = value;
        }
      }
      return { shape: [channels, h, w], values: out };
    };
  },

  // What some layers add to their input.
  Residual({ layers }) {
    const correction = demo.network(layers);
    return (x) => {
      const { values } = correction(x);
      return { shape: x.shape, values: x.values.map((value, i) => value + values[i]) };
    };
  },

  // k x k neighbouring pixels become k^2 channels, and the other way round.
  PixelUnshuffle: ({ factor: k }) => ({ shape: [channels, rows, columns], values }) => {
    const shape = [channels * k * k, rows / k, columns / k], out = new Float32Array(values.length);
    values.forEach((value, i) => { out[unfolded(i, shape, k)] = value; });
    return { shape, values: out };
  },
  PixelShuffle: ({ factor: k }) => ({ shape: [channels, rows, columns], values }) => ({
    shape: [channels / k / k, rows * k, columns * k], values: values.map((_, i) => values[unfolded(i, [channels, rows, columns], k)]),
  }),
};

// Where pixel i of a fine image stands among the channels of a coarse one of a shape.
const unfolded = (i, [, rows, columns], k) => {
  const x = i % (columns * k), y = Math.floor(i / (columns * k)) % (rows * k), c = Math.floor(i / (rows * columns * k * k));
  return (((c * k + y % k) * k + x % k) * rows + Math.floor(y / k)) * columns + Math.floor(x / k);
};

// The function of an array that layers of common/demo.py stand for.
demo.network = (layers) => {
  const steps = layers.map((layer) => {
    const decoded = Object.entries(layer).map(([name, value]) => [name, value?.base64 === undefined ? value : demo.array(value)]);
    return demo.kinds[layer.kind](Object.fromEntries(decoded));
  });
  return (x) => steps.reduce((value, step) => step(value), x);
};

// --- numbers for people -------------------------------------------------------------------------------
// The 95 % interval of a share, when k of n were right (E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209).
demo.wilson = (k, n) => {
  const z = 1.959964, p = k / n, middle = p + z * z / (2 * n);
  const half = z * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return [Math.max((middle - half) / (1 + z * z / n), 0), Math.min((middle + half) / (1 + z * z / n), 1)];
};

demo.percent = (share) => `${Math.round(100 * share)} %`;

demo.shuffled = (n) => {
  const order = [...Array(n).keys()];
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
};

// --- elements -----------------------------------------------------------------------------------------
demo.make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

// The same for drawings of lines; their colours are those of the style sheet, by day and by night.
demo.draw = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

demo.find = (name) => document.getElementById(name);

// A slider says its value beside it, and to those who hear the page; `change` is called with the value, at once as well.
demo.slider = (name, change, say = String) => {
  const input = demo.find(name), output = document.querySelector(`output[for=${name}]`);
  const update = () => {
    output.textContent = say(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    change(Number(input.value));
  };
  input.addEventListener("input", update);
  update();
  return { set(value) { input.value = value; update(); }, get: () => Number(input.value) };
};

// An image on a canvas, one pixel a number between 0 and 1; enlarged by the style sheet without smoothing.
// Colours: viridis at nine places (S. van der Walt and N. Smith, 2015, CC0).
const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
demo.colour = (share) => {
  const place = Math.min(Math.max(share, 0), 1) * 8, i = Math.min(Math.floor(place), 7);
  return VIRIDIS[i].map((low, k) => low + (place - i) * (VIRIDIS[i + 1][k] - low));
};
demo.paint = (canvas, { shape: [rows, columns], values }, colour = demo.colour) => {
  Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows), { data } = image;
  values.forEach((value, i) => {
    const [red, green, blue] = colour(value, i);
    data[4 * i] = red;
    data[4 * i + 1] = green;
    data[4 * i + 2] = blue;
    data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
};

// --- a quiz -------------------------------------------------------------------------------------------
// The visitor and the models answer the same questions; what each got right stands below, with its uncertainty.
//   n        number of questions to draw from
//   round    after so many answers the page sums up
//   show     (i) => shows question i; returns nothing
//   choices  names of the answers
//   truth    (i) => index of the right answer
//   models   [{ name, answer: (i) => index, right, of }]: right of `of` others, measured by Python
//   after    (i) => what is said once it is answered
demo.quiz = (place, { n, round = 10, show, choices, truth, models, after }) => {
  const players = [{ name: "you", right: 0 }, ...models.map((model) => ({ ...model, right: 0, elsewhere: model }))];
  const disagree = [0, 0];  // you right and the first model wrong, and the other way round
  let order = demo.shuffled(n), at = 0, count = 0, answered = false;

  const buttons = choices.map((choice, index) => demo.make("button", { type: "button", onclick: () => answer(index) }, choice));
  const next = demo.make("button", { type: "button", class: "next", disabled: true, onclick: () => { at += 1; ask(); buttons[0].focus(); } }, "Next");
  const said = demo.make("p", { role: "status", class: "said" }), paired = demo.make("p", { class: "note", role: "status" }), asked = demo.make("p", { class: "asked" });
  const rows = players.map((player) => {
    player.cells = [demo.make("td", {}, "–"), demo.make("td", {}, "–")];
    return demo.make("tr", {}, demo.make("th", { scope: "row" }, player.name), ...player.cells);
  });
  const elsewhere = models.map(({ name, right, of }) => {
    const [low, high] = demo.wilson(right, of);
    return `${name} ${demo.percent(right / of)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %)`;
  });
  const head = ["", "right", "share (95 % interval)"].map((text) => demo.make(text ? "th" : "td", text ? { scope: "col" } : {}, text));
  const table = demo.make("table", {}, demo.make("caption", {}, "Score on the same questions"), demo.make("thead", {}, demo.make("tr", {}, ...head)), demo.make("tbody", {}, ...rows));
  place.append(asked, demo.make("div", { class: "buttons", role: "group", "aria-label": "Your answer" }, ...buttons, next), said);
  place.closest(".demo").after(demo.make("div", { class: "scroll score", tabindex: "0", role: "region", "aria-label": "Score" }, table), paired,
    demo.make("p", { class: "note" }, `On ${models[0].of.toLocaleString("en")} more from the same simulation: ${elsewhere.join(", ")}.`));

  const ask = () => {
    if (at === n) { order = demo.shuffled(n); at = 0; }
    answered = false;
    buttons.forEach((button) => { button.disabled = false; button.classList.remove("chosen"); });
    next.disabled = true;
    asked.textContent = `What is it? Question ${count % round + 1} of ${round}`;
    said.textContent = "";
    show(order[at]);
  };
  const answer = (index) => {
    if (answered) return;
    answered = true;
    count += 1;
    const i = order[at], right = truth(i);
    players[0].right += index === right;
    players.slice(1).forEach((player) => { player.right += player.answer(i) === right; });
    if (players.length > 1) {
      const its = players[1].answer(i) === right;
      disagree[0] += index === right && !its;
      disagree[1] += index !== right && its;
      const done = count % round === 0 ? `${count} answers: you ${players[0].right} right, ${players[1].name} ${players[1].right}. Go on, or see below what else there is. ` : "";
      paired.textContent = count < 5 ? "" : `${done}Where you and ${players[1].name} differ: you were right in ${disagree[0]}, it was in ${disagree[1]}. ` +
        (count < 30 ? "After so few, chance decides much: look at the intervals." : "");
    }
    players.forEach(({ right: found, cells }) => {
      const [low, high] = demo.wilson(found, count);
      cells[0].textContent = `${found} of ${count}`;
      cells[1].textContent = `${demo.percent(found / count)} (${Math.round(100 * low)} to ${demo.percent(high)})`;
    });
    buttons.forEach((button, k) => { button.disabled = true; button.classList.toggle("chosen", k === index); });
    next.disabled = false;
    next.focus();
    said.textContent = `${index === right ? "Right" : "Wrong"}: ${choices[right]}. ${after(i)}`;
  };
  ask();
};
