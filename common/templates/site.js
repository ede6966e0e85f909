// What a page of the site does beyond standing there; without JavaScript nothing is missing but this.
"use strict";

// --- explorers: sliders over pictures that were drawn beforehand -----------------------------------
for (const explorer of document.querySelectorAll(".explorer")) {
  const { sliders, start, pictures, texts } = JSON.parse(explorer.querySelector("script").textContent);
  const image = explorer.querySelector("img"), caption = explorer.querySelector("figcaption");
  const names = Object.keys(sliders), place = [...start];

  const show = () => {
    const index = names.reduce((sum, name, i) => sum * sliders[name].length + place[i], 0);
    image.src = "data:image/png;base64," + pictures[index];
    image.alt = caption.textContent = texts[index];
  };
  const controls = explorer.querySelector(".sliders");
  names.forEach((name, i) => {
    const label = document.createElement("label"), input = document.createElement("input");
    const output = document.createElement("output");
    const said = () => {
      output.textContent = sliders[name][place[i]];
      input.setAttribute("aria-valuetext", sliders[name][place[i]]);
    };
    Object.assign(input, { type: "range", min: 0, max: sliders[name].length - 1, step: 1, value: start[i] });
    input.addEventListener("input", () => { place[i] = Number(input.value); said(); show(); });
    label.append(name + " ", input, " ", output);
    controls.append(label);
    said();
  });
  caption.setAttribute("aria-live", "polite");
  show();
}
