// Draws the figures that the page carries as data, each when it comes near the window: fifty runs
// make long pages, and nobody waits for what is out of sight. Paper has no window, so all are drawn.
const figures = JSON.parse(document.getElementById("figures").textContent);
// The buttons are listed, since the default ones include sending the data to a server.
const config = {displaylogo: false, responsive: true, displayModeBar: "hover",
                modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]]};
const waiting = new Set(Object.keys(figures));

function draw(name) {
  if (!waiting.delete(name)) return;
  const place = document.getElementById("figure-" + name);
  place.replaceChildren();
  // The buttons stand upright, clear of the legend.
  const layout = {...figures[name].layout, modebar: {orientation: "v"}};
  Plotly.newPlot(place, figures[name].data, layout, config);
}

const near = new IntersectionObserver(seen => {
  for (const one of seen) if (one.isIntersecting) draw(one.target.dataset.figure);
}, {rootMargin: "800px"});
for (const name of waiting) {
  const place = document.getElementById("figure-" + name);
  place.style.minHeight = figures[name].layout.height + "px";
  near.observe(place);
}
addEventListener("beforeprint", () => [...waiting].forEach(draw));
l2rlTables.prepare(document);
