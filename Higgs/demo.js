// The page of Higgs: an event, the network that judges it, and the threshold of a search.
"use strict";

// --- the network --------------------------------------------------------------------------------------
const low = demo.array(DATA.low), width = demo.array(DATA.width), inputs = demo.array(DATA.features);
const [standardise, first, inner, last] = [DATA.standardise, DATA.first, DATA.block, DATA.last].map(demo.network);
const clamped = (value, least, most) => Math.min(Math.max(value, least), most);

// Features of one event -> probability of signal; as Network.forward of Higgs/model.py.
const probability = (x) => {
  const k = x.values.length, plain = standardise(x).values.map((value) => clamped(value, -3, 3));
  const encoded = low.values.map((edge, i) => clamped((x.values[i % k] - edge) / width.values[i], 0, 1) - 0.5);
  const hidden = first({ values: Float32Array.of(...encoded, ...plain) }), correction = inner(hidden);
  const sum = { shape: hidden.shape, values: hidden.values.map((value, i) => value + correction.values[i]) };
  return demo.sigmoid(last(sum).values[0]);
};
demo.predicted = (i) => probability(demo.row(inputs, i));

// --- one event ----------------------------------------------------------------------------------------
const NAMES = ["lepton", "missing", "jet 1", "jet 2", "jet 3", "jet 4"];
const p4 = demo.array(DATA.p4), pt = demo.array(DATA.pt), phi = demo.array(DATA.phi), eta = demo.array(DATA.eta), tags = demo.array(DATA.tags);
const chosen = new Set([]);
let current = 0;
const tagged = (k) => k > 1 && tags.values[4 * current + k - 2] > 0;
const nameOf = (k) => (tagged(k) ? `b-tagged ${NAMES[k]}` : NAMES[k]);

const showEvent = () => {
  const longest = Math.max(...demo.row(pt, current).values);
  const parts = NAMES.map((name, k) => {
    const size = 85 * Math.sqrt(pt.values[6 * current + k] / longest), angle = phi.values[6 * current + k];
    const x = size * Math.cos(angle), y = -size * Math.sin(angle), far = 1 + 13 / size;
    const kind = name === "missing" ? "dashed" : tagged(k) ? "tagged" : name === "lepton" ? "lepton" : "";
    const mark = tagged(k) ? [demo.draw("circle", { cx: 0.6 * x, cy: 0.6 * y, r: 9, class: "tag" }), demo.draw("text", { x: 0.6 * x, y: 0.6 * y + 4, "text-anchor": "middle", class: "tag" }, "b")] : [];
    return [demo.draw("line", { x1: 0, y1: 0, x2: x, y2: y, class: `object ${kind}${chosen.has(k) ? " chosen" : ""}` }),
      demo.draw("text", { x: x * far, y: y * far + 3, "text-anchor": "middle" }, name.replace("jet ", "")), ...mark];
  });
  const said = NAMES.map((_, k) => `${nameOf(k)} ${pt.values[6 * current + k].toFixed(0)} GeV at ${(phi.values[6 * current + k] * 180 / Math.PI).toFixed(0)} degrees`).join("; ");
  demo.find("view").replaceChildren(demo.draw("svg", { viewBox: "-112 -112 224 224", role: "img", "aria-label": `The plane across the beams: ${said}` },
    demo.draw("circle", { r: 85, class: "thin" }), ...parts.flat()));
  const sum = [0, 0, 0, 0];
  chosen.forEach((k) => sum.forEach((_, i) => { sum[i] += p4.values[24 * current + 4 * k + i]; }));
  const mass = Math.sqrt(Math.max(0, sum[3] ** 2 - sum[0] ** 2 - sum[1] ** 2 - sum[2] ** 2));
  const least = chosen.has(1) ? " at least, since the neutrino's momentum along the beams is not measured" : "";
  demo.find("mass").textContent = chosen.size < 2 ? "Tick two or more particles to see the mass of what they came from." : `Mass: ${mass.toFixed(0)} GeV${least}.`;
};
const boxes = NAMES.map((_, k) => {
  const box = demo.make("input", { type: "checkbox", onchange: () => { if (box.checked) chosen.add(k); else chosen.delete(k); showEvent(); } });
  const label = demo.make("span");
  demo.find("objects").append(demo.make("label", { class: "choice" }, box, label));
  return { box, label };
});
demo.find("legend").append(...[["tagged", "jet with a b tag"], ["", "other jet"], ["lepton", "lepton"], ["dashed", "missing (neutrino)"], ["chosen", "ticked"]].map(([kind, name]) => demo.make("li", {},
  demo.draw("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, demo.draw("line", { x1: 0, y1: 4, x2: 28, y2: 4, class: `object ${kind}` })), ` ${name}`)));
demo.find("pair").addEventListener("click", () => {
  chosen.clear();
  boxes.forEach(({ box }, k) => { box.checked = tagged(k); if (tagged(k)) chosen.add(k); });
  showEvent();
});
const newEvent = (i) => {
  current = i;
  chosen.clear();
  boxes.forEach(({ box, label }, k) => {
    box.checked = false;
    const direction = k === 1 ? "" : `, eta ${eta.values[6 * i + k].toFixed(1)}`;
    label.replaceChildren(...(tagged(k) ? [demo.make("b", { class: "tag", "aria-hidden": "true" }, "b"), " "] : []), `${nameOf(k)}: ${pt.values[6 * i + k].toFixed(0)} GeV${direction}`);
  });
  showEvent();
  if (demo.find("mbb").value) ask();
};

// --- another m_bb -------------------------------------------------------------------------------------
const place = inputs.shape[1] - DATA.masses.length + DATA.masses.indexOf("m_bb");
const withMass = (mass) => {
  const { shape, values } = demo.row(inputs, current), changed = values.slice();
  changed[place] = Math.log(mass);
  return probability({ shape, values: changed });
};
const axis = [...Array(39).keys()].map((k) => 20 + 10 * k);
const frame = (labels) => [demo.draw("rect", { x: 0, y: 0, width: 200, height: 140, class: "thin" }), ...labels.map(([x, y, text, anchor = "middle"]) => demo.draw("text", { x, y, "text-anchor": anchor }, text))];
const box = { viewBox: "-46 -8 262 186", role: "img" };
let wanted = 125;
const ask = () => {
  const own = Math.exp(demo.row(inputs, current).values[place]), p = withMass(wanted), now = demo.predicted(current);
  const points = axis.map((mass) => `${(mass - 20) / 1.9},${140 - 140 * withMass(mass)}`).join(" ");
  demo.find("curve").replaceChildren(demo.draw("svg", { ...box, "aria-label": `Probability of signal against m_bb: ${axis.filter((_, k) => k % 4 === 0).map((mass) => `${mass} GeV ${withMass(mass).toFixed(2)}`).join(", ")}` },
    ...frame([[0, 154, "20"], [200, 154, "400"], [100, 168, "m_bb (GeV)"], [-4, 8, "1", "end"], [-4, 142, "0", "end"], [-4, 74, "signal", "end"]]),
    demo.draw("polyline", { points, class: "line" }), demo.draw("circle", { cx: (wanted - 20) / 1.9, cy: 140 - 140 * p, r: 5, class: "dot" })));
  demo.find("what").textContent = `With m_bb = ${wanted} GeV the network would say ${demo.percent(p)} signal. ` +
    (answered ? `The event has ${own.toFixed(0)} GeV, and the network says ${demo.percent(now)}.` : "Decide above to see what it says about the event as it is.");
};

let answered = false;
demo.quiz(demo.find("quiz"), {
  n: DATA.signal.length, choices: ["background", "signal"],
  show(i) { answered = false; newEvent(i); },
  truth: (i) => DATA.signal[i],
  models: [{ name: "the network", answer: (i) => Number(demo.predicted(i) > 0.5), right: DATA.right, of: DATA.of }],
  after(i) {
    answered = true;
    ask();
    const m = (name) => Math.exp(demo.row(inputs, i).values[inputs.shape[1] - DATA.masses.length + DATA.masses.indexOf(name)]).toFixed(0);
    return `The network says ${demo.percent(demo.predicted(i))} signal. m_bb is ${m("m_bb")} GeV, the mass of a b jet and two others (m_jjj) ${m("m_jjj")} GeV.`;
  },
});
demo.slider("mbb", (value) => { wanted = value; ask(); }, (value) => `${value} GeV`);

// --- the threshold ------------------------------------------------------------------------------------
const { score, signal } = DATA.counted, total = [0, 1].map((label) => signal.filter((y) => y === label).length);
const kept = (label, cut) => score.filter((p, i) => signal[i] === label && p >= cut).length;

// Of s events on b +- share * b; as significance of Higgs/model.py, with its source.
const significance = (s, b, share) => {
  if (share === 0) return Math.sqrt(2 * ((s + b) * Math.log1p(s / b) - s));
  const v = (share * b) ** 2;
  const one = (s + b) * Math.log((s + b) * (b + v) / (b ** 2 + (s + b) * v)), two = b ** 2 / v * Math.log1p(v * s / (b * (b + v)));
  return Math.sqrt(2 * Math.max(one - two, 0));
};
const cuts = [...Array(99).keys()].map((k) => k / 100);
const search = { cut: 0.2, share: 0.05 };
const rates = cuts.map((cut) => [kept(0, cut) / total[0], kept(1, cut) / total[1]]);
const bars = [0, 1].map((label) => [...Array(20).keys()].map((k) => score.filter((p, i) => signal[i] === label && Math.min(Math.floor(20 * p), 19) === k).length / total[label]));
const highest = Math.max(...bars.flat());
const steps = (label) => bars[label].flatMap((share, k) => [[10 * k, 140 - 130 * share / highest], [10 * k + 10, 140 - 130 * share / highest]]).join(" ");
demo.z = (cut, share) => {
  const [false_, true_] = rates[Math.round(100 * cut)];
  return { s: 100 * true_, b: 1000 * false_, z: false_ > 0 ? significance(100 * true_, 1000 * false_, share) : NaN };
};
const showSearch = () => {
  const { s, b, z } = demo.z(search.cut, search.share), [x, y] = rates[Math.round(100 * search.cut)];
  // Below five background events of the sample, Z is a matter of luck
  const best = cuts.filter((cut) => kept(0, cut) >= 5).reduce((best_, cut) => (demo.z(cut, search.share).z > demo.z(best_, search.share).z ? cut : best_));
  demo.find("scores").replaceChildren(demo.draw("svg", { ...box, "aria-label": "Histogram of the network's probability: signal, full line, lies to the right; background, dashed, to the left" },
    ...frame([[0, 154, "0"], [200, 154, "1"], [100, 168, "probability, as the network says"], [4, 12, "– – background", "start"], [196, 12, "— signal", "end"]]),
    demo.draw("polyline", { points: steps(0), class: "line other dashed" }), demo.draw("polyline", { points: steps(1), class: "line" }),
    demo.draw("line", { x1: 200 * search.cut, x2: 200 * search.cut, y1: 0, y2: 140, class: "arrow" })));
  demo.find("roc").replaceChildren(demo.draw("svg", { ...box, "aria-label": `ROC curve: at this threshold ${demo.percent(y)} of signal and ${demo.percent(x)} of background are kept` },
    ...frame([[100, 168, "background kept"], [0, 154, "0"], [200, 154, "1"], [-4, 8, "1", "end"], [-4, 74, "signal", "end"], [-4, 86, "kept", "end"]]),
    demo.draw("polyline", { points: "0,140 200,0", class: "thin dashed" }),
    demo.draw("polyline", { points: [...rates, [0, 0]].map(([false_, true_]) => `${200 * false_},${140 - 140 * true_}`).join(" "), class: "line" }),
    demo.draw("circle", { cx: 200 * x, cy: 140 - 140 * y, r: 5, class: "dot" })));
  demo.find("z").textContent = `s = ${s.toFixed(0)}, b = ${b.toFixed(0)}: ` + (kept(0, search.cut) < 5
    ? "fewer than five background events of our sample are left, so nobody knows b."
    : `Z = ${z.toFixed(1)}. Without a cut it is ${demo.z(0, search.share).z.toFixed(1)}; ` +
      (demo.z(best, search.share).z - z < 0.05 ? "no threshold has more on these events. (Choosing it on the events that measure it flatters Z a little.)" : "there is a better threshold."));
};
demo.slider("cut", (value) => { search.cut = value; showSearch(); }, (value) => value.toFixed(2));
demo.slider("uncertainty", (value) => { search.share = value / 100; showSearch(); }, (value) => `${value} %`);
