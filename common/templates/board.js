// The filter of the leaderboard: rows and lines of other teams step back. Without JavaScript there is no filter.
"use strict";
const form = document.querySelector(".filter");
if (form) {
  const input = form.querySelector("input"), status = form.querySelector("[role=status]");
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const marked = [...document.querySelectorAll("[data-team]")].map((item) => [item, plain(item.dataset.team)]);
  const filter = () => {
    const wanted = plain(input.value.trim()), found = new Set();
    for (const [item, team] of marked) {
      const fits = team.includes(wanted);
      if (fits) found.add(team);
      if (item instanceof SVGElement) {
        item.classList.toggle("away", !fits);
        item.classList.toggle("found", fits && wanted !== "");
      } else item.hidden = !fits;
    }
    status.textContent = wanted ? `${found.size} team${found.size === 1 ? "" : "s"}` : "";
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  input.addEventListener("input", filter);
  input.addEventListener("keydown", (event) => { if (event.key === "Escape") { input.value = ""; filter(); } });
  filter();
}
