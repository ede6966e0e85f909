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

// --- light and dark ---------------------------------------------------------------------------------
const root = document.documentElement;
const toggle = document.querySelector(".theme");
const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
if (toggle) {
  const name = () => { toggle.textContent = isDark() ? "Light" : "Dark"; };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* a browser that keeps nothing */ }
    name();
  });
  name();
}

// --- copy buttons -----------------------------------------------------------------------------------
for (const block of document.querySelectorAll("main .highlight")) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "copy", textContent: "Copy" });
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    const text = block.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {  // pages from a file may not write to the clipboard: select the code instead
      getSelection().selectAllChildren(block.querySelector("pre"));
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  });
  block.prepend(button);
}

// --- the table of contents follows the reading -------------------------------------------------------
const entries = [...document.querySelectorAll(".toc a")];
const headings = entries.map((entry) => document.getElementById(decodeURIComponent(entry.hash.slice(1))));
const follow = () => {
  const last = headings.findLastIndex((heading) => heading && heading.getBoundingClientRect().top < 120);
  entries.forEach((entry, i) => {
    if (i === last) entry.setAttribute("aria-current", "true"); else entry.removeAttribute("aria-current");
  });
};
if (entries.length) {
  addEventListener("scroll", follow, { passive: true });
  follow();
}

// --- search over all pages; the index is a script, so that it can be read from a disk -----------------
const query = document.querySelector("#query");
if (query && window.SEARCH_INDEX) {
  const list = document.querySelector("#found"), status = document.querySelector("#status");
  const search = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter((word) => word.length > 1);
    const found = !words.length ? [] : window.SEARCH_INDEX
      .map((entry) => [words.map((word) => (entry.heading.toLowerCase().includes(word) ? 10 : 0)
                                         + (entry.text.toLowerCase().split(word).length - 1)), entry])
      .filter(([counts]) => counts.every((count) => count > 0))
      .sort(([a], [b]) => Math.min(...b) - Math.min(...a)).slice(0, 30);
    list.replaceChildren(...found.map(([, entry]) => {
      const item = document.createElement("li"), link = document.createElement("a"), around = document.createElement("p");
      link.href = entry.page;
      link.textContent = entry.title === entry.heading ? entry.title : entry.title + ": " + entry.heading;
      const place = Math.max(0, entry.text.toLowerCase().indexOf(words[0]) - 60);
      around.textContent = (place ? "… " : "") + entry.text.slice(place, place + 180) + " …";
      item.append(link, around);
      return item;
    }));
    status.textContent = words.length ? `${found.length} section${found.length === 1 ? "" : "s"} found` : "";
  };
  query.value = new URLSearchParams(location.search).get("q") || "";
  query.addEventListener("input", search);
  query.form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  search();
}
